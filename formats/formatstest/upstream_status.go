package formatstest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/registrytest"
)

// upstreamStatus: Cache-Status tells of answers what copies have to do with them, and Warning tells users of images that one is stale. Neither
// names a host of the registry.
func upstreamStatus(t *testing.T, u Upstream) {
	elsewhere := upstreamtest.New(t, upstreamtest.Options{})
	m := u.mirrorOf(t, elsewhere, Options{Wrap: NoLeaks(t, hostOf(t, u.URL(elsewhere))).Wrap})
	m.SetRemote("mirror", `{"ttl":"1m","stale_while_revalidate":"0s"}`)
	f := u.Publish(m.u, "example", 1000)
	if f.Document != "" {
		m.says(f.Document, http.StatusOK, "fwd=miss; stored")
		m.says(f.Document, http.StatusOK, "hit")
	}
	m.says(f.Local, http.StatusOK, "fwd=miss; stored")
	m.says(f.Local, http.StatusOK, "hit")
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
	m.saysJoined(u.Publish(m.u, "joined", 2*mib))
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

// saysJoined lets two callers want a file at once.
func (m *mirrored) saysJoined(f Elsewhere) {
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
	close(release)
	m.has(f)
}
