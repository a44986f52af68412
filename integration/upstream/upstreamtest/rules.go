package upstreamtest

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Fault is one thing that goes wrong with an answer, or a limit of when it does: Times, Skip and Method.
type Fault struct {
	apply  func(*plan)
	times  int
	skip   int
	method string
}

// Rule is faults for the requests that match; they last until Stop, Mend or the end of Times.
type Rule struct {
	server *Server
	match  func(h *Host, r *http.Request) bool
	faults []Fault
	left   int // -1: no limit
	skip   int
	hits   atomic.Int64
}

// On switches faults on for the requests of a pattern. Rules that match one request all apply, in the order in which they were made.
func (u *Server) On(glob string, faults ...Fault) *Rule {
	p := parsePattern(glob)
	return u.rule(func(h *Host, r *http.Request) bool { return p.match(h.Name, r.URL.Path) }, faults)
}

// OnRequest is On for the requests that a function chooses. It is called while a lock is held, so it asks the server nothing.
func (u *Server) OnRequest(match func(*http.Request) bool, faults ...Fault) *Rule {
	return u.rule(func(_ *Host, r *http.Request) bool { return match(r) }, faults)
}

func (u *Server) rule(match func(*Host, *http.Request) bool, faults []Fault) *Rule {
	rule := &Rule{server: u, match: match, faults: faults, left: -1}
	for _, f := range faults {
		if f.times > 0 {
			rule.left = f.times
		}
		rule.skip += f.skip
		if f.method != "" {
			only, inner := f.method, rule.match
			rule.match = func(h *Host, r *http.Request) bool { return strings.EqualFold(r.Method, only) && inner(h, r) }
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rules = append(u.rules, rule)
	return rule
}

// Stop switches the rule off; answers under way are not changed.
func (r *Rule) Stop() {
	u := r.server
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rules = slices.DeleteFunc(u.rules, func(other *Rule) bool { return other == r })
}

// Hits is how many requests the rule applied to.
func (r *Rule) Hits() int { return int(r.hits.Load()) }

// Mend switches all rules off.
func (u *Server) Mend() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rules = nil
}

// Times limits a rule to the next n requests.
func Times(n int) Fault { return Fault{times: n} }

// Skip lets the first n requests pass unharmed.
func Skip(n int) Fault { return Fault{skip: n} }

// Method limits a rule to requests of one method.
func Method(method string) Fault { return Fault{method: method} }

// plan is what happens to one answer.
type plan struct {
	delay        time.Duration
	hang, reset  bool
	status       int
	instead      func(r *http.Request) *answer // not what the fixture has
	edits        []func([]byte) []byte
	headers      []func(r *http.Request, h http.Header)
	gzip         bool
	notModified  bool
	newETags     bool
	noRanges     bool
	refuseRanges bool
	shiftRange   int64

	stream
}

// stream is what happens to the bytes of a body.
type stream struct {
	cut        int64 // -1: not
	rate       int64 // bytes a second; 0: no limit
	every      int64 // pause after so many bytes
	gap        time.Duration
	chunked    bool
	untilClose bool
	longer     int64 // announced length minus true length
	flips      []int64
	marks      []mark
}

// mark is a place in the body where something happens before the byte is sent.
type mark struct {
	at int64
	do func(stop <-chan struct{})
}

// plan collects the faults of a request.
func (u *Server) plan(h *Host, r *http.Request) *plan {
	p := &plan{stream: stream{cut: -1}}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, rule := range u.rules {
		switch {
		case rule.left == 0 || !rule.match(h, r):
			continue
		case rule.skip > 0:
			rule.skip--
			continue
		case rule.left > 0:
			rule.left--
		}
		rule.hits.Add(1)
		for _, f := range rule.faults {
			if f.apply != nil {
				f.apply(p)
			}
		}
	}
	return p
}
