package serve_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/formats/all"
	"slipway/formats/formatstest/toy"
)

// TestNewFormat adds a format to the list of the server's, and changes nothing else: it publishes, lists and downloads, its versions
// and its setting are in the API, and how to set it up is on the front page.
func TestNewFormat(t *testing.T) {
	r := commandtest.Start(t, func(c *installation.Config) { c.Formats = append(all.All(), toy.Format{}) })
	r.Login()
	r.Ask(http.MethodPut, "/toy/main/Bear/1", "a bear")
	r.Ask(http.MethodPut, "/toy/main/Bear/2", "a bigger bear")
	if got := r.Ask(http.MethodGet, "/toy/main/bear/2", ""); got != "a bigger bear" {
		t.Errorf("downloaded: %q", got)
	}
	if got := r.Ask(http.MethodGet, "/toy/main/bear", ""); got != "2\n1\n" && got != "1\n2\n" {
		t.Errorf("listed: %q", got)
	}
	apiShowsToys(t, r)
	pageShowsToys(t, r)
	toysFreeze(t, r)
}

// apiShowsToys looks for the format in the API and its document.
func apiShowsToys(t *testing.T, r *commandtest.Running) {
	t.Helper()
	const main = "/api/v1/repositories/main"
	names := func(path, key string) (out []any) {
		t.Helper()
		var list struct{ Items []map[string]any }
		decode(t, r.Ask(http.MethodGet, main+path, ""), &list)
		for _, item := range list.Items {
			out = append(out, item[key])
		}
		return out
	}
	for _, c := range []struct {
		path, key string
		want      []any
	}{
		{"/packages?format=toy", "name", []any{"Bear"}},
		{"/packages/toy/bear/versions", "purl", []any{"pkg:toy/bear@2", "pkg:toy/bear@1"}},
		{"/packages/toy/bear/tags", "version", []any{"2"}},
	} {
		if got := names(c.path, c.key); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.path, got, c.want)
		}
	}
	if got := r.CLI(0, "query", "purl:pkg:toy/bear@1"); !strings.Contains(got, "Bear") {
		t.Errorf("found by its package URL: %q", got)
	}
	document := r.Ask(http.MethodGet, "/api/v1/openapi.json", "")
	for _, text := range []string{`"toy_frozen":{"description":"No toy can be published.","title":"No new toys","type":"boolean"}`, "`toy`"} {
		if !strings.Contains(document, text) {
			t.Errorf("the document of the API lacks %s", text)
		}
	}
}

// pageShowsToys looks for the format's section on the front page.
func pageShowsToys(t *testing.T, r *commandtest.Running) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"npm, Python and Maven packages, OCI images, plain files and small toys,", `<a href="#toys">Toys</a>`, `<h3 id="toys">Toys</h3>`,
		"curl -T toy " + r.URL + "/toy/main/bear/1</code>"} {
		if !strings.Contains(string(page), text) {
			t.Errorf("the front page lacks %q", text)
		}
	}
}

// toysFreeze sets the format's setting, by the API.
func toysFreeze(t *testing.T, r *commandtest.Running) {
	t.Helper()
	var repository struct{ Settings map[string]any }
	decode(t, r.Ask(http.MethodPatch, "/api/v1/repositories/main", `{"settings":{"toy_frozen":true}}`), &repository)
	want := map[string]any{"allow_reuse": false, "maven_immediate": false, "maven_pom": "strict", "npm_legacy_names": false, "oci_sparse": "indexes", "raw_redeploy": false, "strict_order": false, "strict_record": false, "tag_rules": []any{}, "toy_frozen": true}
	if !reflect.DeepEqual(repository.Settings, want) {
		t.Errorf("settings: %v, want %v", repository.Settings, want)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.URL+"/toy/main/bear/3", strings.NewReader("no bear"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusForbidden || !strings.Contains(string(body), "no toy can be published here") {
		t.Errorf("published where the setting says no: %s %s", res.Status, body)
	}
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
