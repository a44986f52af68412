package maven

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

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
	if res := e.do(other, "GET", jar+".sha1", "", "If-Match", `"x"`); res.Status != 412 || formatstest.ProblemRefusal(res) != nil {
		t.Errorf("another sum than expected: %v", res)
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
	e.get(other, jar+".sha1.md5", 200, sumHex(md5.New(), sumHex(sha1.New(), "bytes")))
	e.get(other, jar+".sha1.md5.sha1", 404)
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
	must(t, e.Publisher.Delete(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"), ""))
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
	for end := time.Now().Add(time.Minute); !strings.Contains(e.Log(), "status=409"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the access log does not know the status")
		}
	}
}

// TestHalfDeploy: a deploy that dies leaves nothing, and can be tried again with other bytes.
func TestHalfDeploy(t *testing.T) {
	e := newEnv(t, Options{}) // the quiet time of a deploy without a POM ends it as well: TestQuiet
	ci := e.publisher()
	e.put(ci, "com/acme/lib/1.0/lib-1.0.jar", "half", 201)
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 404)
	e.get(e.reader(), "com/acme/lib/maven-metadata.xml", 404)
	e.deploy(ci, "1.0", "whole")
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 200, "whole")
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0.pom", 200)
}

// TestQuiet: clients without metadata are done when they are complete and quiet; the publisher is who sent the files.
func TestQuiet(t *testing.T) {
	complete := func(e *env, ci formatstest.As) { // the POM names the jar: without that it is not complete, however long that takes
		e.put(ci, "com/acme/lib/1.0/lib-1.0.pom", pomOf("lib", "1.0", ""), 201)
		e.put(ci, "com/acme/lib/1.0/lib-1.0.jar", "bytes", 201)
	}
	waiting := newEnv(t, Options{Quiet: time.Hour})
	complete(waiting, waiting.publisher())
	e := newEnv(t, Options{Quiet: quiet})
	ci := e.publisher()
	complete(e, ci)
	e.eventually(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 200)
	e.get(e.reader(), "com/acme/lib/maven-metadata.xml", 200, "<version>1.0</version>")
	waiting.get(waiting.reader(), "com/acme/lib/1.0/lib-1.0.jar", 404)
	d, err := e.Catalog.VersionDetail(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"))
	must(t, err)
	if access.UserIn(d.Version.PublishedBy) != accounts.AdminUser || !strings.HasPrefix(d.Version.PublisherID, "token:") {
		t.Errorf("published by %s, %s", d.Version.PublishedBy, d.Version.PublisherID)
	}
	e.put(ci, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 201) // late, and harmless
	// Without a POM nothing says that it is all.
	e.put(ci, "com/acme/bare/1.0/bare-1.0.zip", "bytes", 201)
	e.eventually(e.reader(), "com/acme/bare/1.0/bare-1.0.zip", 200)
	// A .module names what is missing. The jar is the last: before it nothing is complete, however long that takes.
	e.put(ci, "com/acme/mod/1.0/mod-1.0.pom", pomOf("mod", "1.0", ""), 201)
	e.put(ci, "com/acme/mod/1.0/mod-1.0.module", `{"variants":[{"files":[{"url":"mod-1.0.jar"},{"url":"mod-1.0-extra.jar","sha256":"`+sumHex(sha256.New(), "extra")+`"}]}]}`, 201)
	e.put(ci, "com/acme/mod/1.0/mod-1.0.jar", "bytes", 201)
	time.Sleep(2 * quiet)
	e.get(e.reader(), "com/acme/mod/1.0/mod-1.0.jar", 404)
	e.put(ci, "com/acme/mod/1.0/mod-1.0-extra.jar", "extra", 201)
	e.eventually(e.reader(), "com/acme/mod/1.0/mod-1.0.module", 200)
	e.MustFsck(t)
}

// TestSumsToCome: a client that sends no sum that is there finds none of a file that it has just sent, although others see the file.
func TestSumsToCome(t *testing.T) {
	e := newEnv(t, Options{})
	e.Set(map[string]any{"maven_immediate": true})
	ci, ivy := e.publisher(), []string{"User-Agent", "Apache Ivy/2.5.1"}
	for _, path := range []string{"com/acme/lib/1.0/lib-1.0.jar", "com/acme/lib/1.1-SNAPSHOT/lib-1.1-SNAPSHOT.jar", "com/acme/lib/1.2-SNAPSHOT/lib-1.2-20260102.030405-1.jar"} {
		e.want(e.do(ci, http.MethodPut, path, "bytes", ivy...), path, 201)
		for _, sum := range []string{path + ".sha1", path + ".md5", path + ".sha256", path + ".sha512"} {
			e.want(e.do(ci, http.MethodHead, sum, "", ivy...), sum, 404)
			e.want(e.do(ci, http.MethodGet, sum, ""), sum, 200)                     // any other client
			e.want(e.do(e.reader(), http.MethodHead, sum, "", ivy...), sum, 200)    // who did not send it
			e.want(e.do(e.publisher(), http.MethodHead, sum, "", ivy...), sum, 200) // another token
		}
		e.want(e.do(ci, http.MethodPut, path+".sha1", sumHex(sha1.New(), "bytes"), ivy...), path, 201)
		e.want(e.do(ci, http.MethodPut, path+".md5", sumHex(md5.New(), "other"), ivy...), path, 400)
	}
}

// TestQuietRestart: complete files that a server left behind are published by the next one; a revoked token publishes
// nothing.
func TestQuietRestart(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		f := New(Options{Quiet: quiet})
		c.Rules["maven"], c.Assemblers["maven"] = f.Rules(), f.(staging.Assembler)
	}))
	stage := func(artifact string) context.Context {
		secret := e.Token("main", access.Publish)
		ctx := e.Login(access.Credentials{Token: secret})
		at := registry.Name{Repository: "main", Format: "maven", Package: "com.acme:" + artifact, Display: "com.acme:" + artifact}.At("1.0")
		p, err := parsePOM([]byte(pomOf(artifact, "1.0", "<packaging>pom</packaging>")))
		must(t, err)
		_, err = e.Staging.Add(ctx, setKey(at, ""), staging.File{At: at, File: content.StageFile{Path: artifact + "-1.0.pom"},
			Attributes: attributes{POM: &p}.encode()}, strings.NewReader("x"))
		must(t, err)
		return ctx
	}
	stage("kept")
	revoked := access.From(stage("revoked"))
	must(t, e.Accounts.RevokeToken(e.Admin, revoked.TokenID))
	cfg := e.Config
	cfg.SettleInterval = 20 * time.Millisecond
	next, err := instance.Open(context.Background(), cfg)
	must(t, err)
	defer next.Close()
	has := func(artifact string) bool {
		_, err := next.Catalog.Resolve(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:" + artifact}, catalog.Ref{Version: "1.0"})
		return err == nil
	}
	for end := time.Now().Add(time.Minute); !has("kept"); time.Sleep(20 * time.Millisecond) {
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
	for _, body := range []string{sum, strings.ToUpper(sum) + "\r\n", sum + "  lib-1.0.jar\n", "SHA1(lib-1.0.jar)= " + sum,
		"sha1:" + sum, "\ufeff" + sum, "SHA1 hash of lib-1.0.jar:\r\n" + sum + "\r\nCertUtil: -hashfile command completed successfully.\r\n"} {
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
	d, err := e.Catalog.VersionDetail(e.Admin, registry.Name{Repository: "main", Format: "maven", Package: "com.acme:lib"}.At("1.0"))
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

// TestPublish: modules and raw files of one publish appear with its commit, and not before.
func TestPublish(t *testing.T) {
	e := newEnv(t, Options{Quiet: quiet})
	ci := e.publisher()
	send := func(id, path, body string) {
		e.want(e.do(ci, http.MethodPut, path, body, formats.PublishHeader, id), path, 201)
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
	e.want(e.do(ci, http.MethodGet, "com/acme/api/1.0/api-1.0.jar", "", formats.PublishHeader, "release-1"), "own", 200, "api")
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
	// An id that is not set makes nothing visible.
	e.want(e.do(ci, http.MethodPut, "com/acme/unset/1.0/unset-1.0.jar", "jar", formats.PublishHeader, ""), "no id", 400, "X-Slipway-Publish is empty")
	e.want(e.do(ci, http.MethodPut, "com/acme/unset/maven-metadata.xml", versionsOf("unset", "1.0"), formats.PublishHeader, ""), "no id", 400, "X-Slipway-Publish is empty")
	// Nothing of a publish that can't be committed, or is dropped.
	module("release-2", "extra")
	e.want(e.do(ci, http.MethodPut, "com/acme/extra/1.0/extra-1.0.jar.md5", strings.Repeat("0", 32), formats.PublishHeader, "release-2"), "wrong sum", 400)
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
