package httpserver

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"slipway/registry/access"
)

// Bounds of what is remembered of requests while somebody looks.
const (
	maxSeen      = 256
	maxSeenBytes = 200 // of each text
	seenTime     = 15 * time.Minute
)

// Seen is what the server remembers of a request that it has answered.
type Seen struct {
	At           time.Time // as Clock tells it
	Route        Route
	Method, Path string // as in the log: without the query, and without a token in it
	Status       int
	Detail       string // of the error that was answered
	Agent        string // User-Agent
	Client       netip.Addr
	Credentials  bool   // it had some
	UserID       int64  // 0: nobody was logged in
	TokenID      int64  // 0: no token
	Token        string // its name
}

// seen remembers the last requests, but only while somebody looks at them: else a request costs one look at a number.
type seen struct {
	until atomic.Int64 // in Unix nanoseconds
	mu    sync.Mutex
	ring  []Seen // of maxSeen; nil until somebody looks
	next  int
}

// began is when the process did, with the reading of the clock that only goes forward.
var began = time.Now()

// Clock returns the time as Seen has it. Within a process it never goes back, even when the machine's clock is put back, also as a number
// in a link: what follows a moment is never before it.
func Clock() time.Time { return began.Add(time.Since(began)) }

// Seen returns the requests of clients that this process has answered while somebody looked, the newest first, and has the next ones
// remembered for 15 minutes more. It knows nothing of other processes. Requests for pages, health and metrics are not among them.
func (s *Server) Seen() []Seen {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	now := Clock()
	if s.seen.until.Swap(now.Add(seenTime).UnixNano()) < now.UnixNano() {
		s.seen.ring, s.seen.next = make([]Seen, 0, maxSeen), 0
	}
	out := slices.Concat(s.seen.ring[s.seen.next:], s.seen.ring[:s.seen.next])
	slices.Reverse(out)
	return out
}

// note remembers a request if somebody looks.
func (s *Server) note(r *http.Request, q *request, rec *recorder) {
	if s.seen.until.Load() == 0 || q.route.Format == healthFormat || q.route.Format == pagesFormat {
		return
	}
	now := Clock()
	if s.seen.until.Load() < now.UnixNano() {
		return
	}
	one := Seen{At: now, Route: q.route, Method: Clip(r.Method, maxSeenBytes), Path: Clip(cmp.Or(q.path, r.URL.Path), maxSeenBytes), Status: rec.code(), Detail: Clip(q.detail, maxSeenBytes),
		Agent: Clip(r.UserAgent(), maxSeenBytes), Client: s.ClientIP(r), Credentials: r.Header.Get("Authorization") != ""}
	if q.actor.Type != access.TypeAnonymous {
		one.UserID, one.TokenID, one.Token = q.actor.UserID, q.actor.TokenID, q.actor.Token
	}
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if len(s.seen.ring) < maxSeen {
		s.seen.ring = append(s.seen.ring, one)
		return
	}
	s.seen.ring[s.seen.next] = one
	s.seen.next = (s.seen.next + 1) % maxSeen
}

// pagesFormat is the format of the routes of pages.
const pagesFormat = "web"
