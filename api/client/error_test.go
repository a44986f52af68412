package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"slipway/api/client"
)

// TestErrors: a problem is an Error with its status, no answer is Unreachable, and neither can do anything to a terminal.
func TestErrors(t *testing.T) {
	s, cl, _ := served(t)
	ctx := t.Context()
	_, err := cl.Repository(ctx, "none")
	var problem *client.Error
	if !errors.As(err, &problem) || problem.Status != http.StatusNotFound || problem.Type == "" || err.Error() != `there is no repository "none" (HTTP 404)` {
		t.Errorf("%+v", err)
	}
	for _, err := range cl.Packages(ctx, "none", client.PackageFilter{}) {
		if !client.IsStatus(err, http.StatusNotFound) {
			t.Errorf("a list: %v", err)
		}
	}
	anonymous := must(client.New(s.URL+"/", client.Options{Advise: func(*client.Error) string { return "; log in" }}))(t)
	if _, err := anonymous.Repository(ctx, "main"); !client.IsStatus(err, http.StatusUnauthorized) || !strings.HasSuffix(err.Error(), "; log in (HTTP 401)") {
		t.Errorf("without credentials: %v", err)
	}
	s.Stop()
	var away *client.Unreachable
	if err := cl.Ready(ctx); !errors.As(err, &away) || away.Server != s.URL {
		t.Errorf("%v", err)
	}
	for _, server := range []string{"localhost:8080", "ftp://host", "http://", "http://user:secret@host", "http://host?x=1", "%"} {
		if _, err := client.New(server, client.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", server, err)
		}
	}
}

// TestHostileAnswers: answers of a server that is no Slipway are refused, redirects are not followed, and every call ends.
func TestHostileAnswers(t *testing.T) {
	answers := map[string]func(w http.ResponseWriter, r *http.Request){
		"not what a Slipway server sends": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"HTTP 302":                        func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"does not end":                    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":[],"next":"x"}`) },
		"a·[31mb (HTTP 418)": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, `{"detail":"a\u001b[31mb","status":200}`)
		},
	}
	for want, answer := range answers {
		s := httptest.NewServer(http.HandlerFunc(answer))
		cl := must(client.New(s.URL, client.Options{Token: "secret"}))(t)
		var last error
		for _, err := range cl.Repositories(t.Context()) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), want) {
			t.Errorf("%v, want %q", last, want)
		}
		s.Close()
	}
}

// TestWithRaw: the server's JSON is passed on unchanged, with fields that no type has.
func TestWithRaw(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		item := `{"name":"main","new":[1.0]}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/main"):
			_, _ = io.WriteString(w, item)
		case r.URL.Query().Get("after") == "":
			_, _ = io.WriteString(w, `{"items":[`+item+`],"next":"main"}`)
		default:
			_, _ = io.WriteString(w, `{"items":[`+item+`]}`)
		}
	}))
	defer s.Close()
	cl := must(client.New(s.URL, client.Options{}))(t)
	var got []string
	ctx := client.WithRaw(context.Background(), func(raw json.RawMessage) { got = append(got, string(raw)) })
	must(cl.Repository(ctx, "main"))(t)
	if list := all(t, cl.Repositories(ctx)); len(list) != 2 || list[1].Name != "main" {
		t.Errorf("%+v", list)
	}
	if len(got) != 3 || got[0] != `{"name":"main","new":[1.0]}` || got[0] != got[2] {
		t.Errorf("%q", got)
	}
}

// TestWarnings: the sentences that the server adds to an answer reach the program, without what could change a terminal; what
// caches on the way add does not.
func TestWarnings(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, value := range []string{"299 - \"the tag \\\"1.0\\\" is \\\\ \u202ebroken\"", `110 - "Response is stale"`, `299 - unquoted`, `299`, `299 proxy:80 "open`} {
			w.Header().Add("Warning", value)
		}
	}))
	defer s.Close()
	var got []string
	cl := must(client.New(s.URL, client.Options{Warn: func(text string) { got = append(got, text) }}))(t)
	if err := cl.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{`the tag "1.0" is \ ·broken`, "open"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if err := must(client.New(s.URL, client.Options{}))(t).Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
