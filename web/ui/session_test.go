package ui_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

// TestForms is CSRF: what changes something needs the token of this very session, from a page of this site.
func TestForms(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	v, other := s.visitor(), s.visitor()
	v.login("ann", passwordOfAnn)
	other.login("ann", passwordOfAnn)
	if v.csrf() == other.csrf() || strings.Contains(v.csrf(), v.cookie.Value) {
		t.Error("the token is not the session's")
	}
	fields := []string{"name", "x", "repository", "main", "action", "read", "days", "7"}
	tokens := func() int {
		t.Helper()
		list, err := s.Accounts.Tokens(s.Admin, accounts.TokenQuery{User: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for what, c := range map[string]struct {
		csrf   string
		header map[string]string
		status int
	}{
		"no token":                 {"", nil, 403},
		"a wrong one":              {v.csrf()[1:], nil, 403},
		"that of another session":  {other.csrf(), nil, 403},
		"another site":             {v.csrf(), map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		"a site beside":            {v.csrf(), map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"an old browser elsewhere": {v.csrf(), map[string]string{"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, 403},
		"JSON":                     {v.csrf(), map[string]string{"Content-Type": "application/json"}, 400},
		"text":                     {v.csrf(), map[string]string{"Content-Type": "text/plain"}, 400},
	} {
		v.header = c.header
		if a := v.do("/me/tokens", formOf(append([]string{"csrf", c.csrf}, fields...)...)); a.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", what, a.Status, c.status)
		}
		v.header = nil
	}
	if n := tokens(); n != 0 {
		t.Errorf("%d tokens were made", n)
	}
	v.send(200, "/me/tokens", fields...)
	if n := tokens(); n != 1 {
		t.Errorf("%d tokens were made", n)
	}
	for _, path := range []string{"/me/tokens", "/me/sessions", "/me/password"} {
		if a := s.visitor().do(path, formOf(fields...)); a.StatusCode != 403 || a.Header.Get("WWW-Authenticate") != "" || !strings.Contains(a.body, "log in") {
			t.Errorf("%s of a visitor: %s", path, a.Status)
		}
	}
	if v.do("/me/tokens", formOf("csrf", v.csrf(), "name", strings.Repeat("x", 300<<10))).StatusCode != 413 {
		t.Error("a large form is taken")
	}
	v.header = map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
	if a := v.do("/logout", formOf("csrf", "x")); a.StatusCode != 403 {
		t.Errorf("another site logs out: %s", a.Status)
	}
	v.header = nil
	v.want(200, "/logout", nil)
	if !v.loggedIn() {
		t.Error("asking for the page logs out")
	}
}

// TestCookieElsewhere: nothing but the pages takes the cookie, on any route of the program; and no page can be put into a frame.
func TestCookieElsewhere(t *testing.T) {
	s := newPeople(t, formatstest.Options{}, all.All()...)
	v := s.visitor()
	v.login("admin", registrytest.AdminPassword)
	variable := regexp.MustCompile(`\{[^}]*\}`)
	pages, others := 0, 0
	err := s.Router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		route, ok := httpserver.RouteOf(r.GetHandler())
		if !ok {
			return nil
		}
		path, err := r.GetPathTemplate()
		if err != nil { // it answers what has no route
			return nil //nolint:nilerr // see above
		}
		path = variable.ReplaceAllString(path, "1")
		if route.Format == "web" {
			if pages++; strings.HasSuffix(path, ".ico") || strings.HasSuffix(path, ".txt") || strings.HasSuffix(path, "/stream") || strings.HasPrefix(path, "/ui/") {
				return nil // no page; a stream does not end
			}
			a := v.do(path, nil)
			if strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") { // a browser shows none of it
				if a.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s: the browser may take it for a page", path)
				}
				return nil
			}
			if csp := a.Header.Get("Content-Security-Policy"); a.StatusCode < 300 && (!strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "form-action 'self'") || strings.Contains(csp, "unsafe")) {
				t.Errorf("%s: Content-Security-Policy %q", path, csp)
			}
			return nil
		}
		others++
		with := v.do(path, nil)
		without := s.visitor().do(path, nil)
		if with.StatusCode != without.StatusCode || !route.Public && with.StatusCode == 200 && with.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s %s: with the cookie %s, without %s", route.Name, path, with.Status, without.Status)
		}
		return nil
	})
	if err != nil || pages < 10 || others < 60 {
		t.Errorf("%d pages and %d other routes, %v", pages, others, err)
	}
	for _, path := range []string{"/api/v1/whoami", "/npm/main/-/whoami", "/v2/", "/raw/main/x/1/y"} {
		if a := v.do(path, nil); a.StatusCode != 401 {
			t.Errorf("%s: %s", path, a.Status)
		}
		if a := v.do(path, url.Values{}); a.StatusCode < 400 {
			t.Errorf("POST %s: %s", path, a.Status)
		}
	}
}

// TestSessionStolen: a copy of the cookie is worth nothing after the logout, after the password changed, and where it was planted.
func TestSessionStolen(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	v := s.visitor()
	v.cookie = &http.Cookie{Name: "slipway_session", Value: "planted"}
	v.login("ann", passwordOfAnn)
	if v.cookie.Value == "planted" {
		t.Fatal("the login keeps the planted cookie")
	}
	thief := func() *visitor { c := *v.cookie; return &visitor{t: t, base: s.URL, cookie: &c} }
	before := thief()
	v.login("ann", passwordOfAnn)
	if before.loggedIn() || !v.loggedIn() {
		t.Error("a second login keeps the first session")
	}
	before = thief()
	v.send(303, "/logout")
	if v.cookie != nil || before.loggedIn() || before.do("/me", nil).StatusCode != 303 {
		t.Error("the session goes on after the logout")
	}
	v.login("ann", passwordOfAnn)
	other := s.visitor()
	other.login("ann", passwordOfAnn)
	before = thief()
	for _, wrong := range [][3]string{{"wrong", "another password", "another password"}, {passwordOfAnn, "another password", "other password"}, {passwordOfAnn, "short", "short"}} {
		if a := v.do("/me/password", formOf("csrf", v.csrf(), "current", wrong[0], "password", wrong[1], "again", wrong[2])); !strings.Contains(a.body, `role="alert"`) || a.StatusCode < 400 {
			t.Errorf("%q: %s", wrong, a.Status)
		}
	}
	if !before.loggedIn() {
		t.Fatal("a password that did not change ends sessions")
	}
	a := v.send(303, "/me/password", "current", passwordOfAnn, "password", "another password", "again", "another password")
	if page := v.want(200, strings.TrimPrefix(a.Header.Get("Location"), s.URL), nil).body; !strings.Contains(page, `role="status"`) {
		t.Errorf("afterwards: %s", page)
	}
	if before.loggedIn() || other.loggedIn() || !v.loggedIn() {
		t.Errorf("after the new password: a copy works %v, another browser %v, this one %v", before.loggedIn(), other.loggedIn(), v.loggedIn())
	}
	if s.visitor().do("/login", formOf("user", "ann", "password", passwordOfAnn)).StatusCode != 403 {
		t.Error("the former password works")
	}
	if _, err := s.Accounts.UpdateUser(s.Admin, "ann", accounts.UserChange{Disabled: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	if v.loggedIn() {
		t.Error("a disabled user is logged in")
	}
	if log := s.Log(); strings.Contains(log, before.cookie.Value) || strings.Contains(log, "another password") {
		t.Error("the log shows a secret")
	}
}
