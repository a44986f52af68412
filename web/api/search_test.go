package api_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestVersionSearch asks the auditors' query over HTTP, page by page, now and then.
func TestVersionSearch(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0")
	a.publish("app", "2.0.0")
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	var set tag
	a.want(200, "PUT", packages+"/app/tags/production", `{"version":"2.0.0"}`, &set)
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.1.0"}`, nil)
	type hit struct {
		PURL, Repository, Format, Name, Version string
		PublishedAt                             string `json:"published_at"`
	}
	find := func(params string) (found string) {
		t.Helper()
		next := ""
		for {
			var page struct {
				Items []hit
				Next  string
			}
			a.want(200, "GET", "/versions?limit=1&"+params+"&after="+next, "", &page)
			for _, h := range page.Items {
				if h.Repository != "main" || h.PURL == "" || h.Format == "" || h.PublishedAt == "" {
					t.Errorf("hit %+v", h)
				}
				found += h.Name + "@" + h.Version + " "
			}
			if next = page.Next; next == "" {
				return found
			}
		}
	}
	for query, want := range map[string]string{
		"":                           "app@2.0.0 lib@1.1.0 lib@1.0.0 ",
		"tag:production":             "app@2.0.0 lib@1.1.0 ",
		"name:lib -tag:production":   "lib@1.0.0 ",
		"version:2.0.0 OR name:none": "app@2.0.0 ",
	} {
		if got := find("q=" + url.QueryEscape(query)); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	if got := find("q=tag:production+name:lib&as_of=" + url.QueryEscape(set.SetAt)); got != "lib@1.0.0 " {
		t.Errorf("as of the first release: %q", got)
	}
	a.want(200, "GET", "/versions?q="+strings.Repeat("name:lib+", 100), "", nil) // K12: the query's own bound is the only one
	a.want(400, "GET", "/versions?q=color:red", "", nil)
	a.want(400, "GET", "/versions?after=x", "", nil)
}
