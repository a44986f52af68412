package npm

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// state is how the remote was found, as administrators see it.
func (m *faulty) state() upstreams.State {
	m.t.Helper()
	u, err := m.Upstreams.Get(m.Admin, "mirror", "up")
	registrytest.Must(m.t, err)
	s := m.Upstreams.State(u)
	if s == nil {
		return upstreams.State{}
	}
	return *s
}

// TestUpstream27 is acceptance line 27: a remote that asks to wait is not asked for as long; what is cached is served, and the rest is 503
// with Retry-After, never 429.
func TestUpstream27(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	for _, name := range []string{"here", "other", "third"} {
		m.u.NPM(name, "1.0.0", upstreamtest.NPMVersion{})
	}
	m.SetRemote("mirror", `{"ttl":"1s","stale_while_revalidate":"0s"}`)
	m.wants(http.StatusOK, "/here")
	m.wants(http.StatusOK, tarballOf("here", "1.0.0"))
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		rule := m.u.On("**", upstreamtest.Status(status), upstreamtest.RetryAfter("20"))
		refused := func() {
			t.Helper()
			if res := m.wants(http.StatusServiceUnavailable, "/other"); res.Header.Get("Retry-After") == "" || !strings.Contains(string(res.Body), "upstream up") {
				t.Errorf("%d: %v, Retry-After %q", status, res, res.Header.Get("Retry-After"))
			}
		}
		refused()
		rule.Stop()
		m.u.Reset()
		if s := m.state(); s.PausedUntil.IsZero() || s.Breaker != "closed" {
			t.Errorf("%d: %+v", status, s)
		}
		for range 2 {
			m.later(7 * time.Second) // more than the 5 s that a request waits for its place are left
			refused()
			m.wants(http.StatusOK, "/here")
			m.wants(http.StatusOK, tarballOf("here", "1.0.0"))
		}
		m.u.NeverAsked(t, "**")
		m.later(7 * time.Second)
		m.wants(http.StatusOK, "/third")
		m.later(11 * time.Second) // a document that could not be refreshed is asked for again after ten
		m.wants(http.StatusOK, "/other")
		m.SetRemote("mirror", `{"ttl":"2s"}`) // a client of its own, without memory
		m.u.NPM("other", "1.0."+fmt.Sprint(status), upstreamtest.NPMVersion{})
		m.later(31 * 24 * time.Hour)
	}
}

// TestUpstream28 is acceptance line 28: a remote that fails is not asked after five failures but by one request after 10, 20 and 40 s, which
// may hang; absences are no failures; what was found is told.
func TestUpstream28(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	for i := range 20 {
		m.wants(http.StatusNotFound, fmt.Sprintf("/absent%d", i))
	}
	if s := m.state(); s.Breaker != "closed" || s.Failures != 0 || s.Requests != 20 {
		t.Fatalf("after absences: %+v", s)
	}
	m.later(time.Minute)
	rule := m.u.On("**", upstreamtest.Status(http.StatusInternalServerError))
	failed := 0
	ask := func() {
		t.Helper()
		failed++
		m.wants(http.StatusServiceUnavailable, fmt.Sprintf("/failed%d", failed))
	}
	m.u.Reset()
	for range 20 {
		ask()
	}
	m.u.Asked(t, 5, "", "**")
	if s := m.state(); s.Breaker != "open" || s.Failures != 5 || s.LastError == "" || s.NextTry.IsZero() {
		t.Errorf("after failures: %+v", s)
	}
	for i, wait := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
		m.later(wait - time.Second)
		ask()
		m.u.Asked(t, 5+i, "", "**")
		m.later(time.Second)
		ask() // the probe
		ask()
		m.u.Asked(t, 6+i, "", "**")
	}
	rule.Stop()
	m.later(80 * time.Second)
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	if s := m.state(); s.Breaker != "closed" {
		t.Errorf("after an answer: %+v", s)
	}
}

// TestUpstream30 is acceptance line 30: offline, no connection is made. What is cached is served, the rest is 503 that says why.
func TestUpstream30(t *testing.T) {
	var connected atomic.Int64
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	registrytest.Must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			connected.Add(1)
			_ = c.Close()
		}
	}()
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.core = append(m.core, registrytest.With(func(c *instance.Config) { c.Upstreams.Network.Offline = true }))
	m.restart()
	_, err = m.Core.CreateRepository(m.Admin, "third", registry.RepositoryChange{Also: m.Upstreams.Replacing(m.Admin, []upstreams.NewUpstream{
		{Name: "counted", Type: upstreams.TypeRemote, Format: formatName, URL: "http://" + listener.Addr().String()}})})
	registrytest.Must(t, err)
	m.u.Reset()
	m.later(2 * time.Hour)
	m.wants(http.StatusOK, "/left-pad")
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.want(http.StatusServiceUnavailable, "upstream up is offline", m.ask(http.MethodGet, "/absent"))
	m.want(http.StatusServiceUnavailable, "upstream counted is offline", m.Do(m.as, formatstest.Request{Method: http.MethodGet, Path: "/npm/third/absent"}))
	steps, err := m.Upstreams.Check(m.Admin, "mirror", "up", "left-pad")
	if registrytest.Must(t, err); len(steps) != 1 || !steps[0].Failed || steps[0].Text != "offline" {
		t.Errorf("a check: %+v", steps)
	}
	m.later(200 * 24 * time.Hour)
	registrytest.Must(t, m.Upstreams.EvictUnused(m.Admin)) // what went could not come again
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.u.NeverAsked(t, "**")
	if n := connected.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestUpstreamCheck: a check tells what each step took, to the one that failed, and leaves no trace in the state.
func TestUpstreamCheck(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	check := func(pkg string) string {
		t.Helper()
		steps, err := m.Upstreams.Check(m.Admin, "mirror", "up", pkg)
		registrytest.Must(t, err)
		var out []string
		for _, s := range steps {
			out = append(out, fmt.Sprintf("%s:%v:%s", s.Name, !s.Failed, s.Text))
			if s.Took <= 0 {
				t.Errorf("%s took no time", s.Name)
			}
		}
		return strings.Join(out, " ")
	}
	if got := check("left-pad"); got != "connect:true:done ask:true:answered 200" {
		t.Errorf("%s", got)
	}
	m.u.AskedOnce(t, http.MethodGet, upstreamtest.NPMPath("left-pad"))
	if got := check("absent"); got != "connect:true:done ask:false:answered 404" {
		t.Errorf("absent: %s", got)
	}
	m.u.Origin.Down()
	if got := check("left-pad"); got != "connect:false:connection refused" {
		t.Errorf("down: %s", got)
	}
	if s := m.state(); s.Requests != 0 {
		t.Errorf("the state: %+v", s)
	}
	reader := access.With(m.Admin, access.Actor{Type: access.TypeUser, Name: "jane", Grants: []access.Grant{{Repository: "mirror", Actions: []access.Action{access.Read}}}})
	if _, err := m.Upstreams.Check(reader, "mirror", "up", ""); registry.KindOf(err) != registry.Denied {
		t.Errorf("by a reader: %v", err)
	}
}
