package npm

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/publish"
)

func TestPackumentNegotiation(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "@acme/web", version: "1.0.0", manifest: map[string]any{"description": strings.Repeat("long ", 300)}})
	const npm = abbreviatedType + "; q=1.0, application/json; q=0.8, */*"
	tags := map[string]bool{}
	for _, c := range []struct{ path, accept, contentType string }{
		{"/@acme%2fweb", npm, abbreviatedType}, {"/@acme/web", abbreviatedType, abbreviatedType},
		{"/@acme%2Fweb", "application/json", fullType}, {"/@acme%2fweb", "", fullType}, {"/@acme%2fweb", "text/html", fullType},
		{"/@acme%2fweb?write=true", npm, fullType},
	} {
		res := e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodGet, c.path, nil, "Accept", c.accept))
		if got := res.Header.Get("Content-Type"); got != c.contentType {
			t.Errorf("%s Accept %q: %s, want %s", c.path, c.accept, got, c.contentType)
		}
		doc := parsed(t, res.Body)
		if doc["name"] != "@acme/web" || doc["time"] == nil || (doc["_rev"] != nil) != (c.contentType == fullType) {
			t.Errorf("%s Accept %q: %v", c.path, c.accept, doc)
		}
		if vary := strings.Join(res.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept,") || !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("Vary %q", vary)
		}
		if cc := res.Header.Get("Cache-Control"); cc != "private, no-cache" {
			t.Errorf("Cache-Control %q", cc)
		}
		tags[res.Header.Get("Etag")] = true
	}
	if len(tags) != 2 {
		t.Errorf("%d entity tags for two documents: %v", len(tags), tags)
	}
}

func TestPackumentValidators(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "web", version: "1.0.0", manifest: map[string]any{"funding": strings.Repeat("long ", 300)}})
	for _, accept := range []string{abbreviatedType, fullType} {
		ask := func(header ...string) formatstest.Response {
			return e.do(formatstest.Admin, http.MethodGet, "/web", nil, append([]string{"Accept", accept}, header...)...)
		}
		first := ask()
		zipped := ask("Accept-Encoding", "gzip,deflate")
		if zipped.Header.Get("Content-Encoding") != "gzip" || len(zipped.Body) >= len(first.Body) {
			t.Errorf("gzip: %v", zipped.Header)
		}
		z, err := gzip.NewReader(bytes.NewReader(zipped.Body))
		must(t, err)
		if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, first.Body) {
			t.Errorf("gzip: %v", err)
		}
		tag, modified := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
		for _, header := range [][]string{{"If-None-Match", tag}, {"If-Modified-Since", modified}, {"If-None-Match", zipped.Header.Get("Etag"), "Accept-Encoding", "gzip"}} {
			if res := ask(header...); res.Status != http.StatusNotModified || len(res.Body) > 0 {
				t.Errorf("%v: %v", header, res)
			}
		}
		if res := ask("If-None-Match", `"x"`, "If-Modified-Since", modified); res.Status != http.StatusOK {
			t.Errorf("If-None-Match wins: %v", res)
		}
		head := e.do(formatstest.Admin, http.MethodHead, "/web", nil, "Accept", accept)
		if head.Status != http.StatusOK || len(head.Body) > 0 || head.Header.Get("Content-Length") != first.Header.Get("Content-Length") {
			t.Errorf("HEAD: %v %v", head, head.Header)
		}
		// A change of a tag alone makes another document.
		_, err = e.Publisher.SetTag(e.Admin, e.name("web"), "t"+accept[:3]+accept[12:15], publish.TagChange{Version: "1.0.0"})
		must(t, err)
		if res := ask("If-None-Match", tag); res.Status != http.StatusOK || res.Header.Get("Etag") == tag {
			t.Errorf("after a change: %v", res)
		}
	}
}

