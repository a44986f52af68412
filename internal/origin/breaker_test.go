package origin

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// breakerTest is a breaker with a clock, and what it told.
type breakerTest struct {
	*clock
	b    *breaker
	told []string
}

func newBreakerTest() *breakerTest {
	bt := &breakerTest{clock: newClock()}
	bt.b = &breaker{now: bt.now, tell: func(down bool, _ time.Time, fault string) {
		bt.told = append(bt.told, fmt.Sprintf("%v %s", down, fault))
	}}
	return bt
}

// ask sends a request if the breaker lets it, with a verdict.
func (bt *breakerTest) ask(v verdict) bool {
	t, _ := bt.b.enter()
	if t == nil {
		return false
	}
	bt.b.report(t, v, "answered 500")
	return true
}

func (bt *breakerTest) state() OriginState {
	var s OriginState
	bt.b.fill(&s)
	return s
}

// TestBreakerTimeline: it opens at five failures that are half of all within 30 seconds, and probes after 10, 20, 40 … 300 s.
func TestBreakerTimeline(t *testing.T) {
	bt := newBreakerTest()
	for range 4 {
		bt.ask(failed)
	}
	if bt.state().Breaker != Closed {
		t.Fatal("open after four")
	}
	bt.advance(31 * time.Second) // they are forgotten
	for range 6 {
		bt.ask(good)
	}
	for range 5 {
		bt.ask(failed)
	}
	if bt.state().Breaker != Closed {
		t.Fatal("open at 5 of 11")
	}
	for range 100 {
		bt.ask(fair) // does not count
	}
	bt.ask(failed)
	if s := bt.state(); s.Breaker != Broken || s.LastFault != "answered 500" || !s.Since.Equal(bt.now()) {
		t.Fatalf("6 of 12: %+v", s)
	}
	for _, wait := range []int{10, 20, 40, 80, 160, 300, 300} {
		if got := bt.state().NextProbe.Sub(bt.now()); got != time.Duration(wait)*time.Second {
			t.Fatalf("next probe in %s, want %d s", got, wait)
		}
		bt.advance(time.Duration(wait)*time.Second - 1)
		if bt.ask(good) {
			t.Fatal("asked too early")
		}
		bt.advance(1)
		if !bt.ask(failed) {
			t.Fatal("no probe")
		}
	}
	bt.advance(300 * time.Second)
	if !bt.ask(good) || bt.state().Breaker != Closed {
		t.Error("a good probe does not close it")
	}
	for range 4 {
		bt.ask(failed)
	}
	if bt.state().Breaker != Closed {
		t.Error("failures of before count")
	}
	if want := []string{"true answered 500", "false answered 500"}; !slices.Equal(bt.told, want) {
		t.Errorf("told %v", bt.told)
	}
}

// TestBreakerGenerations: one probe at a time; a hung one does not wedge the breaker, and late reports do not flip it.
func TestBreakerGenerations(t *testing.T) {
	bt := newBreakerTest()
	slow, _ := bt.b.enter()
	for range 5 {
		bt.ask(failed)
	}
	bt.b.report(slow, good, "")
	if bt.state().Breaker != Broken {
		t.Fatal("a request of before has closed it")
	}
	bt.advance(10 * time.Second)
	hung, _ := bt.b.enter()
	if hung == nil || !hung.probe || bt.state().Breaker != HalfOpen {
		t.Fatal("no probe")
	}
	if other, wait := bt.b.enter(); other != nil || wait == 0 {
		t.Fatal("two probes")
	}
	bt.advance(probeHung)
	next, _ := bt.b.enter()
	if next == nil {
		t.Fatal("a hung probe wedges it")
	}
	bt.b.report(hung, failed, "late")
	if bt.state().Breaker != HalfOpen {
		t.Fatal("the hung probe's report counted")
	}
	bt.b.report(next, void, "") // the caller left
	if bt.state().Breaker != Broken {
		t.Fatal("nothing was learnt")
	}
	last, _ := bt.b.enter()
	bt.b.report(last, fair, "") // a 401 is an answer
	if bt.state().Breaker != Closed {
		t.Fatal("an answer does not close it")
	}
	bt.b.report(hung, failed, "late")
	for range 4 {
		bt.b.report(last, failed, "cut") // the body of the same request
	}
	if bt.state().Breaker != Closed {
		t.Fatal("too early")
	}
	bt.b.report(last, failed, "cut")
	if bt.state().Breaker != Broken {
		t.Error("faults of bodies after a probe do not count")
	}
}

