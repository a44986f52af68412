package formatstest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/integration/upstream/upstreamtest"
)

// besides are endings and insertions that proxies have taken for nothing, beside climbs.
var besides = []string{";", ";x=y", ";/..", "%3b", "%3b%2f..", "%23", "%3f", "%2f", "%20", "~", "*"}

// climbing matches what no request to a registry elsewhere may have in its path: what a server on the way might take for another path.
var climbing = regexp.MustCompile(`(?i)/\.+(/|$)|//|\\|%2e|%2f|%5c|%25|%00|[;#]|%3b|%23|%3f`)

// upstreamPaths is S-12 and S-13, of upstreams.md acceptance 51: whatever is put into the path of a file that lies elsewhere, the answer is
// that file or none, no other request is made for it than for the file itself, and all is the same where the registry, or a server before it,
// cleans paths by itself.
func upstreamPaths(t *testing.T, u Upstream) {
	plain := u.climbed(t, false)
	cleaned := u.climbed(t, true)
	for _, path := range slices.Sorted(maps.Keys(plain)) {
		if plain[path] != cleaned[path] {
			t.Errorf("%s: %s, and %s where the registry cleans paths", path, plain[path], cleaned[path])
		}
	}
}

// climbed asks for a file in all spellings and returns the answers. With clean, a server before the registry decodes paths twice and drops
// their dots.
func (u Upstream) climbed(t *testing.T, clean bool) map[string]string {
	t.Helper()
	m := u.mirror(t)
	if clean {
		m.must(m.MoveRemote("mirror", strings.Replace(u.URL(m.u), m.u.URL, cleaning(t, m.u), 1), `{}`))
	}
	f, other := m.publish("example", 1000), u.Publish(m.u, "other", 2000)
	if f.Document != "" {
		m.get(f.Document)
	}
	m.u.Reset()
	answers, n := map[string]string{}, 0
	ask := func(spelled string) {
		if n++; !Sampled(n) {
			return
		}
		res := m.exactly(t, m.as, Request{Method: http.MethodGet, Path: spelled})
		sum := sha256.Sum256(res.Body)
		what := "a document"
		switch got := fmt.Sprintf("%x", sum); {
		case got == f.SHA256():
			what = "the file"
		case got == other.SHA256(), res.Status >= http.StatusInternalServerError:
			t.Errorf("%s: %v", spelled, res)
		}
		answers[spelled] = fmt.Sprint(res.Status, " ", what)
	}
	segments := strings.Split(strings.TrimPrefix(f.Local, "/"), "/")
	elsewhere := strings.Split(strings.TrimPrefix(other.Local, "/"), "/")
	at := slices.Index(segments, "mirror") + 1
	for i := at; i < len(segments); i++ {
		base, rest := "/"+strings.Join(segments[:i], "/"), strings.Join(segments[i:], "/")
		for _, c := range append(climbs[:len(climbs):len(climbs)], besides...) {
			ask(base + "/" + c + "/" + rest)
			ask(base + "/" + segments[i] + c + strings.TrimPrefix(rest, segments[i]))
			if i > at {
				ask(base + "/" + strings.Repeat(c+"/", i-at) + strings.Join(elsewhere[at:], "/") + c)
			}
		}
	}
	ask(f.Local + "/")
	ask(f.Local + "?x=/../" + strings.Join(elsewhere[at:], "/"))
	for _, q := range m.u.Requests() {
		if target, _, _ := strings.Cut(q.Target, "?"); climbing.MatchString(target) {
			t.Errorf("the registry was asked for %s", q.Target)
		}
	}
	m.has(f)
	m.MustFsck(t)
	return answers
}

// cleaning is a server before a registry that decodes paths once more and drops their dots. Its address is returned.
func cleaning(t *testing.T, u *upstreamtest.Server) string {
	t.Helper()
	to, err := url.Parse(u.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		if again, err := url.PathUnescape(name); err == nil {
			name = again
		}
		name, _, _ = strings.Cut(name, ";")
		cleaned := path.Clean("/" + name)
		if strings.HasSuffix(name, "/") {
			cleaned += "/"
		}
		r.URL.Path, r.URL.RawPath = cleaned, ""
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)
	return gate.URL
}

// wayward are addresses that no link or redirect of a registry elsewhere may lead to. A server at home answers under the first one.
func wayward(home string) map[string]string {
	return map[string]string{"unlisted": home, "metadata": "http://169.254.169.254/latest/meta-data/", "private": "https://10.1.2.3/x", "numeric": "http://2130706433/x", "mapped": "http://[::ffff:10.0.0.1]/x",
		"file": "file:///etc/passwd", "gopher": "gopher://127.0.0.1/x", "userinfo": "http://me:pw@127.0.0.1/x"}
}

// upstreamLocations is upstreams.md acceptance 51 for Location: a file that the registry says is where no request may go is 502, nobody else is
// asked, and nothing is kept.
func upstreamLocations(t *testing.T, u Upstream) {
	m := u.mirror(t)
	victim := upstreamtest.New(t, upstreamtest.Options{})
	// Redirects to 127.0.0.1 are let through, and to no other name of this machine.
	for name, to := range wayward("http://localhost:" + victim.URL[strings.LastIndex(victim.URL, ":")+1:] + "/x") {
		f := m.publish(name, 1000)
		redirected := m.u.On(f.Path, upstreamtest.Redirect(http.StatusFound, to))
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if res := m.Do(m.as, Request{Method: method, Path: f.Local}); res.Status != http.StatusBadGateway && (method == http.MethodGet || res.Status != http.StatusOK) {
				t.Errorf("%s %s: %v", method, name, res)
			}
		}
		redirected.Stop()
		m.has(f)
	}
	victim.NeverAsked(t, "**")
	m.MustFsck(t)
}
