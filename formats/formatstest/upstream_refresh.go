package formatstest

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// upstreamRefresh: a question that is under way when an administrator wants news is put again, and clients that wait for it get the newer
// answer, as its own may be of before.
func upstreamRefresh(t *testing.T, u Upstream) {
	m := u.mirror(t)
	m.SetRemote("mirror", `{"timeouts":{"document":"12s"}}`)
	f := u.Publish(m.u, "example", 1000)
	asked := f.Document
	if f.Mutable {
		m.has(f)
		m.later(time.Hour)
		m.u.Reset()
		asked = f.Local
	}
	if asked == "" {
		return // its files don't change
	}
	m.u.On("**", upstreamtest.Hang(), upstreamtest.Times(1))
	first := make(chan Response, 1)
	ask := func() {
		res, err := m.Try(m.as, Request{Method: http.MethodGet, Path: asked})
		if err != nil {
			t.Error(err)
		}
		first <- res
	}
	go ask()
	m.u.Wait(t, 1, "", "**")
	_, err := m.Upstreams.Refresh(m.Admin, registry.Name{Repository: "mirror"})
	registrytest.Must(t, err)
	if !f.Mutable { // of a file, who waits gets the copy
		m.u.Wait(t, 2, "", "**")
	}
	if res := <-first; res.Status != http.StatusOK {
		t.Errorf("%v", res)
	}
	if f.Mutable {
		changed := bytes.Repeat([]byte("x"), 1000)
		m.u.Replace(f.Path, changed)
		if res := m.get(asked); !bytes.Equal(res.Body, changed) {
			t.Errorf("after the refresh: %v", res)
		}
	}
}
