package httpserver

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// connected returns both ends of a connection.
func connected(t *testing.T) (*idleConn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&idleListener{Listener: l, idle: 200 * time.Millisecond}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		_ = peer.Close()
	})
	return c.(*idleConn), peer
}

// TestCork: a short write waits for the next one, and the peer gets the bytes in their order, whatever their number.
func TestCork(t *testing.T) {
	for _, sizes := range [][]int{{1, 0}, {heldBytes, 1}, {heldBytes, heldBytes}, {100, 200, 300}, {heldBytes, 3 << 20}, {1, heldBytes, 2 << 20, 5}, {heldBytes + 1, 1}, {0}} {
		c, peer := connected(t)
		var want []byte
		got := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(peer)
			got <- all
		}()
		c.cork()
		for i, n := range sizes {
			p := bytes.Repeat([]byte{byte('a' + i)}, n)
			want = append(want, p...)
			if w, err := c.Write(p); w != n || err != nil {
				t.Fatalf("%v: Write of %d bytes: %d, %v", sizes, n, w, err)
			}
			clear(p) // net/http uses its buffer again
		}
		if err := c.uncork(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("end")); err != nil { // it is not held
			t.Fatal(err)
		}
		if c.buffer != nil || len(c.held) > 0 {
			t.Errorf("%v: %d bytes are held", sizes, len(c.held))
		}
		_ = c.CloseWrite()
		if all := <-got; !bytes.Equal(all, append(want, "end"...)) {
			t.Errorf("%v: the peer got %d bytes, want %d", sizes, len(all), len(want)+3)
		}
	}
}

// TestCorkHolds: what is held does not leave before the next write.
func TestCorkHolds(t *testing.T) {
	c, peer := connected(t)
	c.cork()
	if _, err := c.Write([]byte("header")); err != nil {
		t.Fatal(err)
	}
	_ = peer.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := peer.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the peer got %d bytes, %v", n, err)
	}
	_ = peer.SetReadDeadline(time.Time{})
	if err := c.uncork(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if _, err := io.ReadFull(peer, b); err != nil || string(b) != "header" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestCorkStalled: the idle time counts for both parts together.
func TestCorkStalled(t *testing.T) {
	c, _ := connected(t)
	c.cork()
	_, _ = c.Write(make([]byte, heldBytes))
	for {
		if _, err := c.Write(make([]byte, 4<<20)); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
