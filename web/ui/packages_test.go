package ui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// shop is a site with what a small company has: versions with facts, a tag that moved, and a service that runs one.
func shop(t *testing.T) *site {
	t.Helper()
	s := newPage(t, formatstest.Options{}, all.All()...)
	for _, f := range [][2]string{{"1.0.0/tool.txt", "one"}, {"1.1.0/tool.txt", "two"}, {"1.1.0/read%20me.md", "# Tool\n\nIt cuts."}} {
		s.send(http.MethodPut, "/raw/main/tool/"+f[0], f[1], http.StatusCreated)
	}
	tool := "/api/v1/repositories/main/packages/raw/tool"
	s.send(http.MethodPut, tool+"/tags/production", `{"version":"1.1.0","reason":"release 11"}`, http.StatusOK)
	s.send(http.MethodPut, tool+"/tags/production", `{"version":"1.0.0","reason":"1.1.0 loses orders, see INC-7"}`, http.StatusOK)
	s.send(http.MethodPut, tool+"/versions/1.0.0/metadata", `{"source":{"repository":"https://git.example.com/acme/tool","commit":"4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d","ref":"main"},"build":{"system":"woodpecker","id":"812","url":"https://ci.example.com/acme/tool/812"}}`, http.StatusNoContent)
	for _, name := range []string{"prod", "staging"} {
		s.send(http.MethodPost, "/api/v1/environments", `{"name":"`+name+`","tag":"production"}`, http.StatusCreated)
	}
	for i, d := range [][2]string{{"staging", "1.1.0"}, {"prod", "1.1.0"}, {"prod", "1.0.0"}} {
		s.send(http.MethodPost, "/api/v1/deployments", fmt.Sprintf(`{"environment":%q,"service":"web","repository":"main","purl":"pkg:generic/tool@%s","status":"succeeded","external_id":"d%d"}`, d[0], d[1], i), http.StatusCreated)
	}
	s.subscribe()
	return s
}

// send changes something as an administrator.
func (s *site) send(method, path, body string, want int) {
	s.t.Helper()
	q := formatstest.Request{Method: method, Path: path, Body: []byte(body)}
	if strings.HasPrefix(path, "/api/") {
		q = q.With("Content-Type", "application/json")
	}
	if res := s.Do(formatstest.Admin, q); res.Status != want {
		s.t.Fatalf("%s %s: %v", method, path, res)
	}
}

// TestPagesOfPackage: the pages of a repository, a package and a version show what a visitor looks for, and lead to each other and to the same
// in the API.
func TestPagesOfPackage(t *testing.T) {
	s := shop(t)
	for path, want := range map[string][]string{
		"/r/main":                   {`href="` + s.URL + `/r/main/raw/tool"`, "1.1.0", "You may", s.URL + "/api/v1/repositories/main\""},
		"/r/main?format=npm":        {"No package here is like that."},
		"/r/main?q=oo":              {`/r/main/raw/tool"`},
		"/r/other":                  {"Nothing is published here yet."},
		"/r/main/raw/tool":          {`href="` + s.URL + `/r/main/raw/tool/v/1.0.0"`, ">production<", "/raw/main/tool/1.1.0/read%20me.md", s.URL + "/api/v1/repositories/main/packages/raw/tool\""},
		"/r/main/raw/tool/-/tags":   {"release 11", "1.1.0 loses orders", ">holds<"},
		"/r/main/raw/tool/v/1.1.0":  {"read me.md", "files/read%20me.md", "/raw/main/tool/1.1.0/read%20me.md", "pkg:generic/tool@1.1.0", s.URL + "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0\""},
		"/search?q=tool":            {`href="` + s.URL + `/r/main/raw/tool/v/1.1.0"`, `value="tool"`},
		"/search?q=tool&as_of=seq:": {"seq:&lt;n&gt;"},
	} {
		res := s.get(formatstest.Admin, path)
		for _, text := range want {
			if !strings.Contains(string(res.Body), text) {
				t.Errorf("%s: %d, no %q", path, res.Status, text)
			}
		}
	}
}

// TestHiddenPages: who may not read a repository is shown nothing of it, by any page, and a visitor without credentials is asked for some.
func TestHiddenPages(t *testing.T) {
	s := shop(t)
	bob := formatstest.As(s.ReadToken(formatstest.OtherRepository))
	// Environments with the tags that they follow are known to everybody, and the search proposes these tags.
	for _, path := range []string{"/r/main", "/r/main/raw/tool", "/r/main/raw/tool/-/tags", "/r/main/raw/tool/v/1.1.0", "/search?q=tool", "/"} {
		res := s.get(bob, path)
		if strings.Contains(string(res.Body), "1.1.0") || strings.Contains(string(res.Body), "INC-7") || path != "/search?q=tool" && strings.Contains(string(res.Body), "production<") || strings.HasPrefix(path, "/r/") && res.Status != http.StatusNotFound {
			t.Errorf("%s: %v", path, res)
		}
		res = s.get(formatstest.Anonymous, path)
		if below := strings.HasPrefix(path, "/r/"); !below && strings.Contains(string(res.Body), "1.1.0") || below && res.Header.Get("Location") != s.URL+"/login?next="+url.QueryEscape(path) {
			t.Errorf("%s without credentials: %v", path, res)
		}
	}
}
