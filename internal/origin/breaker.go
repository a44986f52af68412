package origin

import (
	"sync"
	"time"
)

// BreakerState of an origin; the numbers are those of the metric.
type BreakerState int

const (
	// Closed: requests go out.
	Closed BreakerState = iota
	// HalfOpen: one request is under way to find out whether the origin answers again.
	HalfOpen
	// Broken: requests are answered with a Fault of class Open until the next probe is due.
	Broken
)

func (s BreakerState) String() string { return [...]string{"closed", "half-open", "open"}[s] }

const (
	breakerWindow   = 30 * time.Second
	breakerFailures = 5 // in the window, and at least half of all
	probeFirst      = 10 * time.Second
	probeLast       = 5 * time.Minute
	// probeHung is when a probe that has not reported is given up. Timeouts end requests before.
	probeHung = 2 * time.Minute
	tellEvery = time.Minute // one pair of changes
)

// verdict on an origin after a request.
type verdict int

const (
	void   verdict = iota // says nothing about the origin
	fair                  // an answer that is no success, and does not count as a failure either
	good                  // an answer
	failed                // no answer, or a 5xx
)

// ticket is the right to send one request. A report counts only in the generation that the ticket is of.
type ticket struct {
	gen   uint64
	probe bool
}

// breaker stops asking an origin that does not answer. Every change of state begins a generation, so that the late report of a
// request from before can't flip the state.
type breaker struct {
	now  func() time.Time
	tell func(down bool, at time.Time, fault string) // may be nil

	mu      sync.Mutex
	open    bool
	gen     uint64
	since   time.Time     // of the state
	wait    time.Duration // the last time between probes
	until   time.Time     // when the next probe is due
	probing bool
	probeAt time.Time
	window  [int(breakerWindow / time.Second)]struct{ second, all, failures int64 }
	sent    int64  // tickets
	failed  int64  // of these
	last    string // text of the last failure
	lastAt  time.Time
	goodAt  time.Time // of the last answer that was no failure

	telling  sync.Mutex // keeps tell in order
	told     bool       // that it is down
	toldDown time.Time
}

// refuses says how long requests are answered here; 0 if one may go out. It takes no ticket.
func (b *breaker) refuses() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refusesLocked(b.now())
}

func (b *breaker) refusesLocked(now time.Time) time.Duration {
	switch {
	case !b.open:
		return 0
	case now.Before(b.until):
		return b.until.Sub(now)
	case b.probing && now.Sub(b.probeAt) < probeHung:
		return time.Second
	}
	return 0
}

// enter takes a ticket, or says how long requests are answered here.
func (b *breaker) enter() (*ticket, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if wait := b.refusesLocked(now); wait > 0 {
		return nil, wait
	}
	b.sent++
	if !b.open {
		return &ticket{gen: b.gen}, 0
	}
	b.gen++ // a hung probe is too late from now on
	b.probing, b.probeAt = true, now
	return &ticket{gen: b.gen, probe: true}, 0
}

// report gives the verdict of a ticket's request. A ticket that closed the breaker may report again: a body may fail after its header.
func (b *breaker) report(t *ticket, v verdict, text string) {
	b.mu.Lock()
	if v == failed {
		b.failed++
	}
	if t.gen != b.gen {
		b.mu.Unlock()
		return
	}
	now := b.now()
	if v == failed {
		b.last, b.lastAt = text, now
	} else if v != void {
		b.goodAt = now
	}
	switch {
	case t.probe:
		b.probed(t, v, now)
	case v == good || v == failed:
		b.count(v, now)
	}
	b.mu.Unlock()
	b.announce()
}

func (b *breaker) probed(t *ticket, v verdict, now time.Time) {
	b.probing = false
	b.gen++
	switch v {
	case failed:
		b.wait = min(2*b.wait, probeLast)
		b.until = now.Add(b.wait)
	case good, fair:
		b.open, b.since, b.wait = false, now, 0
		clear(b.window[:])
		t.gen, t.probe = b.gen, false
	}
}

// count adds an outcome to the window, and opens the breaker.
func (b *breaker) count(v verdict, now time.Time) {
	second := now.Unix()
	slot := &b.window[second%int64(len(b.window))]
	if slot.second != second {
		slot.second, slot.all, slot.failures = second, 0, 0
	}
	slot.all++
	if v != failed {
		return
	}
	slot.failures++
	var all, failures int64
	for _, s := range b.window {
		if age := second - s.second; age >= 0 && age < int64(len(b.window)) {
			all, failures = all+s.all, failures+s.failures
		}
	}
	if failures >= breakerFailures && 2*failures >= all {
		b.open, b.since, b.wait, b.until = true, now, probeFirst, now.Add(probeFirst)
		b.gen++
	}
}

// announce tells of a change, at most of one down and one up a minute: what was not told is told with a later report if it still holds.
func (b *breaker) announce() {
	if b.tell == nil {
		return
	}
	b.telling.Lock()
	defer b.telling.Unlock()
	b.mu.Lock()
	down, now, since, last := b.open, b.now(), b.since, b.last
	b.mu.Unlock()
	if down == b.told || down && !b.toldDown.IsZero() && now.Sub(b.toldDown) < tellEvery {
		return
	}
	b.told = down
	if down {
		b.toldDown = now
	}
	b.tell(down, since, last)
}

// idle reports whether the breaker knows nothing that would be missed.
func (b *breaker) idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.open
}

// fill writes the breaker's part of a state.
func (b *breaker) fill(s *OriginState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Since, s.LastFault, s.LastFaultAt, s.LastAnswerAt, s.Requests, s.Failures = b.since, b.last, b.lastAt, b.goodAt, b.sent, b.failed
	if !b.open {
		return
	}
	s.Breaker, s.NextProbe = Broken, b.until
	if b.probing {
		s.Breaker = HalfOpen
	}
}
