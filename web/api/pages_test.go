package api_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// TestOtherPages (fault J8): pages of other sites read what everybody may read, and nothing that needs credentials.
func TestOtherPages(t *testing.T) {
	a := prepare(t, formatstest.Options{AnonymousRead: true})
	q := formatstest.Request{Method: http.MethodGet, Path: "/api/v1" + packages + "/lib/versions"}.With("Origin", "https://page.example")
	for as, want := range map[formatstest.As]string{formatstest.Anonymous: "*", a.reader: "", "slp_wrong": ""} {
		if res := a.Do(as, q); res.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("credentials %v: %v, %v", as != formatstest.Anonymous, res, res.Header)
		}
	}
	q.Path = "/api/v1/users"
	if res := a.Do(formatstest.Anonymous, q); res.Status != http.StatusUnauthorized || res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("not for everybody: %v, %v", res, res.Header)
	}
	q.Method = http.MethodOptions
	res := a.Do(formatstest.Anonymous, q)
	if res.Status != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Methods") != "GET, HEAD" || res.Header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
		t.Errorf("preflight: %v, %v", res, res.Header)
	}
	q.Path = "/api/v1/nothing"
	if res := a.Do(formatstest.Anonymous, q); res.Status != http.StatusNotFound || res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("no path: %v, %v", res, res.Header)
	}
}

// TestForeignPublish: a change by the API can't be a part of a publish, so it says so instead of taking effect at once.
func TestForeignPublish(t *testing.T) {
	a := prepare(t)
	for _, c := range []struct{ method, path, body string }{
		{http.MethodDelete, packages + "/lib/versions/0.9.0", ""}, {http.MethodPut, packages + "/lib/tags/staging", `{"version":"1.0.0"}`},
	} {
		q := formatstest.Request{Method: c.method, Path: "/api/v1" + c.path, Body: []byte(c.body)}
		if res := a.Do(formatstest.Admin, q.With("X-Slipway-Publish", "r1")); res.Status != http.StatusBadRequest || !strings.Contains(string(res.Body), "X-Slipway-Publish") {
			t.Errorf("%s %s: %v, want 400", c.method, c.path, res)
		}
	}
}
