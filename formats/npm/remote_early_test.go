package npm

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry/policy"
	"slipway/registry/registrytest"
)

// TestRemoteEarly: a tarball of a lock file is asked for together with the document that nobody asked for before, and once, unless it is only looked at,
// or denied. The document decides: what it does not name, or names elsewhere, is not taken from where it should be; under a minimum age the tarball waits for it.
func TestRemoteEarly(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	tarball := func(name string) string { return "/" + name + "/-/" + name + "-1.0.0.tgz" }
	f := m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	release := make(chan struct{})
	m.u.On(upstreamtest.NPMPath("left-pad"), upstreamtest.HoldAt(0, release))
	got := make(chan formatstest.Response, 1)
	go func() { got <- m.ask(http.MethodGet, tarball("left-pad")) }()
	m.u.Wait(t, 1, http.MethodGet, f.Path)
	close(release)
	if res := <-got; res.Status != http.StatusOK || !bytes.Equal(res.Body, f.Bytes()) {
		t.Errorf("%v", res)
	}
	m.u.AskedOnce(t, http.MethodGet, f.Path)
	m.u.AskedOnce(t, http.MethodGet, upstreamtest.NPMPath("left-pad"))

	m.u.NPM("gone", "1.0.0", upstreamtest.NPMVersion{})
	m.u.On(upstreamtest.NPMPath("gone"), upstreamtest.Status(http.StatusNotFound))
	m.wants(http.StatusNotFound, tarball("gone"))
	wrong := m.u.NPM("wrong", "1.0.0", upstreamtest.NPMVersion{})
	m.u.On(wrong.Path, upstreamtest.Flip(100))
	m.wants(http.StatusBadGateway, tarball("wrong"))

	looked := m.u.NPM("looked", "1.0.0", upstreamtest.NPMVersion{})
	if res := m.ask(http.MethodHead, tarball("looked")); res.Status != http.StatusOK {
		t.Errorf("HEAD: %v", res)
	}
	m.u.Asked(t, 0, http.MethodGet, looked.Path)

	m.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:npm/denied"})
	denied := m.u.NPM("denied", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusForbidden, tarball("denied"))
	m.u.NeverAsked(t, denied.Path)

	failing := m.u.NPM("failing", "1.0.0", upstreamtest.NPMVersion{})
	m.u.On(upstreamtest.NPMPath("failing"), upstreamtest.Answer(http.StatusOK, "text/html", []byte("<html>")))
	for range 2 {
		m.wants(http.StatusBadGateway, tarball("failing"))
		m.later(time.Minute)
	}
	m.u.AskedOnce(t, http.MethodGet, failing.Path)
	registrytest.Eventually(t, "answers that nobody takes are given up", func() bool { return m.state().UnderWay == 0 })

	m.SetRemote("mirror", `{"cooldown":"72h"}`)
	held := m.u.NPM("held", "1.0.0", upstreamtest.NPMVersion{Published: m.clock.Now()})
	m.wants(http.StatusForbidden, tarball("held"))
	m.u.NeverAsked(t, held.Path)
	m.SetRemote("mirror", `{"cooldown":"0s"}`)

	for _, name := range []string{"first", "second"} {
		f := m.u.NPM(name, "1.0.0", upstreamtest.NPMVersion{})
		moved := m.u.Raw("moved/"+name+"/1.0.0/"+name+".tgz", f.Bytes())
		m.u.On(upstreamtest.NPMPath(name), upstreamtest.ReplaceText(f.Path, moved.Path))
		m.wants(http.StatusOK, tarball(name))
	}
	m.u.NeverAsked(t, "/npm/second/-/**") // its tarballs are elsewhere
	m.MustFsck(t)
}
