package maven

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/registrytest"
	"slipway/web"
)

// quiet is the quiet time of servers in tests that wait for it.
const quiet = 300 * time.Millisecond

// env is a server with the Maven and raw formats and the API.
type env struct {
	*formatstest.Server
	t testing.TB
}

func newEnv(t testing.TB, o Options) *env {
	t.Helper()
	return newEnvOn(t, o, formatstest.Options{})
}

// newEnvOn is newEnv over other stores.
func newEnvOn(t testing.TB, o Options, on formatstest.Options) *env {
	t.Helper()
	if o.Quiet == 0 {
		o.Quiet = time.Hour // only tests that ask for it see it end
	}
	on.Core = append(on.Core, registrytest.With(func(c *registry.Config) { c.SettleInterval = 50 * time.Millisecond }))
	return &env{t: t, Server: formatstest.NewServer(t, on, New(o), raw.New(), web.New(web.Options{}))}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do sends a request below /maven/main/; header is name, value, name, value…
func (e *env) do(as formatstest.As, method, path, body string, header ...string) formatstest.Response {
	e.t.Helper()
	q := formatstest.Request{Method: method, Path: "/maven/main/" + path, Body: []byte(body)}
	if strings.HasPrefix(path, "/") {
		q.Path = path
	}
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	return e.Do(as, q)
}

// put stores something as a caller and wants this status and these words.
func (e *env) put(as formatstest.As, path, body string, status int, words ...string) formatstest.Response {
	e.t.Helper()
	return e.want(e.do(as, http.MethodPut, path, body), path, status, words...)
}

func (e *env) get(as formatstest.As, path string, status int, words ...string) formatstest.Response {
	e.t.Helper()
	return e.want(e.do(as, http.MethodGet, path, ""), path, status, words...)
}

func (e *env) want(res formatstest.Response, path string, status int, words ...string) formatstest.Response {
	e.t.Helper()
	if res.Status != status {
		e.t.Fatalf("%s: %v, want %d", path, res, status)
	}
	for _, w := range words {
		if !strings.Contains(string(res.Body), w) {
			e.t.Fatalf("%s: %v, want %q in\n%s", path, res.Status, w, res.Body)
		}
	}
	return res
}

// eventually waits for a status.
func (e *env) eventually(as formatstest.As, path string, status int) {
	e.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res := e.do(as, http.MethodGet, path, "")
		if res.Status == status {
			return
		}
		if time.Now().After(end) {
			e.t.Fatalf("%s: %v, want %d", path, res, status)
		}
	}
}

// publisher is a caller of its own who may publish and read.
func (e *env) publisher() formatstest.As {
	return formatstest.As(e.Token("main", access.Publish, access.Read))
}

func (e *env) reader() formatstest.As { return formatstest.As(e.ReadToken("main")) }

