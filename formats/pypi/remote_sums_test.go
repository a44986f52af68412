package pypi

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

var linkOnPage = regexp.MustCompile(`href="([^"#]+)`)

// TestRemoteSums: a file is compared with the one sum that its registry announces, whichever that is.
func TestRemoteSums(t *testing.T) {
	e, u := newMirrorOn(t, formatstest.Options{})
	as := formatstest.As(e.ReadToken("mirror"))
	for _, name := range []string{"md5", "sha1", "sha256", "sha512"} {
		for _, c := range []struct {
			project string
			status  int
			faults  []upstreamtest.Fault
		}{
			{"right-" + name, http.StatusOK, nil},
			{"wrong-" + name, http.StatusBadGateway, []upstreamtest.Fault{upstreamtest.OtherSums()}},
		} {
			f := u.PyPI(c.project, "1.0", upstreamtest.PyPIFile{Sdist: true, Hashes: []string{name}})[0]
			if c.faults != nil {
				u.On(upstreamtest.PyPIPath(c.project), c.faults...)
			}
			page := prefix + "mirror/simple/" + c.project + "/"
			link := linkOnPage.FindSubmatch(e.Do(as, formatstest.Request{Method: http.MethodGet, Path: page}).Body)
			if link == nil {
				t.Fatalf("no link on %s", page)
			}
			at, err := url.Parse("http://slipway" + page)
			must(t, err)
			at, err = at.Parse(html.UnescapeString(string(link[1])))
			must(t, err)
			if res := e.Do(as, formatstest.Request{Method: http.MethodGet, Path: at.EscapedPath()}); res.Status != c.status {
				t.Errorf("%s, %s: %v, want %d", c.project, at.Path, res, c.status)
			}
			u.AskedOnce(t, http.MethodGet, f.Path)
		}
	}
}
