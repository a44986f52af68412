package ui_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

// visitor is a browser as far as cookies and forms go. It follows no redirect.
type visitor struct {
	t      *testing.T
	base   string
	cookie *http.Cookie // nil: it is not logged in
	header map[string]string
}

// answer is what a visitor gets.
type answer struct {
	*http.Response
	body string
}

func (s *site) visitor() *visitor { return &visitor{t: s.t, base: s.URL} }

// do sends a request; form nil is a GET.
func (v *visitor) do(path string, form url.Values) answer {
	v.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Accept", browser)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Origin", v.base)
	}
	for name, value := range v.header {
		req.Header.Set(name, value)
	}
	if v.cookie != nil {
		req.AddCookie(v.cookie)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if v.cookie = c; c.MaxAge < 0 {
			v.cookie = nil
		}
	}
	return answer{res, string(text)}
}

// want is do for an answer with this status.
func (v *visitor) want(status int, path string, form url.Values) answer {
	v.t.Helper()
	a := v.do(path, form)
	if a.StatusCode != status {
		v.t.Fatalf("%s: %s, want %d: %s", path, a.Status, status, a.body)
	}
	return a
}

var csrfValue = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// csrf is what the forms of the visitor's session carry.
func (v *visitor) csrf() string {
	v.t.Helper()
	m := csrfValue.FindStringSubmatch(v.want(200, "/me", nil).body)
	if m == nil {
		v.t.Fatal("the page has no form")
	}
	return m[1]
}

// send fills in a form of a page.
func (v *visitor) send(status int, path string, fields ...string) answer {
	v.t.Helper()
	return v.want(status, path, formOf(append([]string{"csrf", v.csrf()}, fields...)...))
}

func formOf(fields ...string) url.Values {
	out := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		out.Add(fields[i], fields[i+1])
	}
	return out
}

func (v *visitor) login(user, password string) {
	v.t.Helper()
	v.want(303, "/login", formOf("user", user, "password", password))
	if v.cookie == nil {
		v.t.Fatal("a login sets no cookie")
	}
}

// loggedIn reports whether the visitor is greeted as a user.
func (v *visitor) loggedIn() bool {
	return v.want(200, "/docs/", nil).Header.Get("Cache-Control") == "no-store"
}

const passwordOfAnn = "password of ann"

// newPeople is a site with ann, who reads main.
func newPeople(t *testing.T, o formatstest.Options, served ...formats.Format) *site {
	t.Helper()
	s := newPage(t, o, served...)
	s.AddUser(t, "ann", passwordOfAnn, access.Grant{Repository: "main", Actions: []access.Action{access.Read, access.Publish}})
	return s
}

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
			if pages++; strings.HasSuffix(path, ".ico") || strings.HasSuffix(path, ".txt") || strings.HasPrefix(path, "/ui/") {
				return nil
			}
			a := v.do(path, nil)
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

func ptr[T any](v T) *T { return &v }

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