// TestBaseURL: addresses follow the reader, per request (npm.md 1.7, 2.8).
func TestBaseURL(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "@acme/web", version: "1.0.0"})
	for _, host := range []string{"a.example.com", "b.example.com:8443", "a.example.com"} {
		v := e.get("/@acme/web/latest", "Host", host)
		if got := v["dist"].(map[string]any)["tarball"]; got != "http://"+host+"/npm/main/@acme/web/-/web-1.0.0.tgz" {
			t.Errorf("%v", got)
		}
	}
	e = newEnv(t, formatstest.Options{Site: httpserver.Options{URL: "https://registry.example.com/base"}})
	e.publish(pub{name: "web", version: "1.0.0"})
	if got := e.get("/web/latest")["dist"].(map[string]any)["tarball"]; got != "https://registry.example.com/base/npm/main/web/-/web-1.0.0.tgz" {
		t.Errorf("%v", got)
	}
}

func TestVersionDocument(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "@acme/web", version: "1.0.0", manifest: map[string]any{"unknown": []int{1}}})
	e.publish(pub{name: "@acme/web", version: "1.1.0-rc.1", tags: map[string]string{"next": "1.1.0-rc.1"}})
	for path, want := range map[string]string{
		"/@acme%2fweb/1.0.0": "1.0.0", "/@acme/web/v1.0.0": "1.0.0", "/@acme/web/latest": "1.0.0", "/@acme/web/next": "1.1.0-rc.1", "/@acme/web/1.0.0+build": "1.0.0",
	} {
		v := e.get(path)
		if v["version"] != want || v["dist"].(map[string]any)["integrity"] == nil || v["_id"] != "@acme/web@"+want {
			t.Errorf("%s: %v", path, v)
		}
	}
	for _, path := range []string{"/@acme/web/2.0.0", "/@acme/web/beta", "/@acme/none/latest", "/none/1.0.0"} {
		e.want(http.StatusNotFound, "there is no", e.do(formatstest.Admin, http.MethodGet, path, nil))
	}
}

// TestTarballSpellings: every form of npm.md 1.1 and 1.2 gives the same bytes.
func TestTarballSpellings(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	raw := pack(t, `{"name":"@acme/a-1.2","version":"1.0.0-1.2"}`)
	e.publish(pub{name: "@acme/a-1.2", version: "1.0.0-1.2", tarball: raw})
	e.publish(pub{name: "a-1.2", version: "1.0.0"})
	for _, path := range []string{
		"/@acme/a-1.2/-/a-1.2-1.0.0-1.2.tgz", "/@acme%2fa-1.2/-/a-1.2-1.0.0-1.2.tgz", "/%40acme%2Fa-1.2/-/a-1.2-1.0.0-1.2.tgz",
		"/@acme/a-1.2/-/@acme/a-1.2-1.0.0-1.2.tgz", "/@acme%2fa-1.2/-/@acme%2fa-1.2-1.0.0-1.2.tgz", "/@acme%2Fa-1.2/-/1.0.0-1.2/a-1.2-1.0.0-1.2.tgz",
		"//@acme//a-1.2/-//a-1.2-1.0.0-1.2.tgz",
	} {
		res := e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodGet, path, nil, "Accept", abbreviatedType, "Accept-Encoding", "gzip"))
		if !bytes.Equal(res.Body, raw) || res.Header.Get("Content-Type") != "application/octet-stream" || res.Header.Get("Content-Encoding") != "" ||
			!strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %v", path, res.Header)
		}
		if head := e.do(formatstest.Admin, http.MethodHead, path, nil); head.Status != http.StatusOK || head.Header.Get("Content-Length") != res.Header.Get("Content-Length") {
			t.Errorf("HEAD %s: %v", path, head)
		}
	}
	for _, path := range []string{"/a-1.2/-/a-1.2-1.0.0-1.2.tgz", "/@acme/a-1.2/-/a-1.2-1.0.0.tgz", "/@acme/a-1.2/-/1.0.0/a-1.2-1.0.0-1.2.tgz", "/@acme/a-1.2/-/@other/a-1.2-1.0.0-1.2.tgz"} {
		e.want(http.StatusNotFound, "there is no", e.do(formatstest.Admin, http.MethodGet, path, nil))
	}
	// What the documents say is what is served.
	v := e.get("/@acme/a-1.2/latest")
	d, err := e.Catalog.VersionDetail(e.Admin, e.name("@acme/a-1.2").At("1.0.0-1.2"))
	must(t, err)
	dist := v["dist"].(map[string]any)
	if dist["shasum"] != hex.EncodeToString(d.Files[0].Blob.SHA1) || dist["integrity"] != "sha512-"+base64.StdEncoding.EncodeToString(d.Files[0].Blob.SHA512) ||
		dist["fileCount"] != 1.0 || dist["unpackedSize"] == 0.0 {
		t.Errorf("%v", dist)
	}
}

