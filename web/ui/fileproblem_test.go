package ui_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/api"
	"slipway/web/ui"
)

// absentFiles are addresses of files and documents of every format that are not there.
var absentFiles = []string{
	"/npm/main/nothing", "/npm/main/@acme%2fnothing", "/npm/main/@acme/nothing/-/nothing-1.0.0.tgz", "/npm/absent/nothing", "/npm/main/-/nothing",
	"/pypi/main/simple/nothing/", "/pypi/absent/simple/nothing/", "/pypi/main/nothing",
	"/maven/main/com/acme/nothing/1.0/nothing-1.0.jar", "/maven/main/com/acme/nothing/maven-metadata.xml", "/maven/absent/com/acme/nothing/1.0/nothing-1.0.pom",
	"/v2/main/nothing/manifests/1.0", "/v2/main/nothing/tags/list", "/v2/absent/nothing/manifests/1.0", "/v2/main/nothing/nothing",
	"/v2/main/nothing/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"/raw/main/nothing/1.0/nothing.txt", "/raw/main/nothing/", "/raw/absent/nothing/1.0/nothing.txt", "/raw/main/a%00b",
}

// TestFileProblems: who opens the address of a file in a browser and does not get it is shown a page that says why, with the status of the protocol and what
// can be done: the password that the browser has to send, the command that sends it, and the pages of the repository.
func TestFileProblems(t *testing.T) {
	s := newPeople(t, formatstest.Options{}, all.All()...)
	for _, path := range absentFiles {
		for _, as := range []formatstest.As{formatstest.Anonymous, formatstest.Admin} {
			told := s.Do(as, formatstest.Request{Method: http.MethodGet, Path: path})
			res := s.get(as, path, "Sec-Fetch-Mode", "navigate")
			page := string(res.Body)
			if told.Status < 400 || res.Status != told.Status || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v %v", path, told, res)
				continue
			}
			s.inspect(t, path, res)
			if !strings.Contains(page, res.Header.Get("X-Request-Id")) || !strings.Contains(page, http.StatusText(res.Status)) {
				t.Errorf("%s as %q: %s", path, as, page)
			}
			if got := res.Header.Values("Www-Authenticate"); res.Status == http.StatusUnauthorized && (len(got) != 1 || !strings.HasPrefix(got[0], "Basic ")) {
				t.Errorf("%s asks by %q", path, got)
			}
			if asks := strings.Contains(page, " -u NAME:TOKEN "+s.URL+path); asks != (as == formatstest.Anonymous) && res.Status != http.StatusBadRequest {
				t.Errorf("%s as %q: tells how to send a token: %v", path, as, asks)
			}
			if place := strings.Contains(page, `href="`+s.URL+`/r/main">`); place != (as == formatstest.Admin && strings.Contains(path, "/main/")) {
				t.Errorf("%s as %q: leads to the repository: %v", path, as, place)
			}
		}
	}
	narrow := formatstest.As(s.Token(formatstest.OtherRepository, access.Read))
	if res := s.get(narrow, "/raw/main/nothing/1.0/nothing.txt"); res.Status < 400 || strings.Contains(string(res.Body), "/r/main") || strings.Contains(string(res.Body), "NAME:TOKEN") {
		t.Errorf("for a token of another repository: %v %s", res, res.Body)
	}
	v := s.visitor()
	v.login("ann", passwordOfAnn)
	if a := v.do("/raw/main/nothing/1.0/nothing.txt", nil); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "To be logged in to these pages is not enough") || !strings.Contains(a.body, `href="`+s.URL+`/r/main">`) {
		t.Errorf("of a visitor who is logged in: %v %s", a.Status, a.body)
	}
}

// TestFileProblemsOfOthers: what everybody may read, pages of other sites may read too; not the page of an error, which greets who is logged in.
func TestFileProblemsOfOthers(t *testing.T) {
	s := newPage(t, formatstest.Options{AnonymousRead: true}, all.All()...)
	const path = "/raw/main/nothing/1.0/nothing.txt"
	if told := s.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: path}); told.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a program: %v", told)
	}
	if res := s.get(formatstest.Anonymous, path); res.Status != http.StatusNotFound || res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a browser: %v", res)
	}
}

// failingFormat is a format whose addresses fail in every way.
type failingFormat struct{}

