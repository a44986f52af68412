package npm

import (
	"net/http"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/registrytest"
)

// TestRemoteStale: a document that has expired is served for as long as the settings say: at once while it is asked for anew, after a while
// where the remote is slow, and while the remote can't be asked.
func TestRemoteStale(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.SetRemote("mirror", `{"ttl":"1m","stale_while_revalidate":"0s","stale_if_error":"10m","timeouts":{"stale_after":"12s"}}`)
	m.wants(http.StatusOK, "/left-pad")

	m.later(2 * time.Minute) // expired: it is waited for
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	if res := m.wants(http.StatusOK, "/left-pad/1.1.0"); res.Status != http.StatusOK {
		t.Errorf("not asked for anew: %v", res)
	}
	m.SetRemote("mirror", `{"ttl":"1m","stale_while_revalidate":"0s","stale_if_error":"10m","timeouts":{"stale_after":"10ms"}}`)
	m.later(2 * time.Minute)
	slow := m.u.On(upstreamtest.NPMPath("left-pad"), upstreamtest.Hang())
	registrytest.Eventually(t, "the remote is asked", func() bool { // once the document of before is stored
		start := time.Now()
		m.wants(http.StatusOK, "/left-pad")
		if took := time.Since(start); took > 1900*time.Millisecond {
			t.Errorf("a copy was served after %v, not after stale_after", took)
		}
		return slow.Hits() > 0
	})
	slow.Stop()
	m.u.Origin.Down() // it ends the request that hangs

	m.later(8 * time.Minute) // 10 minutes since it was right
	m.wants(http.StatusOK, "/left-pad")
	m.later(5 * time.Minute)
	for range 2 {
		m.wants(http.StatusServiceUnavailable, "/left-pad")
	}
	m.SetRemote("mirror", `{"offline":true}`) // what is cached is served however old it is
	m.wants(http.StatusOK, "/left-pad")
	m.u.Origin.Up(t)
	m.SetRemote("mirror", `{"offline":false}`)
	m.later(time.Minute)
	m.wants(http.StatusOK, "/left-pad")

	m.SetRemote("mirror", `{"stale_while_revalidate":"1h","stale_if_error":"0s"}`)
	m.later(30 * time.Minute)
	m.u.NPM("left-pad", "1.2.0", upstreamtest.NPMVersion{})
	m.u.Reset()
	hold := make(chan struct{})
	m.u.On(upstreamtest.NPMPath("left-pad"), upstreamtest.HoldAt(0, hold))
	m.wants(http.StatusOK, "/left-pad") // at once
	m.u.Wait(t, 1, http.MethodGet, upstreamtest.NPMPath("left-pad"))
	close(hold)
}

// TestRemoteMaxDocument: a document that is larger than the setting is refused, and the copy is served.
func TestRemoteMaxDocument(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.SetRemote("mirror", `{"max_document":100,"timeouts":{"document":"50ms"}}`)
	m.u.NPM("other", "1.0.0", upstreamtest.NPMVersion{})
	m.u.NPM("slow", "1.0.0", upstreamtest.NPMVersion{})
	m.u.On(upstreamtest.NPMPath("slow"), upstreamtest.Hang())
	m.want(http.StatusBadGateway, "max_document", m.ask(http.MethodGet, "/other"))
	m.want(http.StatusServiceUnavailable, "no answer within 50ms", m.ask(http.MethodGet, "/slow"))
	m.later(2 * time.Hour)
	m.wants(http.StatusOK, "/left-pad")
}