func TestErrors(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "web", version: "1.0.0"})
	for _, c := range []struct {
		as           formatstest.As
		method, path string
		status       int
		words        string
	}{
		{formatstest.Admin, "GET", "/none", 404, `"none"`},
		{formatstest.Admin, "GET", "/@acme/none", 404, `"@acme/none"`},
		{formatstest.Admin, "GET", "/web/-rev", 404, "nothing at this path"},
		{formatstest.Admin, "GET", "/-/v1/search?text=x", 404, "Search"},
		{formatstest.Admin, "POST", "/-/v1/login", 404, "legacy"},
		{"slp_stale", "POST", "/-/v1/login", 404, "legacy"},
		{formatstest.Admin, "POST", "/-/npm/v1/security/advisories/bulk", 404, "advisories"},
		{formatstest.Admin, "POST", "/-/npm/v1/security/audits/quick", 404, "advisories"},
		{formatstest.Admin, "POST", "/web", 405, "POST"},
		{formatstest.Admin, "DELETE", "/web", 405, "DELETE"},
		{formatstest.Admin, "PATCH", "/-/v1/search", 405, "PATCH"},
		{formatstest.Anonymous, "GET", "/web", 401, "log in"},
		{formatstest.Anonymous, "GET", "/none", 401, "log in"},
		{"slp_stale", "GET", "/web", 401, "no longer valid"},
		{formatstest.Anonymous, "PUT", "/web", 401, "log in"},
	} {
		res := e.want(c.status, c.words, e.do(c.as, c.method, c.path, nil))
		if challenge := res.Header.Get("WWW-Authenticate"); (challenge != "") != (c.status == 401) || c.status == 401 && !strings.HasPrefix(challenge, "Bearer ") {
			t.Errorf("%s %s: challenge %q", c.method, c.path, challenge)
		}
	}
	if got := e.do(formatstest.Admin, "POST", "/web", nil).Header.Get("Allow"); got != "GET, HEAD, PUT" {
		t.Errorf("Allow: %q", got)
	}
	res := e.Do(formatstest.Admin, formatstest.Request{Method: "GET", Path: "/npm/nowhere/web"})
	e.want(http.StatusNotFound, "nowhere", res)
	e.want(http.StatusNotFound, "", e.Do(formatstest.Admin, formatstest.Request{Method: "GET", Path: "/npm"}))
	if ping := e.do("slp_stale", "GET", "/-/ping", nil); ping.Status != 200 || strings.TrimSpace(string(ping.Body)) != "{}" {
		t.Errorf("ping: %v", ping)
	}
}

// TestAnonymousRead: an open registry answers without credentials, and says so to caches and to npm.
func TestAnonymousRead(t *testing.T) {
	e := newEnv(t, formatstest.Options{AnonymousRead: true})
	e.publish(pub{name: "web", version: "1.0.0"})
	res := e.want(http.StatusOK, "", e.do(formatstest.Anonymous, http.MethodGet, "/web", nil))
	if cc := res.Header.Get("Cache-Control"); cc != "no-cache" {
		t.Errorf("Cache-Control %q", cc)
	}
	if v := e.get("/-/package/web/visibility"); v["public"] != true {
		t.Errorf("visibility: %v", v)
	}
	e.want(http.StatusUnauthorized, "log in", e.do(formatstest.Anonymous, http.MethodPut, "/web", nil))
	e.want(http.StatusNotFound, "", e.do(formatstest.Anonymous, http.MethodGet, "/none", nil))
}