// TestBreakerTells at most one pair a minute; what was not told is told later if it still holds.
func TestBreakerTells(t *testing.T) {
	bt := newBreakerTest()
	flap := func() {
		for range 5 {
			bt.ask(failed)
		}
		bt.advance(10 * time.Second)
		bt.ask(good)
	}
	flap()
	flap()
	flap()
	if len(bt.told) != 2 {
		t.Fatalf("told %v", bt.told)
	}
	for range 5 {
		bt.ask(failed)
	}
	if len(bt.told) != 2 {
		t.Fatalf("told %v", bt.told)
	}
	bt.advance(time.Minute)
	bt.ask(failed) // a probe: still down
	if len(bt.told) != 3 || bt.told[2] != "true answered 500" {
		t.Errorf("told %v", bt.told)
	}
}

// TestBreakerOfOrigins: 20 times 500 at the host of files opens its breaker alone; 404 never does; a fault tells when to come back.
func TestBreakerOfOrigins(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	up := serve(t, http.NotFound)
	cdn := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	clk := newClock()
	var changes []Change
	cl := client(t, up.URL, func(s *setup) {
		s.Now = clk.now
		s.OnChange = func(c Change) { changes = append(changes, c) }
		s.Redirects = Redirects{Mode: RedirectHosts, Hosts: []string{"cdn.example.com"}}
	})
	file := Request{URL: cdn.at("cdn.example.com") + "/f?sig=" + canary, Kind: File}
	var err error
	for range 20 {
		_, _, err = read(t, cl, Request{})
		want(t, err, Absent, "404")
		_, _, err = read(t, cl, file)
	}
	want(t, err, Open, "did not answer before")
	if f := err.(*Fault); f.RetryAfter != 10*time.Second || len(cdn.requests()) != 5 || len(up.requests()) != 20 {
		t.Errorf("%+v after %d requests", f, len(cdn.requests()))
	}
	s := cl.State()
	if len(s) != 2 || !s[0].Own || s[0].Breaker != Closed || s[1].Breaker != Broken || s[1].LastFault != "answered 500" {
		t.Errorf("%+v", s)
	}
	broken.Store(false)
	clk.advance(10 * time.Second)
	if _, _, err := read(t, cl, file); err != nil {
		t.Error(err)
	}
	if len(changes) != 2 || !changes[0].Down || changes[1].Down || changes[0].Own || changes[0].Fault != "answered 500" {
		t.Errorf("%+v", changes)
	}
}

// TestPeersAreBounded: an index may name any number of hosts.
func TestPeersAreBounded(t *testing.T) {
	clk := newClock()
	cl := client(t, "http://registry.example.com", func(s *setup) { s.Now = clk.now })
	cl.State()
	for i := range 2 * maxPeers {
		clk.advance(time.Second)
		cl.peer(site{"https", fmt.Sprintf("h%d.example", i), "443"})
	}
	if n := len(cl.State()); n != maxPeers || !cl.State()[0].Own {
		t.Errorf("%d origins", n)
	}
}

// TestBreakerLastAnswer: the last answer that is no failure is known, and what says nothing about the origin is none.
func TestBreakerLastAnswer(t *testing.T) {
	bt := newBreakerTest()
	bt.ask(void)
	bt.ask(failed)
	if at := bt.state().LastAnswerAt; !at.IsZero() {
		t.Errorf("without an answer: %v", at)
	}
	for _, v := range []verdict{good, fair} {
		bt.advance(time.Second)
		bt.ask(v)
		want := bt.now()
		bt.advance(time.Second)
		bt.ask(failed)
		if at := bt.state().LastAnswerAt; !at.Equal(want) {
			t.Errorf("after the verdict %v: %v, want %v", v, at, want)
		}
	}
}
