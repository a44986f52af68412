package ui_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
)

var href = regexp.MustCompile(`<a [^>]*href="([^"]+)"`)

// TestDocumentation is N19: a browser gets pages, whose links lead to pages, files and headings that are there; a visitor who is logged in is not
// asked to log in.
func TestDocumentation(t *testing.T) {
	s := newPage(t, formatstest.Options{})
	bodies := map[string]string{}
	read := func(path string) string {
		if _, ok := bodies[path]; !ok {
			res := s.Do(formatstest.Anonymous, formatstest.Request{Path: path}.With("Accept", "text/html"))
			if folder, ok := strings.CutPrefix(res.Header.Get("Location"), s.URL+"/docs/#"); ok && res.Status == http.StatusFound && strings.Contains(bodies["/docs/"], `<h2 id="`+folder+`"`) {
				res.Status = http.StatusOK // a folder is a part of the table of contents
			}
			if bodies[path] = string(res.Body); res.Status != http.StatusOK {
				t.Errorf("%s: %v", path, res)
			}
		}
		return bodies[path]
	}
	links := 0
	for _, m := range href.FindAllStringSubmatch(read("/docs/"), -1) {
		page, ok := strings.CutPrefix(m[1], s.URL)
		if !ok || !strings.HasSuffix(page, ".md") {
			continue
		}
		text := read(page)
		if !strings.Contains(text, "<h1 id=") || strings.Contains(text, ` style="`) {
			t.Errorf("%s is not rendered, or has styles of its own", page)
		}
		at, err := url.Parse(s.URL + page)
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ = strings.Cut(text, "<main")
		text, _, _ = strings.Cut(text, "</main>")
		for _, m := range href.FindAllStringSubmatch(text, -1) {
			to, err := at.Parse(m[1])
			if err != nil || !strings.HasPrefix(to.String(), s.URL) {
				continue
			}
			links++
			if target := read(to.Path); to.Fragment != "" && !strings.Contains(target, `id="`+to.Fragment+`"`) {
				t.Errorf("%s links to %s, and there is no such heading", page, m[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("%d links", links)
	}
	for _, path := range []string{"/docs/", "/docs/npm.md", "/docs/protocols/npm.md", "/nothing/here"} {
		res := s.Do(formatstest.Admin, formatstest.Request{Path: path}.With("Accept", "text/html"))
		if page := string(res.Body); strings.Contains(page, `class="login"`) || !strings.Contains(page, `<a class="who"`) {
			t.Errorf("%s asks a visitor who is logged in to log in: %v", path, res)
		}
		if res := s.Do("slp_wrong", formatstest.Request{Path: path}.With("Accept", "text/html")); !strings.Contains(string(res.Body), `class="login"`) || res.Status == http.StatusUnauthorized {
			t.Errorf("%s with wrong credentials: %v", path, res)
		}
	}
}

// TestDocumentationAddress: set-up lines on the pages about clients have the address of the server that shows them, so that nobody has to
// guess what to write; a page read as Markdown is as it was written.
func TestDocumentationAddress(t *testing.T) {
	s := newPage(t, formatstest.Options{Site: httpserver.Options{URL: "https://packages.example.org/a&b"}})
	read := func(path, accept string) string {
		return string(s.Do(formatstest.Anonymous, formatstest.Request{Path: path}.With("Accept", accept)).Body)
	}
	for path, lines := range map[string][]string{
		"/docs/protocols/npm.md":   {"registry=https://packages.example.org/a&amp;b/npm/main/", ">//packages.example.org/a&amp;b/npm/main/:_authToken="},
		"/docs/protocols/pypi.md":  {"https://ci:$SLIPWAY_TOKEN@packages.example.org/a&amp;b/pypi/main/simple/", "machine packages.example.org login", "https://ci:slp_…@packages"},
		"/docs/protocols/maven.md": {"https://packages.example.org/a&amp;b/maven/main"},
		"/docs/protocols/oci.md":   {"crane auth login packages.example.org -u", "packages.example.org/main/team/app:1.0"},
		"/docs/protocols/raw.md":   {"https://packages.example.org/a&amp;b/raw/main/tool"},
		"/docs/operations.md":      {"https://packages.example.org/a&amp;b/raw/main/audited"},
	} {
		page := read(path, "text/html")
		for _, line := range append(lines, "of your own server") {
			if !strings.Contains(page, line) && !(path == "/docs/operations.md" && line == "of your own server") {
				t.Errorf("%s lacks %q", path, line)
			}
		}
		if strings.Contains(page, "registry.example.com") {
			t.Errorf("%s has the address of the examples", path)
		}
		if !strings.Contains(read(path, "text/markdown"), "https://registry.example.com/") {
			t.Errorf("%s as Markdown is not as it was written", path)
		}
	}
	if !strings.Contains(read("/docs/cli.md", "text/html"), "https://registry.example.com/") {
		t.Error("the address of another registry is gone")
	}
}

// TestWrongPaths: a browser is shown a page where there is nothing; other clients get a problem.
func TestWrongPaths(t *testing.T) {
	s := newPage(t, formatstest.Options{})
	for _, path := range []string{"/nothing", "/docs/nothing", "/a/b/c", "//docs/", "/login/x"} {
		for accept, want := range map[string]string{"text/html,application/xhtml+xml,*/*;q=0.8": "text/html; charset=utf-8", "*/*": "application/problem+json", "application/json": "application/problem+json", "": "application/problem+json"} {
			q := formatstest.Request{Path: path}
			if accept != "" {
				q = q.With("Accept", accept)
			}
			if res := s.Do(formatstest.Anonymous, q); res.Status != http.StatusNotFound || res.Header.Get("Content-Type") != want || res.Header.Get("Vary") != "Accept, Authorization, Cookie" {
				t.Errorf("%s for %q: %v %v, want 404 as %s", path, accept, res, res.Header, want)
			}
		}
	}
}

// TestDocumentationSearch: the parts of pages that have all words are found, with those in headings first, shown as text, and lead to their headings.
func TestDocumentationSearch(t *testing.T) {
	s := newPage(t, formatstest.Options{})
	page := s.page(formatstest.Anonymous, "/docs/?q=Roll+Production")
	found := regexp.MustCompile(`(?s)<ol class="found">(.*)</ol>`).FindString(page)
	if !strings.Contains(found, "/docs/ui.md#ways") || !strings.Contains(found, "<mark>production</mark>") {
		t.Errorf("found: %s", found)
	}
	for _, m := range href.FindAllStringSubmatch(found, -1) {
		to := strings.TrimPrefix(m[1], s.URL)
		at, id, cut := strings.Cut(to, "#")
		if text := s.page(formatstest.Anonymous, at); cut && !strings.Contains(text, `id="`+id+`"`) {
			t.Errorf("%s leads to no heading", to)
		}
	}
	if page := s.page(formatstest.Anonymous, "/docs/?q=gradle+%3Cscript%3E"); !strings.Contains(page, "Nothing has all of") || strings.Contains(page, "<script>") {
		t.Error("what is nowhere is found, or is no text")
	}
	if page := s.page(formatstest.Anonymous, "/docs/?q=+"); !strings.Contains(page, "/docs/glossary.md") {
		t.Error("without words the pages are not listed")
	}
}
