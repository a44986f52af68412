package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// shop is a site with a few versions.
func shop(t *testing.T) *site {
	t.Helper()
	s := newPage(t, formatstest.Options{}, all.All()...)
	for path, body := range map[string]string{"/raw/main/tool/1.0.0/tool.txt": "one", "/raw/main/tool/1.1.0/tool.txt": "two", "/raw/main/tool/1.1.0/read%20me.md": "three"} {
		if res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPut, Path: path, Body: []byte(body)}); res.Status != http.StatusCreated {
			t.Fatalf("%s: %v", path, res)
		}
	}
	set := formatstest.Request{Method: http.MethodPut, Path: "/api/v1/repositories/main/packages/raw/tool/tags/production", Body: []byte(`{"version":"1.0.0","reason":"release 12"}`)}
	if res := s.Do(formatstest.Admin, set.With("Content-Type", "application/json")); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	return s
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
		"/r/main/raw/tool/-/tags":   {"release 12", ">holds<"},
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
	for _, path := range []string{"/r/main", "/r/main/raw/tool", "/r/main/raw/tool/-/tags", "/r/main/raw/tool/v/1.1.0", "/search?q=tool", "/"} {
		res := s.get(bob, path)
		if strings.Contains(string(res.Body), "1.1.0") || strings.Contains(string(res.Body), "production<") || strings.HasPrefix(path, "/r/") && res.Status != http.StatusNotFound {
			t.Errorf("%s: %v", path, res)
		}
		res = s.get(formatstest.Anonymous, path)
		if below := strings.HasPrefix(path, "/r/"); !below && strings.Contains(string(res.Body), "1.1.0") || below && res.Header.Get("Location") != s.URL+"/login?next="+url.QueryEscape(path) {
			t.Errorf("%s without credentials: %v", path, res)
		}
	}
}
