package upstreamtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// got is an answer, read as far as it came.
type got struct {
	*http.Response
	body []byte
	err  error // of the body
}

// get asks for a path of the origin, or a whole URL, with pairs of headers.
func get(t testing.TB, u *Server, target string, headers ...string) got {
	t.Helper()
	g, err := try(u, http.MethodGet, target, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func try(u *Server, method, target string, headers ...string) (got, error) {
	if strings.HasPrefix(target, "/") {
		target = u.URL + target
	}
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		return got{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	c := u.Client()
	defer c.CloseIdleConnections()
	res, err := c.Do(r)
	if err != nil {
		return got{}, err
	}
	defer res.Body.Close()
	g := got{Response: res}
	g.body, g.err = io.ReadAll(res.Body)
	return g, nil
}

// want fails the test unless the answer is whole and has this status.
func (g got) want(t testing.TB, status int) got {
	t.Helper()
	if g.err != nil || g.StatusCode != status {
		t.Fatalf("%s: %s, %v, want %d\n%.500s", g.Request.URL, g.Status, g.err, status, g.body)
	}
	return g
}

// has fails the test unless the body holds all of the words.
func (g got) has(t testing.TB, words ...string) {
	t.Helper()
	for _, w := range words {
		if !bytes.Contains(g.body, []byte(w)) {
			t.Errorf("no %q in %.2000s", w, g.body)
		}
	}
}

func (g got) is(t testing.TB, want []byte) {
	t.Helper()
	if !bytes.Equal(g.body, want) {
		t.Errorf("%s: %d bytes, want %d others", g.Request.URL, len(g.body), len(want))
	}
}

// TestHosts asks over every protocol.
func TestHosts(t *testing.T) {
	for name, o := range map[string]Options{"HTTP/1.1": {}, "TLS": {TLS: true}, "HTTP/2.0": {HTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			u := New(t, o)
			f := u.Raw("a/b.txt", []byte("text"))
			get(t, u, f.URL).want(t, 200).is(t, []byte("text"))
			get(t, u, u.CDN.URL+f.Path).want(t, 200)
			u.Asked(t, 2, "GET", "/raw/**")
			u.AskedOnce(t, "GET", "cdn:/raw/*/b.txt")
			u.NeverAsked(t, "plain:**")
			if u.Plain != nil {
				get(t, u, u.Plain.URL+f.Path).want(t, 200)
			}
			if proto := u.Requests()[0].Proto; o.HTTP2 != (proto == "HTTP/2.0") {
				t.Errorf("asked by %s", proto)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	u := New(t, Options{})
	f := u.Raw("a b/c.bin", []byte("0123456789"))
	g := get(t, u, f.URL).want(t, 200)
	etag, modified := g.Header.Get("ETag"), g.Header.Get("Last-Modified")
	if etag == "" || modified == "" {
		t.Errorf("no validators: %v", g.Header)
	}
	get(t, u, f.URL, "If-None-Match", etag).want(t, 304)
	get(t, u, f.URL, "If-Modified-Since", modified).want(t, 304)
	get(t, u, f.URL, "Range", "bytes=3-5").want(t, 206).is(t, []byte("345"))
	get(t, u, f.URL, "Range", "bytes=3-5", "If-Range", `"other"`).want(t, 200)
	get(t, u, f.URL, "Range", "bytes=30-").want(t, 416)
	u.Header(f.Path, "Repr-Digest", "sha-256=:x:")
	if get(t, u, f.URL).Header.Get("Repr-Digest") == "" {
		t.Error("no further header")
	}
	u.Replace(f.Path, []byte("other"))
	if g := get(t, u, f.URL, "If-None-Match", etag).want(t, 200); string(g.body) != "other" || g.Header.Get("Repr-Digest") == "" {
		t.Errorf("after the change: %q %v", g.body, g.Header)
	}
	u.Remove(f.Path)
	get(t, u, f.URL).want(t, 404)
	if p := u.Paths(); len(p) != 0 {
		t.Errorf("left: %v", p)
	}
}

// TestGenerated reads a file that is not in memory, from any place.
func TestGenerated(t *testing.T) {
	u := New(t, Options{})
	f := u.RawGenerated("big.bin", 5_000_003)
	all := get(t, u, f.URL).want(t, 200).body
	if int64(len(all)) != f.Size() || !bytes.Equal(all, f.Bytes()) {
		t.Fatalf("%d bytes", len(all))
	}
	for _, at := range [][2]int{{0, 0}, {1, 17}, {4_999_990, 5_000_002}, {12_345, 1_234_567}} {
		get(t, u, f.URL, "Range", fmt.Sprintf("bytes=%d-%d", at[0], at[1])).want(t, 206).is(t, all[at[0]:at[1]+1])
	}
	huge := u.RawGenerated("huge.bin", 1<<40)
	get(t, u, huge.URL, "Range", fmt.Sprintf("bytes=%d-", huge.Size()-9)).want(t, 206)
	if again := New(t, Options{}).RawGenerated("big.bin", 5_000_003); again.SHA256() != f.SHA256() {
		t.Error("another server has other bytes")
	}
}

func TestNPMDocuments(t *testing.T) {
	u := New(t, Options{})
	one := u.NPM("@acme/pad", "1.0.0", NPMVersion{Manifest: map[string]any{"dependencies": map[string]string{"dep": "^1.0.0"}, "scripts": map[string]string{"x": "y"}}})
	u.NPM("@acme/pad", "2.0.0-rc.1", NPMVersion{Tags: []string{"next"}, Published: Epoch.AddDate(1, 0, 0), Deprecated: "old", NoIntegrity: true, OnCDN: true})
	full := get(t, u, NPMPath("@acme/pad"), "Accept-Encoding", "identity").want(t, 200)
	full.has(t, `"scripts"`, `"latest":"1.0.0"`, `"next":"2.0.0-rc.1"`, `"deprecated":"old"`, `"time"`, "2025-01-01T00:00:00.000Z", one.Integrity(), one.SHA1(), u.CDN.URL)
	short := get(t, u, u.NPMURL()+"@acme%2fpad", "Accept", abbreviatedType+"; q=1.0, application/json; q=0.8").want(t, 200)
	if short.has(t, `"dependencies"`, one.URL); bytes.Contains(short.body, []byte(`"scripts"`)) || short.Header.Get("ETag") == full.Header.Get("ETag") {
		t.Errorf("the short form is %s", short.body)
	}
	get(t, u, NPMPath("@acme/pad/next")).want(t, 200).has(t, `"version":"2.0.0-rc.1"`)
	get(t, u, one.URL).want(t, 200).is(t, one.Bytes())
	zipped := get(t, u, NPMPath("@acme/pad"), "Accept-Encoding", "gzip").want(t, 200)
	if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("ETag") == full.Header.Get("ETag") {
		t.Errorf("compressed: %v", zipped.Header)
	}

	u.NPMDeprecate("@acme/pad", "1.0.0", "do not")
	u.NPMTag("@acme/pad", "latest", "2.0.0-rc.1")
	get(t, u, NPMPath("@acme/pad"), "If-None-Match", full.Header.Get("ETag")).want(t, 200).has(t, `"do not"`, `"latest":"2.0.0-rc.1"`)
	u.NPMRemove("@acme/pad", "1.0.0")
	get(t, u, one.URL).want(t, 404)
	get(t, u, NPMPath("@acme/pad/1.0.0")).want(t, 404)
	u.NPMRemove("@acme/pad", "")
	get(t, u, NPMPath("@acme/pad")).want(t, 404)
}

func TestPyPIDocuments(t *testing.T) {
	u := New(t, Options{})
	files := u.PyPI("My.Pkg", "1.0", PyPIFile{RequiresPython: ">=3.6"}, PyPIFile{Sdist: true, Hashes: []string{"md5"}, NoUploadTime: true})
	get(t, u, "/pypi/simple/My.Pkg").want(t, 301)
	g := get(t, u, PyPIPath("My.Pkg"), "Accept", simpleJSON).want(t, 200)
	g.has(t, files[0].URL, files[0].SHA256(), `"md5":"`+files[1].MD5(), `"upload-time":"2024-01-01T00:00:00.000Z"`, `"core-metadata"`, `"requires-python"`)
	var page struct{ Files []map[string]any }
	if err := json.Unmarshal(g.body, &page); err != nil || len(page.Files) != 2 || page.Files[1]["upload-time"] != nil {
		t.Errorf("%v, %v", err, page.Files)
	}
	get(t, u, PyPIPath("My.Pkg")).want(t, 200).has(t, "#sha256="+files[0].SHA256(), "#md5="+files[1].MD5(), "data-core-metadata", "data-requires-python=\"&gt;=3.6\"")
	get(t, u, files[0].Path).want(t, 404) // only the CDN has it
	get(t, u, files[0].URL+".metadata").want(t, 200).has(t, "Name: My.Pkg")

	u.PyPIYank("my-pkg", "1.0", "broken")
	u.PyPIStatus("my-pkg", "archived", "done")
	get(t, u, PyPIPath("my-pkg"), "Accept", simpleJSON).want(t, 200).has(t, `"yanked":"broken"`, `"status":"archived"`, `"1.4"`)
	u.PyPIUnyank("my-pkg", "1.0")
	u.PyPIHTMLOnly(true)
	if g := get(t, u, PyPIPath("my-pkg"), "Accept", simpleJSON).want(t, 200); !strings.HasPrefix(g.Header.Get("Content-Type"), "text/html") || bytes.Contains(g.body, []byte("yanked")) {
		t.Errorf("%v\n%s", g.Header, g.body)
	}
	get(t, u, u.PyPIURL()).want(t, 200).has(t, `href="/pypi/simple/my-pkg/"`)
	u.PyPIRemove("my-pkg", "")
	get(t, u, PyPIPath("my-pkg")).want(t, 404)
	get(t, u, files[0].URL).want(t, 404)
}

func TestMavenDocuments(t *testing.T) {
	u := New(t, Options{})
	files := u.Maven("com.acme:lib:1.0", MavenVersion{Dependencies: []string{"com.acme:dep:2"}, Classifiers: map[string][]byte{"sources": nil}})
	u.Maven("com.acme:lib:1.1", MavenVersion{})
	if files[0].Path != "/maven/com/acme/lib/1.0/lib-1.0.pom" || files[1].Path != "/maven/com/acme/lib/1.0/lib-1.0.jar" || files[2].Path != "/maven/com/acme/lib/1.0/lib-1.0-sources.jar" {
		t.Errorf("%s %s %s", files[0].Path, files[1].Path, files[2].Path)
	}
	get(t, u, files[0].URL).want(t, 200).has(t, "<artifactId>dep</artifactId>")
	document := get(t, u, MavenPath("com.acme:lib")+"/maven-metadata.xml", "Accept-Encoding", "identity").want(t, 200)
	document.has(t, "<release>1.1</release>", "<version>1.0</version>")
	get(t, u, MavenPath("com.acme:lib")+"/maven-metadata.xml.sha1").want(t, 200).is(t, []byte(sumsOf(fixed(document.body)).SHA1()))
	for extension, sum := range map[string]string{"md5": files[1].MD5(), "sha1": files[1].SHA1(), "sha256": files[1].SHA256(), "sha512": files[1].SHA512()} {
		get(t, u, files[1].URL+"."+extension).want(t, 200).is(t, []byte(sum))
	}
	u.MavenChecksumHeaders(true)
	u.Replace(files[1].Path, []byte("other bytes"))
	if g := get(t, u, files[1].URL).want(t, 200); g.Header.Get("X-Checksum-Sha1") != files[1].SHA1() || string(g.body) != "other bytes" {
		t.Errorf("replaced: %v", g.Header)
	}
	get(t, u, files[1].URL+".sha1").want(t, 200).is(t, []byte(files[1].SHA1()))
	u.MavenSidecars(false)
	get(t, u, files[1].URL+".sha1").want(t, 404)

	u.Maven("com.acme:lib:2-SNAPSHOT", MavenVersion{})
	u.Maven("com.acme:lib:2-SNAPSHOT", MavenVersion{})
	g := get(t, u, MavenPath("com.acme:lib:2-SNAPSHOT")+"/maven-metadata.xml").want(t, 200)
	var metadata struct {
		Values []string `xml:"versioning>snapshotVersions>snapshotVersion>value"`
	}
	if err := xml.Unmarshal(g.body, &metadata); err != nil || len(metadata.Values) != 2 || !strings.HasSuffix(metadata.Values[0], "-2") {
		t.Fatalf("%v\n%s", err, g.body)
	}
	get(t, u, MavenPath("com.acme:lib:2-SNAPSHOT")+"/lib-"+metadata.Values[0]+".jar").want(t, 200)
	u.MavenRemove("com.acme:lib:1.1")
	get(t, u, MavenPath("com.acme:lib:1.1")+"/lib-1.1.pom").want(t, 404)
	u.MavenFile("com/acme/maven-metadata.xml", []byte("<metadata/>"))
	get(t, u, "/maven/com/acme/maven-metadata.xml").want(t, 200).is(t, []byte("<metadata/>"))
	u.MavenRemove("com.acme:lib")
	get(t, u, MavenPath("com.acme:lib")+"/maven-metadata.xml").want(t, 404)
}

func TestOCIDocuments(t *testing.T) {
	u := New(t, Options{})
	image := u.OCI("library/app", "1.0", "linux/amd64", "linux/arm/v7")
	g := get(t, u, OCIPath("library/app", "1.0")).want(t, 200)
	if g.Header.Get("Docker-Content-Digest") != image.Digest || g.Header.Get("Content-Type") != indexType {
		t.Errorf("%v", g.Header)
	}
	g.has(t, `"variant":"v7"`)
	arm := image.Platforms["linux/arm/v7"]
	get(t, u, OCIPath("library/app", arm.Manifest.Digest())).want(t, 200).is(t, arm.Manifest.Bytes())
	layer := arm.Layers[0]
	get(t, u, BlobPath("library/app", layer.Digest())).want(t, 200).is(t, layer.Bytes())
	get(t, u, OCIPath("library/app", "2.0")).want(t, 404).has(t, "MANIFEST_UNKNOWN")

	u.OCIRedirect(true)
	to := get(t, u, layer.Path).want(t, 307).Header.Get("Location")
	if !strings.HasPrefix(to, u.CDN.URL) || !strings.Contains(to, "X-Signature=") {
		t.Errorf("Location %s", to)
	}
	get(t, u, to).want(t, 200).is(t, layer.Bytes())

	moved := u.OCIImage("library/app", "1.0", ImageSpec{Docker: true, Text: "moved", Layers: []int64{3 << 20}})
	if g := get(t, u, OCIPath("library/app", "1.0")); g.Header.Get("Docker-Content-Digest") != moved.Digest || g.Header.Get("Content-Type") != dockerManifestType {
		t.Errorf("%v", g.Header)
	}
	u.OCITag("library/app", "1.1", image.Digest)
	u.OCITag("library/app", "1.2", image.Digest)
	u.OCITagPage(2)
	g = get(t, u, "/v2/library/app/tags/list").want(t, 200)
	g.has(t, `["1.0","1.1"]`)
	next, _, _ := strings.Cut(strings.TrimPrefix(g.Header.Get("Link"), "<"), ">")
	get(t, u, next).want(t, 200).has(t, `["1.2"]`)

	signature := u.OCIAttach("library/app", moved.Digest, "application/vnd.example.signature", []byte("signed"))
	get(t, u, "/v2/library/app/referrers/"+moved.Digest+"?artifactType=application/vnd.example.signature").want(t, 200).has(t, signature.Digest())
	u.OCIReferrers(false)
	get(t, u, "/v2/library/app/referrers/"+moved.Digest).want(t, 404)
	u.OCIAttach("library/app", moved.Digest, "application/vnd.example.sbom", []byte("sbom"))
	get(t, u, OCIPath("library/app", strings.Replace(moved.Digest, ":", "-", 1))).want(t, 200).has(t, signature.Digest())
	f := u.OCIManifest("library/odd", "1", "application/json", []byte("not a manifest"))
	get(t, u, OCIPath("library/odd", "1")).want(t, 200).is(t, f.Bytes())
	get(t, u, u.OCIBlob("library/odd", []byte("blob")).URL).want(t, 307)
	u.OCIRemove("library/app", moved.Digest)
	get(t, u, OCIPath("library/app", "1.0")).want(t, 404)
	u.OCIRemove("library/app", "")
	get(t, u, "/v2/library/app/tags/list").want(t, 404).has(t, "NAME_UNKNOWN")
}

// TestTokens: the realm gives tokens that are good for the repositories that were asked for.
func TestTokens(t *testing.T) {
	u := New(t, Options{})
	u.OCI("library/app", "1.0")
	u.RequireToken("ci", "secret")
	g := get(t, u, OCIPath("library/app", "1.0")).want(t, 401)
	if want := `scope="repository:library/app:pull"`; !strings.Contains(g.Header.Get("WWW-Authenticate"), want) {
		t.Errorf("%v", g.Header)
	}
	realm := "/token?service=upstreamtest&scope=repository:library/app:pull"
	get(t, u, realm).want(t, 401)
	var answer struct{ Token string }
	if err := json.Unmarshal(get(t, u, realm, "Authorization", basic("ci", "secret")).want(t, 200).body, &answer); err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + answer.Token
	get(t, u, "/v2/", "Authorization", bearer).want(t, 200)
	get(t, u, OCIPath("library/app", "1.0"), "Authorization", bearer).want(t, 200)
	get(t, u, OCIPath("library/other", "1.0"), "Authorization", bearer).want(t, 401)
	u.ExpireTokens()
	get(t, u, "/v2/", "Authorization", bearer).want(t, 401)
	u.RequireToken("", "")
	get(t, u, realm).want(t, 200)
}

func TestCredentials(t *testing.T) {
	u := New(t, Options{})
	f := u.Raw("secret.txt", []byte("text"))
	u.RequireBasic("ci", "secret")
	if g := get(t, u, f.URL).want(t, 401); !strings.HasPrefix(g.Header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("%v", g.Header)
	}
	get(t, u, f.URL, "Authorization", basic("ci", "secret")).want(t, 200)
	get(t, u, u.CDN.URL+f.Path).want(t, 200)
	u.RequireBearer("tok")
	get(t, u, f.URL, "Authorization", basic("ci", "secret")).want(t, 401)
	get(t, u, f.URL, "Authorization", "Bearer tok").want(t, 200)
	u.RequireHeader("X-Key", "k")
	get(t, u, f.URL, "X-Key", "k").want(t, 200)
	u.RequireNone()
	get(t, u, f.URL).want(t, 200)
}

// TestStored: the big layers are gzip, from any place.
func TestStored(t *testing.T) {
	for _, size := range []int64{0, 1, maxBlock, maxBlock + 1, 3*maxBlock - 1} {
		plain := generated{7, size}
		s := storedGzip(plain)
		packed, err := io.ReadAll(open(s))
		if err != nil || int64(len(packed)) != s.Size() {
			t.Fatalf("%d bytes, %v", len(packed), err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(z); err != nil || sumsOf(fixed(b)).SHA256() != sumsOf(plain).SHA256() {
			t.Errorf("%d: %d bytes, %v", size, len(b), err)
		}
		for off := int64(0); off < s.Size(); off += 4_099 {
			p := make([]byte, min(9_001, s.Size()-off))
			if _, err := s.ReadAt(p, off); err != nil || !bytes.Equal(p, packed[off:off+int64(len(p))]) {
				t.Fatalf("%d: other bytes at %d, %v", size, off, err)
			}
		}
	}
}
