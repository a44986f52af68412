package httpserver

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Sizes of the pieces that each get a deadline of their own.
const (
	writeChunkBytes = 256 << 10
	sendChunkBytes  = 4 << 20
	copyBytes       = 64 << 10
)

// A peer must take bytes that are in memory at this rate, on average, once a write has lasted that long.
const (
	slowWriteGrace = 60 * time.Second
	slowWriteRate  = 1 << 10 // bytes per second
)

// idleListener gives every connection a deadline per write.
type idleListener struct {
	net.Listener
	idle time.Duration
}

func (l *idleListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t, ok := c.(tcpConn)
	if !ok {
		return c, nil
	}
	return &idleConn{tcpConn: t, idle: l.idle}, nil
}

// tcpConn holds the methods of *net.TCPConn that the wrapper needs.
type tcpConn interface {
	net.Conn
	io.ReaderFrom
	CloseWrite() error
}

// idleConn ends a connection whose peer takes nothing for the idle time. There is no limit on a whole answer, and a slow
// peer is not a stalled one: a deadline that passes after some bytes went out only starts the next deadline.
type idleConn struct {
	tcpConn
	idle time.Duration

	corked bool
	held   []byte // written while it was corked, and not sent yet; a part of buffer
	buffer *[heldBytes]byte
}

// heldBytes is the size of net/http's buffer, which the header of an answer and the beginning of its body leave by a write of
// their own.
const heldBytes = 4 << 10

var heldBuffers = sync.Pool{New: func() any { return new([heldBytes]byte) }}

// cork holds a short write back until the next one or uncork, so that both leave together.
func (c *idleConn) cork() { c.corked = true }

func (c *idleConn) uncork() error {
	c.corked = false
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.Write(nil)
	return err
}

// Write implements net.Conn.
func (c *idleConn) Write(p []byte) (n int, err error) {
	if c.corked && len(c.held)+len(p) <= heldBytes {
		c.hold(p)
		return len(p), nil
	}
	begin, sent := time.Now(), 0
	for {
		if took := time.Since(begin); took > slowWriteGrace && float64(sent) < took.Seconds()*slowWriteRate {
			return n, os.ErrDeadlineExceeded // the peer keeps the bytes in memory here
		}
		piece := p[n:min(len(p), n+writeChunkBytes)]
		w, err := c.timed(func() (int64, error) { return c.send(piece) })
		sent += int(w)
		n += int(w) - c.release(int(w))
		if err != nil || n == len(p) && len(c.held) == 0 {
			return n, err
		}
	}
}

// send writes what is held, and then a piece.
func (c *idleConn) send(piece []byte) (int64, error) {
	if len(c.held) == 0 {
		w, err := c.tcpConn.Write(piece)
		return int64(w), err
	}
	both := net.Buffers{c.held, piece}
	return both.WriteTo(c.tcpConn)
}

func (c *idleConn) hold(p []byte) {
	if c.buffer == nil {
		c.buffer = heldBuffers.Get().(*[heldBytes]byte) //nolint:forcetypeassert // the pool holds nothing else
		c.held = c.buffer[:0]
	}
	c.held = append(c.held, p...)
}

// release drops what is held of n bytes that were sent, and returns how much that is.
func (c *idleConn) release(n int) int {
	n = min(n, len(c.held))
	if c.held = c.held[n:]; len(c.held) == 0 && c.buffer != nil {
		heldBuffers.Put(c.buffer)
		c.held, c.buffer = nil, nil
	}
	return n
}

type connKey struct{}

// withConn is http.Server.ConnContext: requests find their connection, where it can be corked.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if idle, ok := c.(*idleConn); ok {
		return context.WithValue(ctx, connKey{}, idle)
	}
	return ctx
}

func connOf(ctx context.Context) *idleConn {
	c, _ := ctx.Value(connKey{}).(*idleConn)
	return c
}

// ReadFrom implements io.ReaderFrom. Files go to the kernel piece by piece as what it can send itself, an *io.LimitedReader
// over an *os.File; anything else is copied, so that waiting for the source is not taken for a stalled peer.
func (c *idleConn) ReadFrom(src io.Reader) (n int64, err error) {
	limited, isLimited := src.(*io.LimitedReader)
	if !isLimited {
		limited = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	f, isFile := limited.R.(*os.File)
	if !isFile {
		buf, _ := copyBuffers.Get().(*[]byte)
		defer copyBuffers.Put(buf)
		return io.CopyBuffer(onlyWriter{c}, limited, *buf)
	}
	for limited.N > 0 {
		piece := &io.LimitedReader{R: f, N: min(limited.N, sendChunkBytes)}
		sent, err := c.timed(func() (int64, error) { return c.tcpConn.ReadFrom(piece) })
		n += sent
		limited.N -= sent
		if err != nil || sent == 0 {
			return n, err
		}
	}
	return n, nil
}

// timed runs one piece under a fresh deadline. A deadline that passed after progress is no error: the caller goes on
// with the rest.
func (c *idleConn) timed(piece func() (int64, error)) (int64, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	n, err := piece()
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

var copyBuffers = sync.Pool{New: func() any {
	b := make([]byte, copyBytes)
	return &b
}}

type onlyWriter struct{ io.Writer }
