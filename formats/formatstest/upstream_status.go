package formatstest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// upstreamStatus: Cache-Status tells of answers what copies have to do with them, and Warning tells users of images that one is stale. Neither
// names a host of the registry.
func upstreamStatus(t *testing.T, u Upstream) {
	metrics := prometheus.NewRegistry()
	elsewhere := upstreamtest.New(t, upstreamtest.Options{})
	m := u.mirrorOf(t, elsewhere, Options{Wrap: NoLeaks(t, hostOf(t, u.URL(elsewhere))).Wrap,
		Core: []registrytest.Option{registrytest.With(func(c *instance.Config) { c.Metrics = metrics })}})
	m.SetRemote("mirror", `{"ttl":"1m","stale_while_revalidate":"0s"}`)
	m.u.On("**", upstreamtest.SetHeader("Ratelimit-Remaining", "76;w=21600"))
	f := u.Publish(m.u, "example", 1000)
	if f.Document != "" {
		m.says(f.Document, http.StatusOK, "fwd=miss; stored")
		m.says(f.Document, http.StatusOK, "hit")
	}
	m.says(f.Local, http.StatusOK, "fwd=miss; stored")
	m.says(f.Local, http.StatusOK, "hit")
	for result, want := range map[string]float64{"miss": 1, "hit": 1, "stale": 0, "joined": 0} {
		one := want
		if result == "miss" && u.New().Name() == "oci" {
			one++ // the manifest is a file as well
		}
		if got := counted(t, metrics, "slipway_cache_requests_total", "kind", "file", "result", result); got != one {
			t.Errorf("%v files are %s, not %v", got, result, one)
		}
	}
	for _, name := range []string{"slipway_cache_spool_bytes", "slipway_upstream_queue_requests"} {
		if got := counted(t, metrics, name); got != 0 {
			t.Errorf("%s is %v", name, got)
		}
	}
	if got := counted(t, metrics, "slipway_upstream_ratelimit_remaining", "upstream", "up"); got != 76 {
		t.Errorf("%v requests remain", got)
	}
	missing := strings.ReplaceAll(f.Local, "example", "missing")
	if f.Document != "" {
		missing = strings.ReplaceAll(f.Document, "example", "missing")
		m.says(missing, http.StatusNotFound, "")
	}

	asked := f.Local // what the registry is asked about again
	if f.Document != "" {
		asked = f.Document
		m.later(2 * time.Minute)
		m.says(f.Local, http.StatusOK, "hit")
	}
	if f.Document != "" || f.Mutable {
		m.saysStale(asked, missing)
	}
	m.saysJoined(u.Publish(m.u, "joined", 2*mib), func() {
		if got := counted(t, metrics, "slipway_cache_spool_bytes"); got < 2*mib {
			t.Errorf("%v bytes are on their way", got)
		}
	})
}

// upstreamQueued: requests that wait for their turn at a registry are counted.
func upstreamQueued(t *testing.T, u Upstream) {
	metrics := prometheus.NewRegistry()
	m := u.mirror(t, registrytest.With(func(c *instance.Config) { c.Metrics = metrics }))
	first, second := m.publish("first", 2*mib), m.publish("second", 1000)
	m.SetRemote("mirror", `{"concurrency":1}`)
	queued := func() float64 { return counted(t, metrics, "slipway_upstream_queue_requests", "upstream", "up") }
	release := make(chan struct{})
	held := m.u.On(first.Path, upstreamtest.HoldAt(mib, release))
	under := m.open(t.Context(), first.Local)
	defer under.Body.Close()
	m.u.WaitSent(t, mib, http.MethodGet, first.Path)
	var waits sync.WaitGroup
	waits.Go(func() { m.Do(m.as, Request{Method: http.MethodGet, Path: second.Local}) })
	registrytest.Eventually(t, "one waits", func() bool { return queued() == 1 })
	close(release)
	held.Stop()
	waits.Wait()
	registrytest.Eventually(t, "none waits", func() bool { return queued() == 0 })
	m.has(first)
	m.has(second)
}

// saysStale asks for what was asked for more than the ttl ago, while the registry is there, and while it is not.
func (m *mirrored) saysStale(asked, missing string) {
	m.t.Helper()
	m.later(2 * time.Minute)
	m.says(asked, http.StatusOK, "fwd=stale")
	m.says(asked, http.StatusOK, "hit")
	m.later(2 * time.Minute)
	m.u.Origin.Down()
	for range 2 { // a refresh that failed, and none
		m.says(asked, http.StatusOK, "hit; fwd=stale; ttl=-60")
	}
	m.later(2 * time.Minute)
	m.says(asked, http.StatusOK, "hit; fwd=stale; ttl=-180")
	m.says(missing, http.StatusServiceUnavailable, "fwd=miss")
	m.u.Origin.Up(m.t)
	m.later(time.Hour)
	m.says(asked, http.StatusOK, "fwd=stale")
}

// hostOf is the host and port of a URL.
func hostOf(t *testing.T, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	registrytest.Must(t, err)
	return parsed.Host
}

// says asks for a path, and fails the test unless the answer has this status and this value of Cache-Status, and a Warning where it is one of an
// image that is stale.
func (m *mirrored) says(path string, status int, want string) {
	m.t.Helper()
	res := m.get(path)
	if want != "" {
		want = "slipway; " + want
	}
	if got := res.Header.Get("Cache-Status"); res.Status != status || got != want {
		m.t.Errorf("%s: %d, Cache-Status: %s, not %s", path, res.Status, got, want)
	}
	warning := ""
	if strings.Contains(want, "hit; fwd=stale") && m.format.New().Name() == "oci" {
		warning = `299 - "upstream up can't be asked now: this is what it had before"`
	}
	if got := res.Header.Get("Warning"); got != warning {
		m.t.Errorf("%s: Warning: %s, not %s", path, got, warning)
	}
}

// saysJoined lets two callers want a file at once, and calls meanwhile while it comes.
func (m *mirrored) saysJoined(f Elsewhere, meanwhile func()) {
	m.t.Helper()
	if f.Document != "" {
		m.get(f.Document)
	}
	release := make(chan struct{})
	m.u.On(f.Path, upstreamtest.HoldAt(mib, release))
	for _, want := range []string{"slipway; fwd=miss; stored", "slipway; fwd=miss; stored; collapsed"} {
		res := m.open(m.t.Context(), f.Local)
		defer res.Body.Close()
		if got := res.Header.Get("Cache-Status"); got != want {
			m.t.Errorf("Cache-Status: %s, not %s", got, want)
		}
	}
	meanwhile()
	close(release)
	m.has(f)
}