// pomOf is a POM.
func pomOf(artifact, version, more string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>` +
		artifact + `</artifactId><version>` + version + `</version>` + more + `</project>`
}

// versionsOf is what a client sends as metadata of an artifact.
func versionsOf(artifact string, versions ...string) string {
	return `<metadata><groupId>com.acme</groupId><artifactId>` + artifact + `</artifactId><versioning><release>` + versions[len(versions)-1] +
		`</release><versions><version>` + strings.Join(versions, "</version><version>") + `</version></versions><lastUpdated>20260102030405</lastUpdated></versioning></metadata>`
}

// deploy sends jar, POM and metadata of a release of com.acme:lib.
func (e *env) deploy(as formatstest.As, version, jar string) {
	e.t.Helper()
	dir := "com/acme/lib/" + version + "/lib-" + version
	e.put(as, dir+".jar", jar, 201)
	e.put(as, dir+".pom", pomOf("lib", version, ""), 201)
	e.put(as, "com/acme/lib/maven-metadata.xml", versionsOf("lib", version), 201)
}

// events returns the types and versions of what was logged about packages.
func (e *env) events() []string {
	e.t.Helper()
	events, _, err := e.Events(e.Admin, registry.EventQuery{After: -1, Types: []string{"artifact.*"}})
	must(e.t, err)
	var out []string
	for _, ev := range events {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(ev.Type, registry.EventTypePrefix), registry.EventTypeSuffix)+" "+ev.Subject)
	}
	return out
}

func sumHex(h hash.Hash, body string) string {
	_, _ = h.Write([]byte(body))
	return hex.EncodeToString(h.Sum(nil))
}

// TestDeploy: staged files are there for who sent them only, and all appear with the metadata.
func TestDeploy(t *testing.T) {
	e := newEnv(t, Options{})
	one, other := e.publisher(), e.publisher()
	const jar, pom = "com/acme/lib/1.0/lib-1.0.jar", "com/acme/lib/1.0/lib-1.0.pom"
	e.get(one, "com/acme/lib/maven-metadata.xml", 404)
	res := e.put(one, jar, "bytes", 201)
	if res.Header.Get("Location") != e.URL+"/maven/main/"+jar || res.Header.Get("X-Checksum-Sha1") != sumHex(sha1.New(), "bytes") {
		t.Errorf("%v", res.Header)
	}
	e.put(one, jar+".sha1", sumHex(sha1.New(), "bytes"), 201)
	e.put(one, pom, pomOf("lib", "1.0", ""), 201)
	e.get(one, jar, 200, "bytes")
	e.get(one, jar+".md5", 200, sumHex(md5.New(), "bytes"))
	if res := e.get(other, jar, 404); res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("404 of a staged file: %v", res.Header)
	}
	e.get(e.reader(), pom, 404)
	e.get(one, "com/acme/lib/maven-metadata.xml", 404)

	e.put(one, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 201)
	e.put(one, "com/acme/lib/maven-metadata.xml.sha1", strings.Repeat("0", 40), 201)
	for suffix, h := range map[string]hash.Hash{".md5": md5.New(), ".sha1": sha1.New(), ".sha256": sha256.New(), ".sha512": sha512.New()} {
		res := e.get(other, jar+suffix, 200)
		if string(res.Body) != sumHex(h, "bytes") || res.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %s %v", suffix, res.Body, res.Header)
		}
	}
	res = e.get(other, jar, 200, "bytes")
	if res.Header.Get("Etag") != `"`+sumHex(sha256.New(), "bytes")+`"` || res.Header.Get("X-Checksum-Sha512") != sumHex(sha512.New(), "bytes") ||
		res.Header.Get("Content-Type") != "application/java-archive" {
		t.Errorf("%v", res.Header)
	}
	doc := e.get(other, "com/acme/lib/maven-metadata.xml", 200, "<release>1.0</release>", "<latest>1.0</latest>", "<version>1.0</version>")
	if doc.Header.Get("X-Checksum-Sha1") != sumHex(sha1.New(), string(doc.Body)) {
		t.Errorf("%v", doc.Header)
	}
	e.get(other, "com/acme/lib/maven-metadata.xml.sha1", 200, sumHex(sha1.New(), string(doc.Body)))
	e.get(other, jar+".sha1.md5", 404)
	if got := strings.Join(e.events(), ", "); got != "artifact.published pkg:maven/com.acme/lib@1.0" {
		t.Errorf("events: %s", got)
	}
	e.MustFsck(t)
}

// TestRedeploy: the same bytes again are fine, others are refused in words that clients print.
func TestRedeploy(t *testing.T) {
	e := newEnv(t, Options{})
	e.deploy(formatstest.Admin, "1.0", "bytes")
	const jar = "com/acme/lib/1.0/lib-1.0.jar"
	e.put(formatstest.Admin, jar, "bytes", 200)
	e.put(e.publisher(), jar, "bytes", 200)
	for _, body := range []string{"other", "longer than that"} {
		res := e.put(formatstest.Admin, jar, body, 409, "already released with other content", "bump the version")
		if res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v", res.Header)
		}
	}
	e.put(formatstest.Admin, jar+".sha1", sumHex(sha1.New(), "other"), 400, "damaged")
	e.put(formatstest.Admin, jar+".asc", "signature", 201)
	e.get(e.reader(), jar+".asc", 200, "signature")
	e.put(e.publisher(), "com/acme/lib/1.0/lib-1.0-extra.jar", "x", 409, "already released without lib-1.0-extra.jar")
	must(t, e.Delete(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"), ""))
	e.get(e.reader(), jar, 404)
	e.get(e.reader(), "com/acme/lib/maven-metadata.xml", 404)
	e.put(formatstest.Admin, jar, "bytes", 409, "deleted")
	e.MustFsck(t)
}

// TestReason: the sentence is in the status line too, as most clients show nothing else.
func TestReason(t *testing.T) {
	e := newEnv(t, Options{})
	e.deploy(formatstest.Admin, "1.0", "bytes")
	req, err := http.NewRequest(http.MethodPut, e.URL+"/maven/main/com/acme/lib/1.0/lib-1.0.jar", strings.NewReader("other"))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+string(e.publisher()))
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	if !strings.HasPrefix(res.Status, "409 com.acme:lib:1.0 is already released with other content") {
		t.Errorf("%q", res.Status)
	}
	for end := time.Now().Add(5 * time.Second); !strings.Contains(e.Log(), "status=409"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the access log does not know the status")
		}
	}
}

// TestHalfDeploy: a deploy that dies leaves nothing, and can be tried again with other bytes.
func TestHalfDeploy(t *testing.T) {
	e := newEnv(t, Options{Quiet: quiet})
	ci := e.publisher()
	e.put(ci, "com/acme/lib/1.0/lib-1.0.jar", "half", 201)
	time.Sleep(2 * quiet)
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 404)
	e.get(e.reader(), "com/acme/lib/maven-metadata.xml", 404)
	e.deploy(ci, "1.0", "whole")
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 200, "whole")
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0.pom", 200)
}

// TestQuiet: clients without metadata are done when they are complete and quiet; the publisher is who sent the files.
func TestQuiet(t *testing.T) {
	e := newEnv(t, Options{Quiet: quiet})
	ci := e.publisher()
	e.put(ci, "com/acme/lib/1.0/lib-1.0.jar", "bytes", 201)
	e.put(ci, "com/acme/lib/1.0/lib-1.0.pom", pomOf("lib", "1.0", ""), 201)
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 404)
	e.eventually(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 200)
	e.get(e.reader(), "com/acme/lib/maven-metadata.xml", 200, "<version>1.0</version>")
	d, err := e.Detail(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"))
	must(t, err)
	if d.Version.PublishedBy != registry.AdminUser || !strings.HasPrefix(d.Version.PublisherID, "token:") {
		t.Errorf("published by %s, %s", d.Version.PublishedBy, d.Version.PublisherID)
	}
	e.put(ci, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 201) // late, and harmless
	// Without a POM nothing says that it is all.
	e.put(ci, "com/acme/bare/1.0/bare-1.0.zip", "bytes", 201)
	e.eventually(e.reader(), "com/acme/bare/1.0/bare-1.0.zip", 200)
	// A .module names what is missing.
	e.put(ci, "com/acme/mod/1.0/mod-1.0.jar", "bytes", 201)
	e.put(ci, "com/acme/mod/1.0/mod-1.0.pom", pomOf("mod", "1.0", ""), 201)
	e.put(ci, "com/acme/mod/1.0/mod-1.0.module", `{"variants":[{"files":[{"url":"mod-1.0.jar"},{"url":"mod-1.0-extra.jar","sha256":"`+sumHex(sha256.New(), "extra")+`"}]}]}`, 201)
	time.Sleep(2 * quiet)
	e.get(e.reader(), "com/acme/mod/1.0/mod-1.0.jar", 404)
	e.put(ci, "com/acme/mod/1.0/mod-1.0-extra.jar", "extra", 201)
	e.eventually(e.reader(), "com/acme/mod/1.0/mod-1.0.module", 200)
	e.MustFsck(t)
}

// TestQuietRestart: complete files that a server left behind are published by the next one; a revoked token publishes
// nothing.
func TestQuietRestart(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *registry.Config) { c.Rules["maven"] = New(Options{Quiet: quiet}).Rules() }))
	stage := func(artifact string) context.Context {
		secret := e.Token("main", access.Publish)
		ctx := e.Login(access.Credentials{Token: secret})
		at := registry.Name{Repository: "main", Format: "maven", Package: "com.acme:" + artifact, Display: "com.acme:" + artifact}.At("1.0")
		_, p, err := readPOM(strings.NewReader(pomOf(artifact, "1.0", "<packaging>pom</packaging>")))
		must(t, err)
		_, err = e.AddToSet(ctx, setKey(at, ""), registry.SetFile{At: at, File: registry.StageFile{Path: artifact + "-1.0.pom"},
			Attributes: attributes{POM: &p}.encode()}, strings.NewReader("x"))
		must(t, err)
		return ctx
	}
	stage("kept")
	revoked := access.From(stage("revoked"))
	must(t, e.RevokeToken(e.Admin, revoked.TokenID))
	cfg := e.Config
	cfg.SettleInterval = 20 * time.Millisecond
	next, err := registry.New(context.Background(), cfg)
	must(t, err)
	defer next.Close()
	has := func(artifact string) bool {
		_, err := next.Resolve(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:" + artifact}, registry.Ref{Version: "1.0"})
		return err == nil
	}
	for end := time.Now().Add(10 * time.Second); !has("kept"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not published")
		}
	}
	time.Sleep(2 * quiet)
	if has("revoked") {
		t.Error("published in the name of a revoked token")
	}
}

// TestSidecars: every spelling of a sum, before and after its file; a wrong one blocks the commit until it is mended.
func TestSidecars(t *testing.T) {
	e := newEnv(t, Options{})
	ci := e.publisher()
	const jar = "com/acme/lib/1.0/lib-1.0.jar"
	sum := sumHex(sha1.New(), "bytes")
	e.put(ci, jar+".sha1", sum, 201) // before its file
	e.put(ci, jar, "bytes", 201)
	for _, body := range []string{sum, strings.ToUpper(sum) + "\r\n", sum + "  lib-1.0.jar\n", "SHA1(lib-1.0.jar)= " + sum} {
		e.put(ci, jar+".sha1", body, 201)
	}
	e.put(ci, jar+".sha1", "no sum", 400, "no sha1")
	e.put(ci, jar+".sha256.md5", "whatever", 201)
	e.put(ci, jar+".asc", "signature", 201)
	e.put(ci, jar+".asc.sha1", "whatever", 201)
	e.put(ci, jar+".md5", strings.Repeat("0", 32), 400, "damaged", "lib-1.0.jar", sumHex(md5.New(), "bytes"))
	e.put(ci, "com/acme/lib/1.0/lib-1.0.pom", pomOf("lib", "1.0", ""), 201)
	e.put(ci, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 409, "damaged", "md5", sumHex(md5.New(), "bytes"))
	e.get(e.reader(), jar, 404)
	e.put(ci, jar+".md5", sumHex(md5.New(), "bytes"), 201)
	e.put(ci, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 201)
	d, err := e.Detail(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"))
	must(t, err)
	if len(d.Files) != 3 {
		t.Errorf("%d files: %+v", len(d.Files), d.Files)
	}
	e.MustFsck(t)
}

// TestParallelVersions: twenty deploys of one artifact at once, by one client and by many; all are in the metadata.
func TestParallelVersions(t *testing.T) {
	formatstest.Stores(t, func(t *testing.T, o formatstest.Options) {
		e := newEnvOn(t, Options{}, o)
		e.deployTogether("lib", func() formatstest.As { return formatstest.Admin })
		e.deployTogether("other", e.publisher)
		e.MustFsck(t)
	})
}

// deployTogether deploys twenty versions of an artifact at once.
func (e *env) deployTogether(artifact string, as func() formatstest.As) {
	e.t.Helper()
	const deploys = 20
	before := len(e.events())
	done := make(chan string, deploys)
	for i := range deploys {
		ci := as()
		go func() { done <- e.deployAll(ci, artifact, fmt.Sprintf("1.%d", i)) }()
	}
	for range deploys {
		if msg := <-done; msg != "" {
			e.t.Error(msg)
		}
	}
	doc := string(e.get(e.reader(), "com/acme/"+artifact+"/maven-metadata.xml", 200, "<release>1.19</release>").Body)
	var want strings.Builder
	for i := range deploys {
		fmt.Fprintf(&want, "      <version>1.%d</version>\n", i)
		e.get(e.reader(), fmt.Sprintf("com/acme/%s/1.%d/%s-1.%d-sources.jar", artifact, i, artifact, i), 200)
	}
	if !strings.Contains(doc, want.String()) {
		e.t.Errorf("not all in order:\n%s", doc)
	}
	if n := len(e.events()) - before; n != deploys {
		e.t.Errorf("%d events: %v", n, e.events())
	}
}

// deployAll is what a client does, metadata read and merged; it returns what went wrong.
func (e *env) deployAll(as formatstest.As, artifact, version string) string {
	send := func(method, path, body string, status ...int) (string, string) {
		res, err := e.Try(as, formatstest.Request{Method: method, Path: "/maven/main/" + path, Body: []byte(body)})
		if err != nil {
			return "", err.Error()
		}
		for _, s := range status {
			if res.Status == s {
				return string(res.Body), ""
			}
		}
		return "", fmt.Sprintf("%s %s: %v", method, path, res)
	}
	base := "com/acme/" + artifact + "/" + version + "/" + artifact + "-" + version
	for path, body := range map[string]string{base + ".jar": version, base + ".pom": pomOf(artifact, version, ""), base + "-sources.jar": "sources " + version} {
		if _, msg := send(http.MethodPut, path, body, 201); msg != "" {
			return msg
		}
		if _, msg := send(http.MethodPut, path+".sha1", sumHex(sha1.New(), body), 201); msg != "" {
			return msg
		}
	}
	meta := "com/acme/" + artifact + "/maven-metadata.xml"
	old, msg := send(http.MethodGet, meta, "", 200, 404)
	if msg != "" {
		return msg
	}
	doc, err := parseMetadata([]byte(old))
	if err != nil {
		doc = sent{}
	}
	_, msg = send(http.MethodPut, meta, versionsOf(artifact, append(doc.versions, version)...), 201)
	return msg
}

// TestSnapshots: builds appear whole, metadata names the newest, and the literal name follows it.
func TestSnapshots(t *testing.T) {
	e := newEnv(t, Options{})
	one, two := e.publisher(), e.publisher()
	const dir = "com/acme/lib/1.0-SNAPSHOT/"
	meta := func(build string) string {
		stamp, n, _ := strings.Cut(build, "-")
		return `<metadata modelVersion="1.1.0"><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version><versioning><snapshot><timestamp>` +
			stamp + `</timestamp><buildNumber>` + n + `</buildNumber></snapshot></versioning></metadata>`
	}
	files := func(as formatstest.As, build string, rests ...string) {
		for _, rest := range rests {
			body := build + rest
			if rest == ".pom" {
				body = pomOf("lib", "1.0-SNAPSHOT", "<description>"+build+"</description>")
			}
			e.put(as, dir+"lib-1.0-"+build+rest, body, 201)
		}
	}
	const b1, b2, b3 = "20260102.030405-1", "20260102.040506-2", "20260102.040507-2"
	files(one, b1, ".jar", "-sources.jar", ".pom")
	e.get(e.reader(), dir+"maven-metadata.xml", 404)
	e.put(one, dir+"maven-metadata.xml", meta(b1), 201)
	e.put(one, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0-SNAPSHOT"), 201)
	e.get(e.reader(), dir+"maven-metadata.xml", 200, "<timestamp>20260102.030405</timestamp>", "<buildNumber>1</buildNumber>",
		"<classifier>sources</classifier>", "<value>1.0-"+b1+"</value>")
	e.get(e.reader(), "com/acme/lib/maven-metadata.xml", 200, "<version>1.0-SNAPSHOT</version>", "<latest>1.0-SNAPSHOT</latest>")
	// Two at once, one of which is killed; by one token, too.
	files(one, b2, ".jar")
	files(one, b3, ".jar", ".pom")
	files(two, b2, ".pom")
	e.put(one, dir+"maven-metadata.xml", meta(b3), 201)
	e.get(e.reader(), dir+"lib-1.0-"+b2+".jar", 404)
	doc := e.get(e.reader(), dir+"maven-metadata.xml", 200, "<timestamp>20260102.040507</timestamp>").Body
	if !bytes.Contains(doc, []byte("<value>1.0-"+b3+"</value>")) || !bytes.Contains(doc, []byte("<value>1.0-"+b1+"</value>")) || bytes.Contains(doc, []byte(b2)) {
		t.Errorf("%s", doc)
	}
	res := e.get(e.reader(), dir+"lib-1.0-SNAPSHOT.jar", 200, b3+".jar")
	if res.Header.Get("Content-Location") != "/maven/main/"+dir+"lib-1.0-"+b3+".jar" || res.Header.Get("Cache-Control") != revalidate {
		t.Errorf("%v", res.Header)
	}
	e.get(e.reader(), dir+"lib-1.0-SNAPSHOT.jar.sha1", 200, sumHex(sha1.New(), b3+".jar"))
	e.get(e.reader(), dir+"lib-1.0-"+b1+".jar", 200, b1)
	e.put(two, dir+"lib-1.0-"+b1+".jar", "other", 409, "other content")
	// Literal names replace each other, and a newer one wins.
	for _, body := range []string{"first", "second"} {
		e.put(two, dir+"lib-1.0-SNAPSHOT.jar", body, 201)
		e.put(two, dir+"maven-metadata.xml", `<metadata><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version></metadata>`, 201)
		e.get(e.reader(), dir+"lib-1.0-SNAPSHOT.jar", 200, body)
	}
	e.put(two, "com/acme/lib/1.0-snapshot/lib-1.0-snapshot.jar", "x", 400, "upper case SNAPSHOT")
	e.MustFsck(t)
}

// TestPOM: agreement with the path, declared facts, and documents made to hurt (S-53).
func TestPOM(t *testing.T) {
	e := newEnv(t, Options{})
	const path = "com/acme/lib/1.0/lib-1.0.pom"
	for body, word := range map[string]string{
		pomOf("lib", "2.0", ""):   "version",
		pomOf("other", "1.0", ""): "artifactId",
		strings.Replace(pomOf("lib", "1.0", ""), "com.acme", "com.evil", 1): "groupId",
		"not xml": "XML", "<project>": "XML", "<other/>": "<project>", "": "XML",
	} {
		e.put(formatstest.Admin, path, body, 400, word)
	}
	e.put(formatstest.Admin, "com/acme/lib/1.0/other-1.0.pom", pomOf("other", "1.0", ""), 400, "artifactId")
	e.put(formatstest.Admin, "com/acme/sbt-x_2.12_1.0/1.0/sbt-x-1.0.pom", pomOf("sbt-x", "1.0", ""), 201)
	e.put(formatstest.Admin, path, pomOf("lib", "${revision}", ""), 201)
	e.put(formatstest.Admin, path, `<project><parent><groupId>com.acme</groupId><artifactId>p</artifactId><version>1.0</version></parent><artifactId>lib</artifactId>
		<scm><connection>scm:git:git@git.example.com:acme/lib.git</connection><tag>0123456789abcdef0123456789abcdef01234567</tag></scm>
		<ciManagement><system>Jenkins</system><url>https://ci.example.com/job/1</url></ciManagement></project>`, 201)
	e.put(formatstest.Admin, "com/acme/lib/1.0/lib-1.0.jar", "x", 201)
	e.put(formatstest.Admin, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 201)
	d, err := e.Detail(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"))
	must(t, err)
	got := map[string]string{}
	for _, f := range d.Facts {
		got[f.Key] = f.Value + " by " + f.Source
	}
	for key, want := range map[string]string{
		"source.repository": "https://git.example.com/acme/lib by maven:scm.connection",
		"source.commit":     "0123456789abcdef0123456789abcdef01234567 by maven:scm.tag",
		"build.system":      "Jenkins by maven:ciManagement.system", "build.url": "https://ci.example.com/job/1 by maven:ciManagement.url",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

func TestS53(t *testing.T) {
	e := newEnv(t, Options{})
	lol := `<!DOCTYPE project [<!ENTITY a "lol">`
	for c := 'b'; c <= 'j'; c++ {
		lol += fmt.Sprintf("<!ENTITY %c %q>", c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	utf16 := "\xff\xfe"
	for _, c := range `<?xml version="1.0" encoding="UTF-16"?><project/>` {
		utf16 += string([]byte{byte(c), 0})
	}
	for name, body := range map[string]string{
		"external entity":  `<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><project><name>&x;</name></project>`,
		"parameter entity": `<!DOCTYPE p [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;]><project/>`,
		"billion laughs":   lol + `]><project><name>&j;</name></project>`,
		"unknown entity":   `<project><name>&x;</name></project>`,
		"UTF-16":           utf16,
		"UTF-7":            `<?xml version="1.0" encoding="UTF-7"?>+ADw-project/+AD4-`,
		"charset":          `<?xml version="1.0" encoding="x-evil"?><project/>`,
		"nested":           strings.Repeat("<a>", 1_000_000),
		"wide":             "<project>" + strings.Repeat("<a/>", 600_000) + "</project>",
		"long names":       strings.Repeat("<"+strings.Repeat("a", 60_000)+">", 60) + strings.Repeat("<a/>", 100_000),
		"large":            strings.Repeat(" ", maxPOMBytes+1),
	} {
		start := time.Now()
		for _, path := range []string{"com/acme/lib/1.0/lib-1.0.pom", "com/acme/lib/maven-metadata.xml"} {
			if res := e.do(formatstest.Admin, http.MethodPut, path, body); res.Status != 400 && res.Status != 413 {
				t.Errorf("%s: %v", name, res)
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
	if _, p, err := readPOM(strings.NewReader("<?xml version='1.0' encoding='ISO-8859-1'?><project xmlns='urn:x'><name>M\xf6llers &copy;</name></project>")); err != nil || p.Name != "Möllers ©" {
		t.Errorf("%q %v", p.Name, err)
	}
}

// jarWith is a zip with one entry.
func jarWith(t testing.TB, name string, content []byte) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, z.Close())
	return b.String()
}

// TestPlugins: the metadata of a group lists the prefixes of its plugins, read from their jars.
func TestPlugins(t *testing.T) {
	e := newEnv(t, Options{})
	plugin := func(artifact, jar string) {
		base := "com/acme/" + artifact + "/1.0/" + artifact + "-1.0"
		e.put(formatstest.Admin, base+".jar", jar, 201)
		e.put(formatstest.Admin, base+".pom", pomOf(artifact, "1.0", "<packaging>maven-plugin</packaging><name>Acme "+artifact+"</name>"), 201)
		e.put(formatstest.Admin, "com/acme/"+artifact+"/maven-metadata.xml", versionsOf(artifact, "1.0"), 201)
	}
	e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 404)
	plugin("tool-maven-plugin", jarWith(t, pluginXMLPath, []byte("<plugin><name>x</name><goalPrefix>acme</goalPrefix><mojos/></plugin>")))
	plugin("shiny-maven-plugin", "not a zip")
	e.deploy(formatstest.Admin, "1.0", "bytes")
	res := e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200, "<prefix>acme</prefix>", "<artifactId>tool-maven-plugin</artifactId>",
		"<name>Acme tool-maven-plugin</name>", "<prefix>shiny</prefix>")
	if bytes.Contains(res.Body, []byte("lib")) {
		t.Errorf("%s", res.Body)
	}
	e.put(formatstest.Admin, "com/acme/maven-metadata.xml", `<metadata><plugins><plugin><prefix>evil</prefix><artifactId>x</artifactId></plugin></plugins></metadata>`, 201)
	if res := e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200); bytes.Contains(res.Body, []byte("evil")) {
		t.Errorf("%s", res.Body)
	}
	// A path can be a group and an artifact.
	e.put(formatstest.Admin, "com/acme/1.0/acme-1.0.pom", `<project><groupId>com</groupId><artifactId>acme</artifactId><version>1.0</version><packaging>pom</packaging></project>`, 201)
	e.put(formatstest.Admin, "com/acme/maven-metadata.xml", `<metadata><groupId>com</groupId><artifactId>acme</artifactId></metadata>`, 201)
	e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200, "<prefix>acme</prefix>", "<version>1.0</version>")
}

// TestS57: looking into a plugin's jar reads little of it, however much it inflates to or claims to hold.
func TestS57(t *testing.T) {
	e := newEnv(t, Options{})
	bomb := jarWith(t, pluginXMLPath, append([]byte("<plugin><x>"), make([]byte, 256<<20)...))
	var many bytes.Buffer
	z := zip.NewWriter(&many)
	for i := range 200_000 {
		_, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store})
		must(t, err)
	}
	must(t, z.Close())
	for artifact, jar := range map[string]string{"bomb-maven-plugin": bomb, "many-maven-plugin": many.String()} {
		base := "com/acme/" + artifact + "/1.0/" + artifact + "-1.0"
		e.put(formatstest.Admin, base+".jar", jar, 201)
		e.put(formatstest.Admin, base+".pom", pomOf(artifact, "1.0", "<packaging>maven-plugin</packaging>"), 201)
		start := time.Now()
		e.put(formatstest.Admin, "com/acme/"+artifact+"/maven-metadata.xml", versionsOf(artifact, "1.0"), 201)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%s took %v", artifact, d)
		}
		// The name says what the jar does not.
		e.get(formatstest.Admin, "com/acme/maven-metadata.xml", 200, "<prefix>"+strings.TrimSuffix(artifact, "-maven-plugin")+"</prefix>")
	}
}

