package upstreamtest

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxRecordedBody is how much of a request's body is kept.
const maxRecordedBody = 64 << 10

// Request is one request that arrived, and what became of it.
type Request struct {
	At     time.Time // of arrival
	Host   string    // "origin", "cdn" or "plain"
	Proto  string    // "HTTP/1.1", "HTTP/2.0"
	Method string
	Path   string // decoded
	Target string // as it was sent, with the query
	Query  string // as it was sent
	Header http.Header
	// Certificate says that the client showed one.
	Certificate bool
	// Body is what the client sent, at most the first 64 KiB of it; BodySize counts all of it.
	Body     []byte
	BodySize int64

	Status int   // 0 while there is no answer
	Sent   int64 // bytes of the body that were written
	Cut    bool  // the answer did not end as it should have: a fault cut it, or the client left (with HTTP/2: before the last 32 KiB)
	Done   bool  // no more is sent
}

// record is the log of requests.
type record struct {
	mu      sync.Mutex
	list    []*Request
	changed chan struct{} // closed at each change, and made anew
}

func newRecord() *record { return &record{changed: make(chan struct{})} }

// note changes the log under its lock, and wakes those that wait.
func (l *record) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

// begin notes a request before anything of it is answered, and then what it has for a body.
func (l *record) begin(h *Host, r *http.Request) *Request {
	req := &Request{
		At: time.Now(), Host: h.Name, Proto: r.Proto, Method: r.Method, Path: r.URL.Path, Target: r.RequestURI, Query: r.URL.RawQuery, Header: r.Header.Clone(),
		Certificate: r.TLS != nil && len(r.TLS.PeerCertificates) > 0,
	}
	l.note(func() { l.list = append(l.list, req) })
	if r.ContentLength != 0 {
		head, _ := io.ReadAll(io.LimitReader(r.Body, maxRecordedBody)) // a client that leaves shows in the answer
		rest, _ := io.Copy(io.Discard, r.Body)
		l.note(func() { req.Body, req.BodySize = head, int64(len(head))+rest })
	}
	return req
}

// matching are copies of the requests of a method ("" for any) and pattern, in the order of arrival, and a channel that is
// closed when the log changes.
func (l *record) matching(method, glob string) ([]Request, <-chan struct{}) {
	p := parsePattern(glob)
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Request
	for _, r := range l.list {
		if (method == "" || strings.EqualFold(method, r.Method)) && p.match(r.Host, r.Path) {
			out = append(out, *r)
		}
	}
	return out, l.changed
}

// Requests are copies of all requests since the start or the last Reset, in the order of arrival.
func (u *Server) Requests() []Request { return u.Matching("", "**") }

// Matching are the requests of a method ("" for any) and a pattern.
func (u *Server) Matching(method, glob string) []Request {
	list, _ := u.log.matching(method, glob)
	return list
}

// Count is how many requests of a method ("" for any) and a pattern arrived.
func (u *Server) Count(method, glob string) int { return len(u.Matching(method, glob)) }

// Reset forgets the requests that arrived so far.
func (u *Server) Reset() { u.log.note(func() { u.log.list = nil }) }
