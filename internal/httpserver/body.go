package httpserver

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"slipway/registry"
)

// idleBody gives every read of a request's body its own deadline: a long transfer is never cut, a stalled transfer is, and so
// is one that only keeps its connection busy.
type idleBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	idle  time.Duration
	slow  slowness
	from  int64       // bytes read when slow began to count
	held  atomic.Bool // memory is held for the request; set by any goroutine of it
	read  int64
	begun bool
	ended error // io.EOF, or the error that ended the body
}

// slowness is how slowly a body may come: after grace of waiting for it, at least rate bytes for each second waited.
type slowness struct {
	grace, waited time.Duration
	rate          int64
}

// Bodies that come more slowly are not worth their connection: the first is far below any line in use. Memory is held only for
// bodies that come faster.
var (
	slowest     = slowness{grace: 30 * time.Second, rate: 1 << 10}
	slowestHeld = slowness{grace: 10 * time.Second, rate: 16 << 10}
)

// hurry is for a body of a request that holds memory: from now on it must come faster.
func (b *idleBody) hurry() { b.held.Store(true) }

// watch puts an idleBody under a request that has a body.
func watch(w http.ResponseWriter, r *http.Request, idle time.Duration) *idleBody {
	b := &idleBody{ReadCloser: r.Body, rc: http.NewResponseController(w), idle: idle, slow: slowest}
	if r.Body == nil || r.Body == http.NoBody {
		b.ended = io.EOF
		return b
	}
	// This matters also for a body that no handler reads: the server itself reads the rest before it reuses the connection.
	b.extend()
	r.Body = b
	return b
}

func (b *idleBody) extend() {
	_ = b.rc.SetReadDeadline(time.Now().Add(b.idle)) // a writer without a connection has nothing to wait for
}

func (b *idleBody) Read(p []byte) (int, error) {
	if b.ended != nil {
		return 0, b.ended
	}
	b.begun = true
	b.extend()
	if b.held.Load() && b.slow.rate < slowestHeld.rate {
		b.slow, b.from = slowestHeld, b.read
	}
	begin := time.Now()
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.slow.waited += time.Since(begin)
	switch {
	case err == nil && b.slow.waited > b.slow.grace && float64(b.read-b.from) < b.slow.waited.Seconds()*float64(b.slow.rate):
		err = registry.Errorf(registry.BadBody, registry.AboutRequest, "the request's body comes too slowly: less than %d bytes per second", b.slow.rate)
		b.ended = err
		_ = b.rc.SetReadDeadline(time.Now()) // the server does not read the rest either
	case err == io.EOF:
		// The server now watches the connection for a disconnect of the client; a leftover deadline would look like one.
		_ = b.rc.SetReadDeadline(time.Time{})
		b.ended = err
	case err != nil:
		b.ended = bodyError(err)
		err = b.ended
	}
	return n, err
}

// bodyError says that the request's body could not be read.
func bodyError(err error) error {
	var known *registry.Error
	detail := "the request's body ended early"
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, os.ErrDeadlineExceeded):
		detail = "the request's body stood still for too long"
	}
	return &registry.Error{Kind: registry.BadBody, Subject: registry.AboutRequest, Detail: detail, Err: err}
}

// Bounds of the bytes that are read and dropped before an error is answered.
const (
	drainBytes = 512 << 20
	drainTime  = 60 * time.Second
)

// drain reads the rest of a body before an error is answered: a client that is still sending when the connection closes
// sees a reset instead of the answer. When the rest is longer than drainBytes or takes longer than drainTime, the
// connection is closed. A client that waits for 100-continue has sent nothing and gets the answer at once.
func (s *Server) drain(w http.ResponseWriter, r *http.Request, q *request) {
	b := q.body
	if b == nil || b.ended != nil {
		return
	}
	if !b.begun && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		return
	}
	if r.ContentLength-b.read <= drainBytes {
		deadline := time.Now().Add(drainTime)
		buf := make([]byte, 32<<10)
		for left := int64(drainBytes); left > 0 && time.Now().Before(deadline); {
			n, err := b.Read(buf)
			if err != nil {
				break
			}
			left -= int64(n)
		}
	}
	if b.ended == nil {
		w.Header().Set("Connection", "close")
	}
}
