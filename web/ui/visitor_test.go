package ui_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/registry/access"
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

func ptr[T any](v T) *T { return &v }
