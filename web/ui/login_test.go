package ui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
)

// TestLogin: the form leads back to the page that asked for it, and never elsewhere; the cookie is kept from scripts and other sites.
func TestLogin(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	v := s.visitor()
	if got := v.want(303, "/me/tokens?after=3", nil).Header.Get("Location"); got != s.URL+"/login?next=%2Fme%2Ftokens%3Fafter%3D3" {
		t.Errorf("a visitor is sent to %s", got)
	}
	if page := v.want(200, "/login?next=%2Fme%2Ftokens", nil).body; !strings.Contains(page, `name="next" value="/me/tokens"`) || !strings.Contains(page, `autocomplete="current-password"`) {
		t.Errorf("the form: %s", page)
	}
	res := v.want(303, "/login", formOf("user", "ann", "password", passwordOfAnn, "next", "/me/tokens?after=3"))
	if got := res.Header.Get("Location"); got != s.URL+"/me/tokens?after=3" {
		t.Errorf("a login leads to %s", got)
	}
	if set := res.Header.Get("Set-Cookie"); !strings.HasPrefix(set, "slipway_session=") || !strings.Contains(set, "; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict") || strings.Contains(set, "Secure") {
		t.Errorf("Set-Cookie: %s", set)
	}
	for _, path := range []string{"/", "/me", "/me/tokens", "/me/sessions", "/me/password", "/docs/", "/search?q=x", "/nothing"} {
		a := v.do(path, nil)
		if a.Header.Get("Cache-Control") != "no-store" || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Cookie") || !strings.Contains(a.body, ">ann</a>") {
			t.Errorf("%s: %s, %v", path, a.Status, a.Header)
		}
	}
	if got := v.want(303, "/login?next=/search", nil).Header.Get("Location"); got != s.URL+"/search" {
		t.Errorf("who is logged in is led to %s", got)
	}
	for _, next := range []string{
		"//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example/", "http:/evil.example", "/\t/evil.example", "javascript:alert(1)", "@evil.example",
		"evil.example", ".evil.example", "", "/login", "/logout", "/a\r\nSet-Cookie: x=y", "/%zz", "/" + strings.Repeat("x", 3000),
	} {
		v := s.visitor()
		if got := v.want(303, "/login", formOf("user", "ann", "password", passwordOfAnn, "next", next)).Header.Get("Location"); got != s.URL+"/" {
			t.Errorf("next=%.50q leads to %s", next, got)
		}
		if page := s.visitor().want(200, "/login?"+formOf("next", next).Encode(), nil).body; !strings.Contains(page, `name="next" value="/"`) {
			t.Errorf("next=%.50q is kept in the form", next)
		}
	}
	if res := s.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: "/me"}); res.Status != 401 || res.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a program: %v", res)
	}
	if res := s.get(formatstest.Anonymous, "/me", "Authorization", "Basic eDp5"); res.Status != 401 || res.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("wrong credentials: %v", res)
	}
}

// TestLoginRefused: every wrong pair of name and password has the same answer; a token has a sentence of its own; too many are throttled in
// the words of the API.
func TestLoginRefused(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	alert := regexp.MustCompile(`role="alert">([^<]*)<`)
	said := func(status int, user, password string) string {
		t.Helper()
		v := s.visitor()
		a := v.want(status, "/login", formOf("user", user, "password", password, "next", "/me"))
		m := alert.FindStringSubmatch(a.body)
		if m == nil || v.cookie != nil || a.Header.Get("WWW-Authenticate") != "" || a.Header.Get("Cache-Control") != "no-store" || strings.Contains(a.body, password) && password != "" ||
			!strings.Contains(a.body, `name="next" value="/me"`) {
			t.Fatalf("%s: %v: %s", user, a.Header, a.body)
		}
		return m[1]
	}
	wrong := said(403, "ann", "a wrong password")
	if unknown := said(403, "carl", "a wrong password"); unknown != wrong || !strings.Contains(wrong, "wrong user name, password") {
		t.Errorf("a wrong password: %q, an unknown user: %q", wrong, unknown)
	}
	token := s.ReadToken("main")
	if text := said(400, "ann", token); !strings.Contains(text, "this is a token") {
		t.Errorf("a token: %q", text)
	}
	said(400, "ann", "")
	var last answer
	v := s.visitor()
	for i := range 20 {
		if last = v.do("/login", formOf("user", "dora", "password", strings.Repeat("x", i+1))); last.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	asBasic := s.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: "/api/v1/whoami"}.WithBasic("dora", "y"))
	text := alert.FindStringSubmatch(last.body)
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" || asBasic.Status != 429 || text == nil || !strings.Contains(string(asBasic.Body), text[1]) {
		t.Errorf("wrong passwords without end: %s %q, the API: %v", last.Status, text, asBasic)
	}
}

// TestSecureCookie: where people come by https, the cookie is for it alone, and a neighbour can plant none.
func TestSecureCookie(t *testing.T) {
	s := newPeople(t, formatstest.Options{Site: httpserver.Options{URL: "https://slipway.example/sub"}})
	v := s.visitor()
	v.header = map[string]string{"Origin": "", "Sec-Fetch-Site": "same-origin"}
	a := v.want(303, "/login", formOf("user", "ann", "password", passwordOfAnn, "next", "/me"))
	if set := a.Header.Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-slipway_session=") || !strings.Contains(set, "Secure") || strings.Contains(set, "Domain") {
		t.Errorf("Set-Cookie: %s", set)
	}
	if got := a.Header.Get("Location"); got != "https://slipway.example/sub/me" {
		t.Errorf("it leads to %s", got)
	}
	if !v.loggedIn() {
		t.Error("not logged in")
	}
	v.cookie.Name = "slipway_session"
	if v.loggedIn() {
		t.Error("a cookie of the other name works")
	}
}

// TestFromElsewhere: a browser that follows a link from another site keeps its cookie back, so the page asks once more, from here.
func TestFromElsewhere(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	v := s.visitor()
	v.header = map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
	if page := v.want(200, "/me/tokens?after=1&x=%22", nil).body; !strings.Contains(page, `http-equiv="refresh" content="0; url=`+s.URL+`/me/tokens?after=1&amp;x=%22"`) {
		t.Errorf("a link from elsewhere: %s", page)
	}
	v.header["Sec-Fetch-Site"] = "same-origin"
	v.want(303, "/me/tokens", nil)
}
