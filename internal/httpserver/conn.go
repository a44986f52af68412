package httpserver

import (
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
}

// Write implements net.Conn.
func (c *idleConn) Write(p []byte) (n int, err error) {
	begin := time.Now()
	for {
		if took := time.Since(begin); took > slowWriteGrace && float64(n) < took.Seconds()*slowWriteRate {
			return n, os.ErrDeadlineExceeded // the peer keeps the bytes in memory here
		}
		piece := p[n:min(len(p), n+writeChunkBytes)]
		w, err := c.timed(func() (int64, error) {
			w, err := c.tcpConn.Write(piece)
			return int64(w), err
		})
		n += int(w)
		if err != nil || n == len(p) {
			return n, err
		}
	}
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
