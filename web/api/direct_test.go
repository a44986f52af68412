package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"slipway/api/client"
	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry/access"
	"slipway/web/api"
)

// direct is a server with some versions, and a client of its API within the process.
func direct(t testing.TB) (*formatstest.Server, *client.Client) {
	t.Helper()
	a := api.New(api.Options{})
	s := formatstest.NewServer(t, formatstest.Options{}, a, raw.New())
	for i := range 3 {
		res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPut, Path: fmt.Sprintf("/raw/main/tool/1.%d/tool.txt", i), Body: []byte("bytes")})
		if res.Status != http.StatusCreated {
			t.Fatal(res)
		}
	}
	cl, err := client.New("http://slipway", client.Options{HTTP: &http.Client{Transport: a.Direct()}})
	if err != nil {
		t.Fatal(err)
	}
	return s, cl
}

// TestDirect: the API answers within the process as it does over HTTP: with the rights of the context's caller, its problems, its pages and
// its streams.
func TestDirect(t *testing.T) {
	s, cl := direct(t)
	tool := client.Package{Repository: "main", Format: "raw", Name: "tool"}
	v, err := cl.Version(s.Admin, tool, "1.2")
	if err != nil || v.Version != "1.2" || len(v.Files) != 1 {
		t.Fatalf("%+v, %v", v, err)
	}
	page := client.Page{Limit: 2}
	var got []string
	for range 2 {
		for version, err := range cl.Versions(client.OnePage(s.Admin, &page), tool, client.VersionFilter{}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, version.Version)
		}
		page = client.Page{Limit: page.Limit, After: page.Next}
	}
	if strings.Join(got, " ") != "1.2 1.1 1.0" || page.After != "" {
		t.Errorf("%v, then %+v", got, page)
	}
	body, err := cl.OpenFile(s.Admin, tool, "1.2", v.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(body); err != nil || string(text) != "bytes" || body.Close() != nil {
		t.Errorf("%q, %v", text, err)
	}
	for status, call := range map[int]error{
		http.StatusUnauthorized: second(cl.Version(t.Context(), tool, "1.2")),
		http.StatusNotFound:     second(cl.Version(s.Admin, tool, "9")),
		http.StatusForbidden:    cl.DeleteVersion(s.Login(access.Credentials{Token: s.ReadToken("main")}), tool, "1.2", "no"),
	} {
		var problem *client.Error
		if !errors.As(call, &problem) || problem.Status != status || problem.Detail == "" || !strings.HasPrefix(problem.Type, "urn:slipway:problem:") {
			t.Errorf("want %d: %#v", status, call)
		}
	}
	if err := cl.DeleteVersion(t.Context(), tool, "1.2", ""); !client.IsStatus(err, http.StatusUnauthorized) {
		t.Errorf("a change by nobody: %v", err)
	}
	ended, cancel := context.WithCancel(s.Admin)
	cancel()
	if _, err := cl.Version(ended, tool, "1.2"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the request: %v", err)
	}
}

// TestDirectStream: a stream is handed over as it comes, and ends when its reader closes it.
func TestDirectStream(t *testing.T) {
	a := api.New(api.Options{})
	s := formatstest.NewServer(t, formatstest.Options{}, a, raw.New())
	r, err := http.NewRequestWithContext(s.Admin, http.MethodGet, "http://slipway/api/v1/events?after=-1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	res, err := a.Direct().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 4)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "id: " || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%q, %v", first, err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// BenchmarkDirect is the cost of one call of a page, with its JSON written and read.
func BenchmarkDirect(b *testing.B) {
	s, cl := direct(b)
	tool := client.Package{Repository: "main", Format: "raw", Name: "tool"}
	for b.Loop() {
		if _, err := cl.Version(s.Admin, tool, "1.2"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDetail is the same question, asked of the core.
func BenchmarkDetail(b *testing.B) {
	s, _ := direct(b)
	at, err := s.Core.Rules.NameOf("main", "raw", "tool")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := s.Everything.CanonicalVersion(s.Admin, at.At("1.2"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Everything.VersionDetail(s.Admin, c); err != nil {
			b.Fatal(err)
		}
	}
}