// TestPublish: modules and raw files of one publish appear with its commit, and not before.
func TestPublish(t *testing.T) {
	e := newEnv(t, Options{Quiet: quiet})
	ci := e.publisher()
	send := func(id, path, body string) {
		e.want(e.do(ci, http.MethodPut, path, body, publishHeader, id), path, 201)
	}
	module := func(id, artifact string) {
		base := "com/acme/" + artifact + "/1.0/" + artifact + "-1.0"
		send(id, base+".jar", artifact)
		send(id, base+".jar.sha1", sumHex(sha1.New(), artifact))
		send(id, base+".pom", pomOf(artifact, "1.0", ""))
		send(id, "com/acme/"+artifact+"/maven-metadata.xml", versionsOf(artifact, "1.0"))
	}
	module("release-1", "api")
	module("release-1", "core")
	send("release-1", "/raw/main/dist/1.0/app.zip", "zip")
	e.want(e.do(ci, http.MethodGet, "com/acme/api/1.0/api-1.0.jar", "", publishHeader, "release-1"), "own", 200, "api")
	time.Sleep(3 * quiet)
	const core, dist = "com/acme/core/1.0/core-1.0.jar", "/raw/main/dist/1.0/app.zip"
	e.get(e.reader(), core, 404)
	e.get(e.reader(), dist, 404)
	e.want(e.do(ci, http.MethodGet, "/api/v1/publishes/release-1", ""), "list", 200, `"package":"com.acme:api"`, `"path":"app.zip"`)
	e.want(e.do(e.publisher(), http.MethodPost, "/api/v1/publishes/release-1/commit", ""), "another", 404)
	e.want(e.do(ci, http.MethodPost, "/api/v1/publishes/release-1/commit", ""), "commit", 200,
		"pkg:maven/com.acme/api@1.0", "pkg:maven/com.acme/core@1.0", "pkg:generic/dist@1.0", `"created":true`)
	e.get(e.reader(), core, 200, "core")
	e.get(e.reader(), dist, 200, "zip")
	e.get(e.reader(), "com/acme/core/maven-metadata.xml", 200, "<version>1.0</version>")
	e.want(e.do(ci, http.MethodPost, "/api/v1/publishes/release-1/commit", ""), "again", 200, "pkg:maven/com.acme/core@1.0")
	e.want(e.do(ci, http.MethodGet, "/api/v1/publishes/release-1", ""), "list after", 404, "release-1")
	if got := e.events(); len(got) != 3 {
		t.Errorf("events: %v", got)
	}
	// Nothing of a publish that can't be committed, or is dropped.
	module("release-2", "extra")
	e.want(e.do(ci, http.MethodPut, "com/acme/extra/1.0/extra-1.0.jar.md5", strings.Repeat("0", 32), publishHeader, "release-2"), "wrong sum", 400)
	e.want(e.do(ci, http.MethodPost, "/api/v1/publishes/release-2/commit", ""), "commit", 409, "damaged")
	e.want(e.do(ci, http.MethodDelete, "/api/v1/publishes/release-2", ""), "drop", 204)
	e.get(ci, "com/acme/extra/1.0/extra-1.0.jar", 404)
	e.MustFsck(t)
}

