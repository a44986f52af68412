package ui_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/web/api"
	"slipway/web/ui"
)

// failing is a part of the server whose addresses fail in every way, and answer as pages do.
type failing struct{ pages *ui.Pages }

func (f failing) Mount(root *mux.Router, server *httpserver.Server) {
	for kind := registry.Internal; kind <= registry.Blocked; kind++ {
		e := &registry.Error{Kind: kind, Subject: registry.AboutRequest, Detail: fmt.Sprint("<kind> ", int(kind)), RetryAfter: 90 * time.Second}
		root.Handle(fmt.Sprint("/fails/", int(kind)), server.Handle(httpserver.Route{Format: "web", Name: "web.fails", Public: true},
			func(w http.ResponseWriter, r *http.Request, e *registry.Error) { ui.Failure(f.pages, w, r, e) },
			func(http.ResponseWriter, *http.Request) error { return e }))
	}
}

// TestProblems: whatever goes wrong, a browser is shown a page with the status, the reason, the number of the request and what can be done; other
// clients get a problem.
func TestProblems(t *testing.T) {
	a := api.New(api.Options{})
	pages := ui.New("1", a.Direct())
	s := &site{formatstest.NewServer(t, formatstest.Options{}, a, pages, failing{pages}), t}
	helped := 0
	for kind := registry.Internal; kind <= registry.Blocked; kind++ {
		path, want := fmt.Sprint("/fails/", int(kind)), httpserver.StatusOf(&registry.Error{Kind: kind})
		other := s.Do(formatstest.Admin, formatstest.Request{Path: path})
		if got := other.Header.Get("Content-Type"); other.Status != want || got != "application/problem+json" {
			t.Errorf("%s, not for a browser: %v", path, other)
		}
		res := s.get(formatstest.Admin, path+"?x=1")
		if kind == registry.Unauthenticated {
			continue // it leads to the login
		}
		page := string(res.Body)
		if res.Status != want || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Retry-After") != "90" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, res)
		}
		for _, text := range []string{http.StatusText(want), fmt.Sprint("&lt;kind&gt; ", int(kind)), res.Header.Get("X-Request-Id"), "To the front page"} {
			if text == "" || !strings.Contains(page, text) {
				t.Errorf("%s: no %q", path, text)
			}
		}
		if strings.Contains(page, "Try again in 90 seconds") {
			helped++
			if !strings.Contains(page, `href="`+s.URL+path+`?x=1">Try again`) {
				t.Errorf("%s: no way to try again", path)
			}
		}
		s.inspect(t, path, res)
	}
	if helped < 6 {
		t.Errorf("%d kinds say when to try again", helped)
	}
}

// TestProblemsOfPages: a form that is too large, and wrong passwords without end.
func TestProblemsOfPages(t *testing.T) {
	s := newPeople(t, formatstest.Options{})
	v := s.visitor()
	v.header = map[string]string{"Accept": browser}
	if a := v.do("/login", formOf("user", strings.Repeat("x", 2<<20), "password", "y")); a.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(a.body, "Send less at once") {
		t.Errorf("a large form: %v %s", a.Status, a.body)
	}
	var last formatstest.Response
	for i := range 20 {
		q := formatstest.Request{Path: "/me"}.With("Accept", browser).WithBasic("dora", fmt.Sprint(i))
		if last = s.Do(formatstest.Anonymous, q); last.Status == http.StatusTooManyRequests {
			break
		}
	}
	if last.Status != http.StatusTooManyRequests || !strings.Contains(string(last.Body), "Try again in ") || last.Header.Get("Retry-After") == "" {
		t.Errorf("wrong passwords without end: %v", last)
	}
}
