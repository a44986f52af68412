package formatstest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// broken: a registry elsewhere that fails is left alone after five failures, and asked by one request after 10 s, then after 20 s; what clients
// want meanwhile is unavailable. Absences are no failures.
func (r Remotes) broken(t *testing.T) {
	g := r.server(t)
	g.repository("mirror")
	g.remote("mirror", "a", g.a, upstreams.Settings{})
	state := func() upstreams.State {
		t.Helper()
		u, err := g.Upstreams.Get(g.Admin, "mirror", "a")
		g.must(err)
		s := g.Upstreams.State(u)
		if s == nil {
			t.Fatal("it was not asked")
		}
		return *s
	}
	asked := 0
	ask := func(status int) {
		t.Helper()
		asked++
		g.fails("what nobody got", status, "mirror", fmt.Sprint("example", asked), "1.0.0")
	}
	for range 20 {
		ask(http.StatusNotFound)
	}
	if s := state(); s.Breaker != "closed" || s.Failures != 0 {
		t.Errorf("after absences: %+v", s)
	}
	g.later(time.Minute)
	failing := g.a.On("**", upstreamtest.Status(http.StatusInternalServerError))
	g.a.Reset()
	for range 20 {
		ask(http.StatusServiceUnavailable)
	}
	g.a.Asked(t, 5, "", "**")
	if s := state(); s.Breaker != "open" || s.Failures != 5 {
		t.Errorf("after failures: %+v", s)
	}
	for i, wait := range []time.Duration{10 * time.Second, 20 * time.Second} {
		g.later(wait - time.Second)
		ask(http.StatusServiceUnavailable)
		g.a.Asked(t, 5+i, "", "**")
		g.later(time.Second)
		ask(http.StatusServiceUnavailable)
		ask(http.StatusServiceUnavailable)
		g.a.Asked(t, 6+i, "", "**")
	}
	g.told(registry.EventUpstreamDown, 1)
	failing.Stop()
	g.later(time.Minute)
	one := r.Put(g.a, "again", "1.0.0", "of a")
	g.gets("once it answers", "mirror", "again", "1.0.0", one)
	if s := state(); s.Breaker != "closed" {
		t.Errorf("once it answers: %+v", s)
	}
	g.told(registry.EventUpstreamUp, 1)
}