// TestRights: what each kind of caller gets; a token that may only publish can deploy.
func TestRights(t *testing.T) {
	e := newEnv(t, Options{})
	const jar = "com/acme/lib/1.0/lib-1.0.jar"
	e.put(e.reader(), jar, "x", 403, "may not publish")
	res := e.put("slp_wrong", jar, "x", 401)
	if !strings.HasPrefix(res.Header.Get("Www-Authenticate"), `Basic realm="Slipway"`) {
		t.Errorf("%v", res.Header)
	}
	writer := formatstest.As(e.Token("main", access.Publish))
	e.get(writer, "com/acme/lib/maven-metadata.xml", 404)
	e.deploy(writer, "1.0", "bytes")
	e.get(writer, "com/acme/lib/maven-metadata.xml", 200)
	e.get(writer, jar, 403)
}

// TestTwoPublishers: the first commit of a version wins; the same content is no conflict.
func TestTwoPublishers(t *testing.T) {
	e := newEnv(t, Options{})
	one, two, three := e.publisher(), e.publisher(), e.publisher()
	for as, body := range map[formatstest.As]string{one: "bytes", two: "bytes", three: "other"} {
		e.put(as, "com/acme/lib/1.0/lib-1.0.jar", body, 201)
		e.put(as, "com/acme/lib/1.0/lib-1.0.pom", pomOf("lib", "1.0", ""), 201)
	}
	e.put(three, "com/acme/lib/1.0/lib-1.0-sources.jar", "x", 201)
	const meta = "com/acme/lib/maven-metadata.xml"
	e.put(one, meta, versionsOf("lib", "1.0"), 201)
	e.put(two, meta, versionsOf("lib", "1.0"), 201)
	e.put(three, meta, versionsOf("lib", "1.0"), 409, "already released")
	if n := len(e.events()); n != 1 {
		t.Errorf("%v", e.events())
	}
}

// TestOrder: metadata lists versions in Maven's order, whatever the order of deploys.
func TestOrder(t *testing.T) {
	e := newEnv(t, Options{})
	for _, v := range []string{"1.10", "1.2", "1.0-SNAPSHOT", "1.0", "2.0-rc1", "1.2-sp", "1.0-alpha"} {
		e.put(formatstest.Admin, "com/acme/lib/"+v+"/lib-"+v+".pom", pomOf("lib", v, "<packaging>pom</packaging>"), 201)
		e.put(formatstest.Admin, "com/acme/lib/maven-metadata.xml", versionsOf("lib", v), 201)
	}
	doc := string(e.get(formatstest.Admin, "com/acme/lib/maven-metadata.xml", 200, "<latest>2.0-rc1</latest>", "<release>2.0-rc1</release>").Body)
	last := -1
	for _, v := range []string{"1.0-alpha", "1.0-SNAPSHOT", "1.0", "1.2", "1.2-sp", "1.10", "2.0-rc1"} {
		i := strings.Index(doc, "<version>"+v+"</version>")
		if i < last {
			t.Errorf("%s stands too early:\n%s", v, doc)
		}
		last = i
	}
}
