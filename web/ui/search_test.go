package ui_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/formatstest"
	"slipway/web/ui"
)

// TestSearchPage: what people paste is found, with the reason; an error is shown at its place, and links narrow the query.
func TestSearchPage(t *testing.T) {
	s := shop(t)
	get := formatstest.Request{Method: http.MethodGet, Path: "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0"}
	var v api.Version
	if err := json.Unmarshal(s.Do(formatstest.Admin, get).Body, &v); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string][]string{
		string(v.Files[0].SHA256):        {"Read as <code>digest:sha256:", ">1.1.0<"},
		"pkg:generic/tool":               {"Read as <code>purl:pkg:generic/tool@*", ">1.1.0<", ">1.0.0<"},
		"tool@1.0.0":                     {"Read as <code>name:tool version:1.0.0", ">1.0.0<"},
		"tool.txt":                       {"Read as <code>file:tool.txt OR tool.txt", `<code class="why">file:tool.txt</code>`},
		"name:tool OR tag:production":    {`<code class="why">name:tool</code> <code class="why">tag:production</code>`, `/search?q=%28name%3Atool&#43;OR&#43;tag%3Aproduction%29&#43;format%3Araw"`},
		"name:tool tga:x":                {"there is no field &#34;tga&#34;", "name:tool tga:x\n          ^</code>"},
		"env:prod":                       {`<a class="chip good" href="` + s.URL + `/env/prod" title="web">prod</a>`},
		"name:tool repo:main":            {`/search?q=name%3Atool" aria-current="true">main`, `/search?q=name%3Atool&#43;repo%3Aother"`},
		"":                               {"What can be asked", `<option value="repo:main">`, `<option value="commit:">`},
		`<img src=x onerror=alert(1)>:(`: {"&lt;img src=x"},
	} {
		body := string(s.get(formatstest.Admin, "/search?q="+url.QueryEscape(q)).Body)
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%q: no %q in\n%s", q, text, body)
			}
		}
	}
	bob := formatstest.As(s.ReadToken(formatstest.OtherRepository))
	if body := string(s.get(bob, "/search").Body); strings.Contains(body, "repo:main") {
		t.Error("the name of a hidden repository completes a query")
	}
}

// TestSearchKeys: the API takes every word that the page offers as a beginning of a term.
func TestSearchKeys(t *testing.T) {
	s := shop(t)
	values := map[string]string{"state:": "yanked", "digest:": strings.Repeat("a", 64), "published:>": "2026-01-01", "entered:>": "2026-01-01", "origin:": "cached",
		"custom.": "x:1", "format:": "raw", "commit:": "4f2a"}
	for _, key := range ui.SearchKeys {
		q := key
		if strings.ContainsAny(key[len(key)-1:], ":>.") {
			q += "x"
		}
		if value := values[key]; value != "" {
			q = key + value
		}
		get := formatstest.Request{Method: http.MethodGet, Path: "/api/v1/versions?q=" + url.QueryEscape(q)}
		if res := s.Do(formatstest.Admin, get); res.Status != http.StatusOK {
			t.Errorf("%s: %v", q, res)
		}
	}
}

// TestSearchExport: a query's hits are there as a table and as lines, at a past moment too, and no spreadsheet runs one of them.
func TestSearchExport(t *testing.T) {
	s := shop(t)
	put := formatstest.Request{Method: http.MethodPut, Path: "/raw/main/=1+1/1.0.0/x.txt", Body: []byte("x")}
	if res := s.Do(formatstest.Admin, put); res.Status != http.StatusCreated {
		t.Fatal(res)
	}
	res := s.get(formatstest.Admin, "/search/versions.csv?q=format:raw")
	rows, err := csv.NewReader(strings.NewReader(string(res.Body))).ReadAll()
	if err != nil || len(rows) != 4 || rows[0][2] != "package" || rows[1][2] != "'=1+1" || rows[2][2] != "tool" || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v, %v", res, err)
	}
	res = s.get(formatstest.Admin, "/search/versions.ndjson?q=tool&as_of=seq:1000")
	var hit api.Hit
	if lines := strings.Split(strings.TrimSpace(string(res.Body)), "\n"); len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &hit) != nil || hit.Name != "tool" {
		t.Errorf("%v", res)
	}
	if res = s.get(formatstest.Admin, "/search/versions.csv?q=nothing-like-it"); !strings.HasPrefix(string(res.Body), "repository,format") {
		t.Errorf("%v", res)
	}
	if res = s.get(formatstest.Admin, "/search/versions.csv?q=tga:x"); res.Status != http.StatusBadRequest {
		t.Errorf("%v", res)
	}
}
