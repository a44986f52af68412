package ui_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/registrytest"
)

var (
	madeSecret = regexp.MustCompile(`export SLIPWAY_TOKEN=(slp_[A-Za-z0-9_-]+)`)
	checkedAt  = regexp.MustCompile(`data-refresh="([^"]+)"`)
)

// makeToken makes a token on the page that sets a client up, and returns its secret, and where the page looks for what comes of it.
func makeToken(t *testing.T, v *visitor, fields ...string) (secret, check string) {
	t.Helper()
	body := v.send(200, "/setup", append([]string{"repository", "main", "days", "7"}, fields...)...).body
	m, at := madeSecret.FindStringSubmatch(body), checkedAt.FindStringSubmatch(body)
	if m == nil || at == nil {
		t.Fatal(body)
	}
	if strings.Contains(body, "slp_…") {
		t.Errorf("the token is not in the lines: %s", body)
	}
	return m[1], strings.TrimPrefix(html.UnescapeString(at[1]), v.base)
}

// TestSetUp: the page that sets a client up makes a token, shows it once, and tells what the visitor's own client has done since, and
// nobody else's.
func TestSetUp(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	v := s.visitor()
	v.login("admin", registrytest.AdminPassword)
	secret, check := makeToken(t, v, "client", "npm", "name", "ci-2", "may", "publish")
	state := func(path string, has ...string) {
		t.Helper()
		page := html.UnescapeString(v.want(200, path, nil).body)
		for _, text := range has {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q in %s", path, text, page)
			}
		}
		if strings.Contains(page, secret) {
			t.Errorf("%s shows the secret again", path)
		}
	}
	ask := func(as formatstest.As, want int, method, path, agent string) {
		t.Helper()
		if res := s.Do(as, formatstest.Request{Method: method, Path: path}.With("User-Agent", agent)); res.Status != want {
			t.Fatalf("%s %s: %v", method, path, res)
		}
	}
	const npm, curl = "npm/10.9.2 node/v22 linux", "curl/8.5.0"
	state(check, "Try it", "Waiting for your first request")
	ask(formatstest.Anonymous, 401, "GET", "/npm/main/@acme%2fweb", npm)
	state(check, "Something is wrong", "npm 10.9.2 sent no credentials", "Many clients ask without them first")
	ask(formatstest.Anonymous, 404, "GET", "/nmp/main/@acme%2fweb", npm)
	state(check, "npm 10.9.2 asked for /nmp/main/@acme/web, where nothing is")
	ask(formatstest.As("slp_"+strings.Repeat("x", 40)), 401, "GET", "/npm/main/@acme%2fweb", npm)
	state(check, "npm 10.9.2 was refused: ", "The token has expired, was revoked, or is not whole")
	ask(formatstest.As(secret), 404, "GET", "/npm/main/@acme%2fweb", npm)
	state(check, "Something is wrong", "npm 10.9.2 asked for what is not there: ")
	s.send(http.MethodPut, "/raw/main/tool/1.0.0/tool", "one", http.StatusCreated)
	ask(formatstest.As(secret), 200, "GET", "/raw/main/tool/1.0.0/tool", curl)
	state("/setup?client=curl", "It works", "curl 8.5.0 downloaded tool/1.0.0/tool with token ci-2")
	state(strings.Replace(check, "client=npm", "client=curl", 1), "It works")
	state(check, "Something is wrong") // it was another client
	other, later := makeToken(t, v, "client", "curl", "name", "ci-3", "may", "read")
	state(later, "Waiting for") // it was another token
	ask(formatstest.As(other), 403, "PUT", "/raw/main/tool/1.0.1/tool", curl)
	state(later, "Something is wrong", "curl 8.5.0 was refused with 403: ")
	ask(formatstest.As(other), 200, "GET", "/raw/main/tool/1.0.0/tool", curl)
	state(later, "It works", "curl 8.5.0 downloaded tool/1.0.0/tool with token ci-3")
	ask(formatstest.As("slp_"+strings.Repeat("x", 40)), 401, "GET", "/raw/main/tool/1.0.0/tool", curl)
	state(later, "It works") // another's, from this address

	bob := s.visitor()
	s.AddUser(t, "bob", "password of bob")
	bob.login("bob", "password of bob")
	if page := bob.do("/setup?client=curl", nil).body; strings.Contains(page, "ci-3") || strings.Contains(page, "It works") {
		t.Errorf("another user sees what was asked for: %s", page)
	}
	if page := s.page(formatstest.Anonymous, "/setup"); strings.Contains(page, `id="seen"`) || !strings.Contains(page, "to make a token here") {
		t.Errorf("a visitor: %s", page)
	}
	v.want(404, "/setup?client=fax", nil)
	bob.want(404, "/setup?repository=other", nil)
}
