package commandtest

import (
	"io"
	"net"
	"sync"
	"testing"

	"slipway/storage/s3/s3test"
)

// Gate passes connections on to a server, until it is cut: then it swallows what either side sends, as a broken network does, and the
// connections stay open.
type Gate struct {
	Addr string

	to    string
	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// NewGate makes a gate in front of a server at host:port, which goes with the test.
func NewGate(t *testing.T, to string) *Gate {
	t.Helper()
	addr, err := s3test.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{Addr: addr, to: to, conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // the test has ended
			}
			go g.serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		g.Heal()
	})
	return g
}

// Cut swallows what comes from now on.
func (g *Gate) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = true
}

// Heal passes new connections on. Those that there are end, as bytes of them may be lost.
func (g *Gate) Heal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = false
	for conn := range g.conns {
		_ = conn.Close()
	}
}

func (g *Gate) serve(client net.Conn) {
	if !g.keep(client) {
		return
	}
	defer g.end(client)
	server, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	if !g.keep(server) {
		return
	}
	defer g.end(server)
	go func() {
		defer client.Close()
		_, _ = io.Copy(through{g, client}, server) // the other side is closed in any case
	}()
	_, _ = io.Copy(through{g, server}, client)
}

// keep notes a connection. While the gate is cut, its first connection waits for what never comes.
func (g *Gate) keep(conn net.Conn) bool {
	g.mu.Lock()
	g.conns[conn] = true
	cut := g.cut
	g.mu.Unlock()
	if cut {
		_, _ = io.Copy(io.Discard, conn)
		g.end(conn)
	}
	return !cut
}

func (g *Gate) end(conn net.Conn) {
	_ = conn.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, conn)
}

// through is a connection whose bytes pass the gate.
type through struct {
	*Gate
	net.Conn
}

func (t through) Write(p []byte) (int, error) {
	t.mu.Lock()
	cut := t.cut
	t.mu.Unlock()
	if cut {
		return len(p), nil
	}
	return t.Conn.Write(p)
}

// ReadFrom is hidden: bytes would pass beside the gate.
func (t through) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{t}, r)
}