// TestMe: a visitor sees who he is and what he may do in words, makes a token with the least rights, and finds what used it.
func TestMe(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	v := s.visitor()
	v.login("ann", passwordOfAnn)
	if page := v.want(200, "/me", nil).body; !strings.Contains(page, "<li>read and publish in the repository main</li>") || !strings.Contains(page, "no group") || !strings.Contains(page, "/api/v1/whoami") {
		t.Errorf("/me: %s", page)
	}
	page := v.want(200, "/me/tokens", nil).body
	if strings.Count(page, " checked") != 1 || !strings.Contains(page, `value="read" checked`) || !strings.Contains(page, `value="90" selected`) || !strings.Contains(page, "You have none.") ||
		!strings.Contains(page, `<option value="main">`) || strings.Contains(page, `<option value="`+formatstest.OtherRepository+`">`) {
		t.Errorf("/me/tokens: %s", page)
	}
	made := v.send(200, "/me/tokens", "name", `ci <b>"`, "repository", "main", "action", "read", "days", "30")
	m := regexp.MustCompile(`<code>(slp_[A-Za-z0-9_-]+)</code>`).FindStringSubmatch(made.body)
	if m == nil || made.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("no secret: %s", made.body)
	}
	if res := s.Do(formatstest.As(m[1]), formatstest.Request{Method: http.MethodGet, Path: "/api/v1/repositories/main"}); res.Status != 200 {
		t.Errorf("the token: %v", res)
	}
	page = v.want(200, "/me/tokens", nil).body
	if strings.Contains(page, m[1]) || !strings.Contains(page, "ci &lt;b&gt;") || !strings.Contains(page, "<td>read in the repository main</td>") || !strings.Contains(page, "from 127.0.0.1") {
		t.Errorf("the list: %s", page)
	}
	list, err := s.Accounts.Tokens(s.Admin, accounts.TokenQuery{User: "ann"})
	if err != nil || len(list) != 1 || list[0].ExpiresAt.Sub(list[0].CreatedAt).Round(time.Hour) != 30*24*time.Hour || len(list[0].Grants) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	refused := v.send(403, "/me/tokens", "name", "more", "repository", "main", "action", "read", "action", "delete", "days", "7")
	if !strings.Contains(refused.body, `role="alert"`) || !strings.Contains(refused.body, `value="more"`) || !strings.Contains(refused.body, `value="delete" checked`) || !strings.Contains(refused.body, `value="7" selected`) {
		t.Errorf("too much: %s", refused.body)
	}
	v.send(400, "/me/tokens", "name", "none", "repository", "main", "days", "7")
	v.send(400, "/me/tokens", "name", "none", "repository", "main", "action", "read", "days", "-1")
	v.send(303, "/me/tokens", "revoke", fmt.Sprint(list[0].ID))
	if page := v.want(200, "/me/tokens", nil).body; !strings.Contains(page, "You have none.") {
		t.Errorf("after the revocation: %s", page)
	}
	s.AddUser(t, "bob", "password of bob", access.Grant{Repository: "*", Actions: []access.Action{access.Admin}})
	_, bobs, err := s.Accounts.CreateToken(s.Login(access.Credentials{User: "bob", Password: "password of bob"}), accounts.TokenRequest{Name: "bobs", Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read}}}})
	if err != nil {
		t.Fatal(err)
	}
	v.send(404, "/me/tokens", "revoke", fmt.Sprint(bobs.ID))
}

// TestMySessions: the browsers of a visitor are listed, and ended one by one or all others at once; those of others are not there.
func TestMySessions(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	var browsers []*visitor
	for range 4 {
		v := s.visitor()
		v.header = map[string]string{"User-Agent": `Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0`}
		v.login("ann", passwordOfAnn)
		browsers = append(browsers, v)
	}
	admin := s.visitor()
	admin.login("admin", registrytest.AdminPassword)
	page := browsers[0].want(200, "/me/sessions", nil).body
	if strings.Count(page, "Firefox on Linux") < 4 || strings.Count(page, ">this one<") != 1 || strings.Count(page, `name="end"`) != 3 || strings.Contains(page, "Go-http-client") {
		t.Errorf("the list: %s", page)
	}
	id := regexp.MustCompile(`name="end" value="(\d+)"`).FindStringSubmatch(page)[1]
	admin.send(303, "/me/sessions", "others", "1")
	browsers[0].send(303, "/me/sessions", "end", id)
	if browsers[1].loggedIn() || !browsers[2].loggedIn() {
		t.Error("it is another session that ended")
	}
	browsers[0].send(404, "/me/sessions", "end", id)
	browsers[0].send(400, "/me/sessions")
	browsers[0].send(303, "/me/sessions", "others", "1")
	if browsers[2].loggedIn() || browsers[3].loggedIn() || !browsers[0].loggedIn() || !admin.loggedIn() {
		t.Error("not all others ended, or more")
	}
	if page := browsers[0].want(200, "/me/sessions", nil).body; strings.Contains(page, `name="others"`) || strings.Contains(page, `name="end"`) {
		t.Errorf("nothing is left to end: %s", page)
	}
}