func (failingFormat) Mount(root *mux.Router, site *formats.Site) {
	for kind := registry.Internal; kind <= registry.TooMany; kind++ {
		e := &registry.Error{Kind: kind, Subject: registry.AboutFile, Detail: fmt.Sprint("<kind> ", int(kind))}
		if kind == registry.Blocked {
			e.Err = &registry.Refused{Text: "refused", ID: "refused-request"}
		}
		root.Handle(fmt.Sprint("/failing/main/", int(kind)), site.Handle(httpserver.Route{Format: "failing", Name: "failing.get", Public: true}, httpserver.ProblemWithReason,
			func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Etag", `"x"`)
				w.Header().Set("X-Protocol", "says this")
				return e
			}))
	}
}

// TestFileProblemsOfEveryKind: the page of each kind of error keeps status and header of the protocol, and leads to what explains a refusal.
func TestFileProblemsOfEveryKind(t *testing.T) {
	a := api.New(api.Options{})
	s := &site{formatstest.NewServer(t, formatstest.Options{}, a, ui.New("1", a.Direct()), failingFormat{}), t}
	for kind := registry.Internal; kind <= registry.TooMany; kind++ {
		path := fmt.Sprint("/failing/main/", int(kind))
		res := s.get(formatstest.Admin, path)
		page := string(res.Body)
		want := httpserver.StatusOf(&registry.Error{Kind: kind, Subject: registry.AboutFile})
		if res.Status != want || res.Header.Get("X-Protocol") != "says this" || res.Header.Get("Etag") == `"x"` || !strings.Contains(page, fmt.Sprint("&lt;kind&gt; ", int(kind))) {
			t.Errorf("%s: %v", path, res)
		}
		if why := strings.Contains(page, `href="`+s.URL+`/why/refused-request"`); why != (kind == registry.Blocked) {
			t.Errorf("%s: leads to an explanation: %v", path, why)
		}
		if again := strings.Contains(page, `href="`+s.URL+path+`">Try again`); again != (want >= 500 || want == http.StatusTooManyRequests || want == http.StatusRequestEntityTooLarge) {
			t.Errorf("%s: can be tried again: %v", path, again)
		}
		s.inspect(t, path, res)
	}
}

// programs are the headers with which programs ask, many of which name text/html.
var programs = map[string]map[string]string{
	"none":               {},
	"curl":               {"Accept": "*/*"},
	"npm":                {"Accept": "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"},
	"pip":                {"Accept": "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"},
	"old pip":            {"Accept": "text/html"},
	"uv":                 {"Accept": "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"},
	"Java":               {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"},
	"Maven":              {"Accept": "*/*", "Cache-Control": "no-cache"},
	"docker":             {"Accept": "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, */*"},
	"helm":               {"Accept": "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"},
	"JSON":               {"Accept": "application/json, text/html;q=0.9, application/xhtml+xml;q=0.9"},
	"a page's script":    {"Accept": browser, "Sec-Fetch-Mode": "cors"},
	"a picture's loader": {"Accept": browser, "Sec-Fetch-Mode": "no-cors"},
}

// TestFileProblemsOfPrograms: a server with pages tells programs byte for byte what one without pages tells them, whatever they ask for.
func TestFileProblemsOfPrograms(t *testing.T) {
	with := newPage(t, formatstest.Options{}, all.All()...)
	var front []formatstest.Mounter
	for _, f := range all.All() {
		front = append(front, f)
	}
	without := &site{formatstest.NewServer(t, formatstest.Options{}, front...), t}
	for _, path := range absentFiles {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
			for name, header := range programs {
				for _, as := range []formatstest.As{formatstest.Anonymous, formatstest.Admin} {
					if got, want := with.raw(as, method, path, header), without.raw(as, method, path, header); got != want {
						t.Errorf("%s %s of %s as %q:\n%s\nwithout pages:\n%s", method, path, name, as, got, want)
					}
				}
			}
			if method != http.MethodGet {
				header := map[string]string{"Accept": browser, "Sec-Fetch-Mode": "navigate"}
				if got, want := with.raw(formatstest.Admin, method, path, header), without.raw(formatstest.Admin, method, path, header); got != want {
					t.Errorf("%s %s of a browser:\n%s\nwithout pages:\n%s", method, path, got, want)
				}
			}
		}
	}
}

// raw is a whole answer as text, without what differs from one to the next.
func (s *site) raw(as formatstest.As, method, path string, header map[string]string) string {
	s.t.Helper()
	res := s.Do(as, formatstest.Request{Method: method, Path: path, Header: header})
	id := res.Header.Get("X-Request-Id")
	res.Header.Del("Date")
	var b bytes.Buffer
	fmt.Fprintln(&b, res.Status, res.Reason)
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		fmt.Fprintln(&b, name, res.Header[name])
	}
	b.Write(res.Body)
	return strings.NewReplacer(id, "ID", s.Addr, "HOST").Replace(b.String())
}
