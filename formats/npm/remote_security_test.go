package npm

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestUpstream49 is acceptance line 49, and 50 for remotes that give no tokens: no credential leaves the remote's own origin, whatever redirects
// and challenges say, and those that lead where they may not are 502.
func TestUpstream49(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	victim := upstreamtest.New(t, upstreamtest.Options{})
	m.u.RequireBasic("ci", "canary")
	m.SetRemote("mirror", `{"auth":{"type":"basic","user":"ci","secret":"canary"}}`)
	for name, c := range map[string]struct {
		status int
		fault  upstreamtest.Fault
	}{
		"another-host":    {http.StatusOK, upstreamtest.RedirectTo(m.u.CDN, http.StatusFound, "X-Signature=canary-presigned")},
		"metadata":        {http.StatusBadGateway, upstreamtest.Redirect(http.StatusFound, "http://169.254.169.254/latest/meta-data/")},
		"private":         {http.StatusBadGateway, upstreamtest.Redirect(http.StatusFound, "http://10.0.0.1/")},
		"scheme":          {http.StatusBadGateway, upstreamtest.Redirect(http.StatusFound, "file:///etc/passwd")},
		"unlisted":        {http.StatusBadGateway, upstreamtest.Redirect(http.StatusFound, "http://localhost:"+victim.URL[strings.LastIndex(victim.URL, ":")+1:]+"/npm/x")},
		"loop":            {http.StatusBadGateway, upstreamtest.RedirectLoop()},
		"realm-elsewhere": {http.StatusBadGateway, upstreamtest.Challenge(`Bearer realm="` + victim.URL + `/token",service="x"`)},
		"realm-userinfo":  {http.StatusBadGateway, upstreamtest.Challenge(`Bearer realm="http://me:pw@` + strings.TrimPrefix(victim.URL, "http://") + `/token"`)},
	} {
		m.u.NPM(name, "1.0.0", upstreamtest.NPMVersion{})
		m.u.On("origin:"+upstreamtest.NPMPath(name), c.fault)
		if res := m.ask(http.MethodGet, "/"+name); res.Status != c.status || strings.Contains(res.String(), "canary") || res.Header.Get("Www-Authenticate") != "" {
			t.Errorf("%s: %v, want %d", name, res, c.status)
		}
	}
	m.u.NoCredential(t, "cdn:/**")
	victim.NeverAsked(t, "**")
	m.u.NoSecret(t, "**", string(m.as))
}

// TestUpstream51 is acceptance line 51: what a document links to is not fetched where it may not lead, and nothing is kept of it.
func TestUpstream51(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	victim := upstreamtest.New(t, upstreamtest.Options{})
	victim.NPM("x", "1.0.0", upstreamtest.NPMVersion{})
	m.SetRemote("mirror", `{"redirects":["public"]}`) // this machine is open to the remote's own address alone
	for name, link := range map[string]string{
		"other-port": victim.URL + "/npm/x/-/x-1.0.0.tgz", "metadata": "http://169.254.169.254/x.tgz", "private": "https://10.1.2.3/x.tgz", "numeric": "http://2130706433/x.tgz",
		"file": "file:///etc/passwd", "gopher": "gopher://127.0.0.1/x.tgz", "userinfo": "http://me:pw@127.0.0.1/x.tgz",
	} {
		f := m.u.NPM(name, "1.0.0", upstreamtest.NPMVersion{})
		m.u.On(upstreamtest.NPMPath(name), upstreamtest.ReplaceText(f.URL, link))
		m.ask(http.MethodGet, "/"+name) // else the tarball is asked for beside it, at its usual place
		m.u.Reset()
		if res := m.ask(http.MethodGet, tarballOf(name, "1.0.0")); res.Status < 400 || res.Status == http.StatusUnauthorized {
			t.Errorf("%s: %v", name, res)
		}
		m.u.NeverAsked(t, f.Path)
	}
	victim.NeverAsked(t, "**")
	m.MustFsck(t)
}
