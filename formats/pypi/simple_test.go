package pypi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRender compares both forms of a page with golden files.
func TestRender(t *testing.T) {
	at := time.Date(2026, 8, 1, 10, 0, 0, 123000, time.UTC)
	file := func(version int64, path, content string) registry.File {
		return registry.File{VersionID: version, Path: path, AddedAt: at, Blob: registry.Blob{Digest: digest.FromString(content), Size: int64(len(content))}}
	}
	c := catalog.PackageListing{
		Package: registry.Package{Key: "my-pkg", Name: "My.Pkg"},
		Versions: []registry.Version{
			{ID: 1, Name: "1.0", Descriptor: []byte(`{"files":{"my_pkg-1.0-py3-none-any.whl":{"requires_python":">=3.9,<4"}}}`)},
			{ID: 2, Name: "1.0+cu118", State: registry.Yanked},
			{ID: 3, Name: "1!2.0", State: registry.Yanked, Reason: "a <b> & \"c\"\nd", Descriptor: []byte(`{"files":{}}`)},
		},
		Files: map[int64][]registry.File{
			1: {file(1, "my_pkg-1.0.tar.gz", "sdist"), file(1, "my_pkg-1.0-py3-none-any.whl", "wheel"), file(1, "my_pkg-1.0-py3-none-any.whl.metadata", "metadata")},
			2: {file(2, "my_pkg-1.0+cu118-py3-none-any.whl", "local")},
			3: {file(3, "my_pkg-1!2.0.tar.gz", "epoch")},
		},
	}
	for name, m := range map[string]media{"page.html": medias[0], "page.json": medias[2]} {
		doc, err := render(c, m)
		must(t, err)
		path := filepath.Join("testdata", name)
		if *update {
			must(t, os.WriteFile(path, doc.Body, 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if !bytes.Equal(doc.Body, want) || doc.ContentType != m.content {
			t.Errorf("%s:\n%s", name, doc.Body)
		}
	}
}

// TestNegotiate is the table of pypi.md 4.1.
func TestNegotiate(t *testing.T) {
	const json, html, v1 = "application/vnd.pypi.simple.v1+json", "text/html; charset=utf-8", "application/vnd.pypi.simple.v1+html; charset=utf-8"
	for accept, want := range map[string]string{
		"": html, "*/*": html, "text/html": html, "application/json": html, "image/png": html,
		"application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01": json,
		"application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01":   json,
		"application/vnd.pypi.simple.v1+json, */*;q=0.1":                                                     json,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8":                                    html,
		"application/vnd.pypi.simple.latest+json":                                                            json,
		"application/vnd.pypi.simple.v1+html":                                                                v1,
		"application/vnd.pypi.simple.v1+json;q=0, */*":                                                       html,
		"text/html;q=0, application/vnd.pypi.simple.v1+json;q=0, */*;q=0.5":                                  v1,
		"application/*": v1,
		"application/vnd.pypi.simple.v1+json;q=2":                                                              html,
		"application/vnd.pypi.simple.v1+json;q=0.5, application/vnd.pypi.simple.v1+html;q=0.5":                 v1,
		"APPLICATION/VND.PYPI.SIMPLE.V1+JSON":                                                                  json,
		"application/vnd.pypi.simple.v1+json;charset=utf-8;q=0.3, text/html;q=0.2":                             json,
		"application/vnd.pypi.simple.latest+json;q=0.1, application/vnd.pypi.simple.v1+json;q=0, text/*;q=.05": html,
	} {
		r := &http.Request{Header: http.Header{"Accept": {accept}}, URL: mustURL("/")}
		if got := negotiate(r).content; got != want {
			t.Errorf("%s: %s, want %s", accept, got, want)
		}
	}
	for _, plus := range []string{"%2B", "+"} { // O3: clients send it raw, too
		r := &http.Request{Header: http.Header{"Accept": {"text/html"}}, URL: mustURL("/?format=application/vnd.pypi.simple.v1" + plus + "json")}
		if got := negotiate(r).content; got != json {
			t.Errorf("?format= with %s: %s", plus, got)
		}
	}
}

// TestPages is Y4 and Y5: caching, redirects and what is not there.
func TestPages(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.wheel(dist{name: "My.Pkg", version: "1.0", header: []string{"Requires-Python: >=3.9,<4"}})
	for _, m := range medias {
		res := e.want(http.StatusOK, "my_pkg-1.0-py3-none-any.whl", e.get("/simple/my-pkg/", "Accept", m.mime))
		tag := res.Header.Get("Etag")
		if got := res.Header.Get("Content-Type"); got != m.content {
			t.Errorf("%s: Content-Type %q", m.mime, got)
		}
		again := e.get("/simple/my-pkg/", "Accept", m.mime, "If-None-Match", tag)
		for _, h := range []http.Header{res.Header, again.Header} {
			if h.Get("Etag") != tag || h.Get("Cache-Control") != "private, no-cache" || strings.Join(h.Values("Vary"), ", ") != "Accept, Accept-Encoding" {
				t.Errorf("%s: %v", m.mime, h)
			}
		}
		if again.Status != http.StatusNotModified {
			t.Errorf("%s: %v, want 304", m.mime, again)
		}
	}
	res := e.get("/simple/my-pkg/")
	html := string(res.Body)
	if got := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") || strings.Contains(got, "unsafe") { // K12
		t.Errorf("a browser may load things for the page: Content-Security-Policy %q", got)
	}
	e.want(http.StatusOK, html, e.get("/+simple/my-pkg/"))
	for path, to := range map[string]string{
		"/simple/my-pkg": "../simple/my-pkg/", "/simple/My_.Pkg": "../simple/my-pkg/", "/simple/My_.Pkg/?a=b": "../../simple/my-pkg/?a=b", "/+simple/MY-PKG/": "../../+simple/my-pkg/",
		"/simple": "simple/", "": "main/", "/simple/never-seen": "../simple/never-seen/",
		// A doubled slash is passed over, and a page is sent to its own address, as its links are relative.
		"//simple/my-pkg/": "../../../simple/my-pkg/", "/simple//my-pkg/": "../../../simple/my-pkg/", "/simple/my-pkg//": "../../../simple/my-pkg/",
		"//simple/": "../../simple/", "//": "./../",
		// hatch and flit print this address after an upload.
		"/My-Pkg/1.0/": "../../simple/my-pkg/", "/my-pkg/1.0": "../simple/my-pkg/", "/my-pkg/": "../simple/my-pkg/",
	} {
		res := e.get(path)
		if res.Status != http.StatusMovedPermanently || res.Header.Get("Location") != to {
			t.Errorf("%s: %v, Location %q, want %q", path, res, res.Header.Get("Location"), to)
		}
		if res := e.do(formatstest.Anonymous, http.MethodGet, path); res.Status != http.StatusUnauthorized {
			t.Errorf("%s without credentials: %v", path, res)
		}
	}
	for _, path := range []string{"/simple/nosuch/", "/simple/-/", "/simple/a%20b/", "/simple/%C3%A9/", "/nosuch", "/nosuch/1.0/", "/my-pkg/x/", "/simple/1.0/1.0/", "/simple/a/b", "/simple/a//b", "/files/x/y", "/api/my-pkg", "/simple/.."} {
		e.want(http.StatusNotFound, "", e.get(path))
		if res := e.do(formatstest.Anonymous, http.MethodGet, "/simple/nosuch/"); res.Status != http.StatusUnauthorized {
			t.Errorf("a stranger learns what is not there: %v", res)
		}
	}
	file := e.page("my-pkg").Files[0].href()
	for _, path := range []string{"//simple/my-pkg/", "/simple//my-pkg/", "//", "/my-pkg/1.0/", "/my-pkg/1.0"} {
		res := e.get(path)
		to, err := mustURL(e.URL + "/pypi/main" + path).Parse(res.Header.Get("Location"))
		if must(t, err); !strings.HasPrefix(to.Path, "/pypi/main/") || strings.Contains(to.Path, "//") {
			t.Errorf("%s leads to %s", path, to)
		}
		e.want(http.StatusOK, "", e.get(strings.TrimPrefix(to.Path, "/pypi/main")))
	}
	e.want(http.StatusOK, "", e.get("/"+file))
	e.want(http.StatusOK, "", e.get(strings.Replace(file, "/files/", "/files//", 1)))
	e.want(http.StatusOK, "install from "+e.URL+"/pypi/main/simple/, upload to "+e.URL+"/pypi/main/", e.get("/"))
}

// TestIndex lists projects with files, in both forms, whatever their number.
func TestIndex(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.want(http.StatusOK, `{"meta":{"api-version":"1.4"},"projects":[]}`, e.get("/simple/", "Accept", medias[2].mime))
	e.wheel(dist{name: "B.b", version: "1"})
	e.wheel(dist{name: "a", version: "1"})
	e.wheel(dist{name: "gone", version: "1"})
	e.want(http.StatusNoContent, "", e.do(formatstest.Admin, http.MethodDelete, "/api/gone/1"))
	res := e.get("/simple/", "Accept", medias[2].mime)
	if want := `{"meta":{"api-version":"1.4"},"projects":[{"name":"a"},{"name":"B.b"}]}` + "\n"; string(res.Body) != want || res.Header.Get("Content-Type") != medias[2].content {
		t.Errorf("%v", res)
	}
	e.want(http.StatusOK, "<a href=\"a/\">a</a><br>\n<a href=\"b-b/\">B.b</a><br>\n</body>", e.get("/simple/"))
	// Its name stays taken: an installer must not go on to another index.
	e.want(http.StatusOK, `"name":"gone","versions":[],"files":[]`, e.get("/simple/gone/", "Accept", medias[2].mime))
}

// TestFiles: bytes under stable addresses, metadata beside wheels byte for byte (S-16: what is served is what is in the archive).
func TestFiles(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	d := dist{name: "My.Pkg", version: "1.0+local.1", metadata: "Metadata-Version: 2.9\r\nName: My.Pkg\r\nVersion: 1.0+Local-1\r\nX-New: caf\xe9\r\nRequires-Python: >=3.9\r\n\r\nA description.\r\n"}
	wheel := e.wheel(d)
	sdist := dist{name: "my-pkg", version: "1.0-1", backend: true}
	sdist.file = "my-pkg-1.0-1.tar.gz"
	source := e.sdist(sdist)
	page := e.page("my-pkg")
	if len(page.Files) != 2 || page.Files[0].RequiresPython != ">=3.9" || page.Files[1].CoreMetadata != nil || page.Files[1].OldMetadata != nil {
		t.Fatalf("%+v", page)
	}
	w, s := page.Files[0], page.Files[1]
	if w.URL != "../../files/"+w.Hashes["sha256"]+"/my_pkg-1.0%2Blocal.1-py3-none-any.whl" {
		t.Errorf("url %s", w.URL)
	}
	for _, c := range []struct {
		path string
		want []byte
		sum  string
	}{
		{w.href(), wheel, w.Hashes["sha256"]}, {strings.Replace(w.href(), "%2B", "+", 1), wheel, w.Hashes["sha256"]},
		{w.href() + metadataSuffix, []byte(d.metadata), w.CoreMetadata["sha256"]}, {s.href(), source, s.Hashes["sha256"]},
	} {
		res := e.get(c.path, "Accept-Encoding", "gzip")
		sum := sha256.Sum256(res.Body)
		if res.Status != http.StatusOK || !bytes.Equal(res.Body, c.want) || hex.EncodeToString(sum[:]) != c.sum {
			t.Errorf("%s: %v, want %d bytes", c.path, res, len(c.want))
		}
		h := res.Header
		if h.Get("Content-Encoding") != "" || h.Get("Content-Type") != "application/octet-stream" || h.Get("Etag") != `"`+c.sum+`"` ||
			!strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Content-Length") != fmt.Sprint(len(c.want)) {
			t.Errorf("%s: %v", c.path, h)
		}
	}
	e.want(http.StatusNotFound, "", e.get(s.href()+metadataSuffix))
	e.want(http.StatusNotFound, "", e.get(strings.Replace(w.href(), w.Hashes["sha256"], s.Hashes["sha256"], 1)))
	e.want(http.StatusNotFound, "", e.get(strings.ToUpper(w.href())))
	e.want(http.StatusNotFound, "", e.get(w.href()+"/"))
	e.want(http.StatusUnauthorized, "", e.do(formatstest.Anonymous, http.MethodGet, w.href()))
	e.want(http.StatusNoContent, "", e.do(formatstest.Admin, http.MethodDelete, "/api/my-pkg/1.0+local.1"))
	e.want(http.StatusNotFound, "", e.get(w.href()))
	e.want(http.StatusNotFound, "", e.get(w.href()+metadataSuffix))
	e.want(http.StatusOK, "", e.get(s.href()))
	if got := e.page("my-pkg"); len(got.Files) != 1 || fmt.Sprint(got.Versions) != "[1.0.post1]" {
		t.Errorf("%+v", got)
	}
}

// TestYank is pypi.md 10: by version, with a reason, idempotent, and with an event each time something changes.
func TestYank(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.wheel(dist{name: "a", version: "1.0"})
	yank := func(as formatstest.As, body string) formatstest.Response {
		return e.Do(as, formatstest.Request{Method: http.MethodPut, Path: "/pypi/main/api/A/1/yank", Body: []byte(body)})
	}
	e.want(http.StatusForbidden, "", yank(formatstest.As(e.reader()), ""))
	e.want(http.StatusBadRequest, "JSON", yank(formatstest.Admin, "{"))
	e.want(http.StatusNoContent, "", yank(formatstest.Admin, ""))
	if got := e.page("a").Files[0].Yanked; got != true {
		t.Errorf("yanked %v", got)
	}
	for range 2 {
		e.want(http.StatusNoContent, "", yank(formatstest.Admin, `{"reason":"broken\non Windows"}`))
	}
	if got := e.page("a").Files[0].Yanked; got != "broken on Windows" {
		t.Errorf("yanked %v", got)
	}
	// Files that come later are of a yanked version too.
	e.sdist(dist{name: "a", version: "1.0"})
	e.want(http.StatusOK, `data-yanked="broken on Windows">a-1.0.tar.gz`, e.get("/simple/a/"))
	e.want(http.StatusForbidden, "", e.do(formatstest.As(e.reader()), http.MethodDelete, "/api/a/1.0/yank"))
	for range 2 {
		e.want(http.StatusNoContent, "", e.do(formatstest.Admin, http.MethodDelete, "/api/a/1.0/yank"))
	}
	if got := e.page("a").Files[0].Yanked; got != nil {
		t.Errorf("yanked %v", got)
	}
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodDelete, "/api/a/2.0/yank"))
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodDelete, "/api/b/1.0/yank"))
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodDelete, "/api/a/nonsense/yank"))
	e.want(http.StatusBadRequest, "its wheel only", e.do(formatstest.Admin, http.MethodDelete, "/api/a/1.0/a-1.0-py3-none-any.whl.metadata"))
	e.want(http.StatusNotFound, "no file", e.do(formatstest.Admin, http.MethodDelete, "/api/a/1.0/a-1.0-py2-none-any.whl"))
	want := "[artifact.published 1.0 artifact.yanked 1.0 artifact.yanked 1.0 artifact.files_added 1.0 artifact.restored 1.0]"
	if got := fmt.Sprint(e.events()); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	e.MustFsck(t)
}

