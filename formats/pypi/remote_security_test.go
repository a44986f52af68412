package pypi

import (
	"net/http"
	"path"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestUpstream51 is upstreams.md acceptance 51: what a page links to is not fetched where no link may lead, whatever form the page has, and
// nothing is kept of it.
func TestUpstream51(t *testing.T) {
	e, u := newMirror(t)
	victim := upstreamtest.New(t, upstreamtest.Options{})
	theirs := victim.PyPI("x", "1.0")[0]
	e.SetRemote("mirror", `{"redirects":["public"]}`) // this machine is open to the remote's own address alone
	as := formatstest.As(e.ReadToken("mirror"))
	for name, link := range map[string]string{"port": theirs.URL, "metadata": "http://169.254.169.254/x.whl", "private": "https://10.1.2.3/x.whl", "numeric": "http://2130706433/x.whl",
		"file": "file:///etc/passwd", "script": "javascript:alert(1)", "userinfo": "http://me:pw@127.0.0.1/x.whl", "climb": "../../../../../etc/passwd"} {
		f := u.PyPI(name, "1.0")[0]
		u.On(upstreamtest.PyPIPath(name), upstreamtest.ReplaceText(f.URL, link))
		u.Reset()
		if res := e.Do(as, formatstest.Request{Method: http.MethodGet, Path: prefix + "mirror/simple/" + name + "/"}); res.Status != http.StatusOK {
			t.Errorf("the page of %s: %v", name, res)
		}
		for _, file := range []string{path.Base(f.Path), path.Base(f.Path) + ".metadata"} {
			if res := e.Do(as, formatstest.Request{Method: http.MethodGet, Path: prefix + "mirror/files/" + f.SHA256() + "/" + file}); res.Status < http.StatusBadRequest || res.Status == http.StatusUnauthorized {
				t.Errorf("%s: %v", name, res)
			}
		}
		u.NeverAsked(t, f.Path)
	}
	victim.NeverAsked(t, "**")
	e.MustFsck(t)
}