// TestTag: a tag set through the common API, under any spelling of the project, and its event.
func TestTag(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.wheel(dist{name: "My.Pkg", version: "1.0"})
	name, err := e.Core.Rules.NameOf("main", formatName, "my_PKG")
	must(t, err)
	must(t, e.Publisher.Edit(e.Admin, name, publish.Rights{access.Admin}, func(ed *publish.Edit) error {
		_, err := ed.SetTag("production", "1.0", "release")
		return err
	}))
	if got := fmt.Sprint(e.events()); got != "[artifact.published 1.0 tag.set 1.0 production]" {
		t.Errorf("events %s", got)
	}
	if _, err := e.Core.Rules.NameOf("main", formatName, "not a name"); registry.KindOf(err) != registry.Invalid {
		t.Errorf("%v", err)
	}
}

// TestPageValues: a page never holds what would make uv refuse the whole of it.
func TestPageValues(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.wheel(dist{name: "a", version: "1.0"})
	res := e.get("/simple/a/", "Accept", medias[2].mime)
	var raw struct {
		Files []map[string]json.RawMessage `json:"files"`
	}
	must(t, json.Unmarshal(res.Body, &raw))
	for key, value := range raw.Files[0] {
		if string(value) == "null" {
			t.Errorf("%s is null", key)
		}
	}
	if _, err := time.Parse(`"2006-01-02T15:04:05.000000Z"`, string(raw.Files[0]["upload-time"])); err != nil || len(raw.Files[0]["upload-time"]) != 29 {
		t.Errorf("upload-time %s: %v", raw.Files[0]["upload-time"], err)
	}
}
