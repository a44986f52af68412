package maven

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/staging"
)

// TestToolOf has User-Agents as clients send them.
func TestToolOf(t *testing.T) {
	for agent, want := range map[string]string{
		"Apache-Maven/3.8.7 (Java 17.0.18; Linux 6.1.0)": "Maven", "Apache-Maven/4.0.0-rc-6 (Java 21; Linux 6.1)": "Maven", "Aether": "Maven",
		"Gradle/8.14 (Linux;6.1.0;amd64) (Eclipse Adoptium;21.0.5;21.0.5+11-LTS)": "Gradle", "Leiningen/2.10.0 (Java OpenJDK 64-Bit Server VM; Linux 6.1; amd64)": "Leiningen",
		"Apache Ivy/2.5.2": "Ivy", "okhttp/3.14.9": "sbt", "requests-scala": "Mill", "JReleaser/1.17.0": "JReleaser", "Java/17.0.2": "Bazel",
		"curl/8.5.0": "", "Go-http-client/1.1": "", "python-requests/2.32": "", "Wget/1.21": "", "Apache-HttpClient/4.5.13 (Java/11)": "", "": "",
	} {
		if got := toolOf(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

// TestSettleOf is M2, M3 and K3: when the files of a set become visible on their own. Those of a build tool do only when the tool has sent everything;
// what any other client sent always does, unless it was damaged.
func TestSettleOf(t *testing.T) {
	const quick, slow, never = 10 * time.Second, time.Minute, staging.Never
	const relocation = "<distributionManagement><relocation><groupId>org.acme</groupId></relocation></distributionManagement>"
	const module = `{"variants":[{"files":[{"url":"./lib-1.0.jar"},{"url":"lib-1%2E0.jar"},{"url":"../2.0/lib-2.0.jar"},{"url":"../../other/1.0/other-1.0.jar"}]}]}`
	const incomplete = `{"variants":[{"files":[{"url":"lib-1.0-extra.jar"}]}]}`
	for name, c := range map[string]struct {
		files              map[string]string // by what follows the version
		curl, ivy, mvn, gr time.Duration
	}{
		"jar":               {map[string]string{".jar": "x"}, slow, never, never, never},
		"signature":         {map[string]string{".jar.asc": "x"}, slow, never, never, never},
		"POM":               {map[string]string{".pom": ""}, slow, never, never, never},
		"POM, jar":          {map[string]string{".pom": "", ".jar": "x"}, quick, quick, never, never},
		"pom packaging":     {map[string]string{".pom": "<packaging>pom</packaging>"}, quick, quick, never, never},
		"relocation":        {map[string]string{".pom": relocation}, quick, quick, never, never},
		"POM, sources":      {map[string]string{".pom": "", "-sources.jar": "x"}, slow, slow, never, never},
		"POM, tests":        {map[string]string{".pom": "<packaging>test-jar</packaging>", "-tests.jar": "x"}, slow, slow, never, never},
		"ejb, client":       {map[string]string{".pom": "<packaging>ejb</packaging>", "-client.jar": "x"}, slow, slow, never, never},
		"war, classes":      {map[string]string{".pom": "<packaging>war</packaging>", "-classes.jar": "x"}, slow, slow, never, never},
		"POM, aar":          {map[string]string{".pom": "", ".aar": "x"}, quick, quick, never, never},
		"POM, dist":         {map[string]string{".pom": "", "-dist.tar.gz": "x"}, slow, slow, never, never},
		"POM, asc":          {map[string]string{".pom": "", ".pom.asc": "x"}, slow, never, never, never},
		"jar POM, aar":      {map[string]string{".pom": "<packaging>jar</packaging>", ".aar": "x"}, slow, slow, never, never},
		"module":            {map[string]string{".pom": "", ".jar": "x", ".module": module}, quick, quick, never, never},
		"incomplete module": {map[string]string{".pom": "", ".jar": "x", ".module": incomplete}, slow, slow, never, never},
		"damaged":           {map[string]string{".pom": "", ".jar": "x", ".jar.sha1": strings.Repeat("0", 40)}, never, never, never, never},
		"checksum alone":    {map[string]string{".jar.sha1": strings.Repeat("0", 40)}, never, never, never, never},
		"Ivy's file, zip":   {map[string]string{".zip": "x", "ivy": "x"}, slow, slow, slow, slow},
	} {
		for agent, want := range map[string]time.Duration{"": c.curl, "Ivy": c.ivy, "Maven": c.mvn, "Gradle": c.gr} {
			set, bodies := stagedOf(t, c.files, agent)
			open := func(_ context.Context, b registry.Blob, _, _ int64) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(bodies[b.Digest])), nil
			}
			wait, err := New(Options{}).(staging.Assembler).Settle(t.Context(), open, set)
			if err != nil || wait.After != want || wait.For == "" {
				t.Errorf("%s by %q: %+v %v, want %v", name, agent, wait, err, want)
			}
		}
	}
}

// stagedOf makes the staged files of com.acme:lib:1.0.
func stagedOf(t *testing.T, files map[string]string, tool string) (set []registry.StagedFile, bodies map[digest.Digest]string) {
	t.Helper()
	bodies = map[digest.Digest]string{}
	for rest, body := range files {
		a, path := attributes{Tool: tool}, "lib-1.0"+rest
		switch rest {
		case ".pom":
			body = pomOf("lib", "1.0", body)
			p, err := parsePOM([]byte(body))
			must(t, err)
			a.POM = &p
		case ".jar.sha1":
			a.Sum, a.Hex = "sha1", body
		case "ivy":
			path = "ivy-1.0.xml"
		}
		b := sumsOf([]byte(body))
		bodies[b.Digest] = body
		set = append(set, registry.StagedFile{Format: formatName, Package: "com.acme:lib", Version: "1.0", Path: path, Attributes: a.encode(), Blob: b})
	}
	return set, bodies
}

// TestAbandonedTool: half a deploy of a build tool never becomes visible; its owner sees what it waits for. The same files of another
// client do.
func TestAbandonedTool(t *testing.T) {
	e := newEnv(t, Options{Quiet: quiet / 10})
	ci := e.publisher()
	send := func(artifact, agent string) formatstest.Response {
		return e.want(e.do(ci, http.MethodPut, "com/acme/"+artifact+"/2.0/"+artifact+"-2.0.jar", "half", "User-Agent", agent), artifact, 201)
	}
	send("half", "Apache-Maven/3.9.16 (Java 17)")
	send("plain", "curl/8.5.0")
	e.eventually(e.reader(), "com/acme/plain/2.0/plain-2.0.jar", 200)
	e.get(e.reader(), "com/acme/half/2.0/half-2.0.jar", 404)
	list := e.want(e.do(ci, http.MethodGet, "/api/v1/publishes", ""), "list", 200, `"package":"com.acme:half"`, `"waits_for":"maven-metadata.xml, which Maven sends at its end"`)
	if bytes.Contains(list.Body, []byte("visible_at")) || bytes.Contains(list.Body, []byte("plain")) {
		t.Errorf("%s", list.Body)
	}
	e.want(e.do(formatstest.Admin, http.MethodGet, "/api/v1/publishes", ""), "list of the user", 200)
	if got := strings.Join(e.events(), ", "); got != "artifact.published pkg:maven/com.acme/plain@2.0" {
		t.Errorf("events: %s", got)
	}
	e.put(ci, "com/acme/half/maven-metadata.xml", versionsOf("half", "2.0"), 201)
	e.get(e.reader(), "com/acme/half/2.0/half-2.0.jar", 200)
}

// TestVisible is M13: an upload that others can't see yet says when they will.
func TestVisible(t *testing.T) {
	e := newEnv(t, Options{Quiet: 10 * time.Second})
	ci := e.publisher()
	const jar = "com/acme/lib/1.0/lib-1.0.jar"
	for agent, want := range map[string]string{
		"curl/8.5.0": "after 60s or on commit", "Apache-Maven/3.8.7": formats.VisibleOnCommit, "Apache Ivy/2.5.2": "after 10s when complete or on commit",
	} {
		res := e.want(e.do(ci, http.MethodPut, jar, "bytes", "User-Agent", agent), jar, 201)
		if got := res.Header.Get("X-Slipway-Visible"); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
		if text := string(res.Body); (text != "") != (agent == "curl/8.5.0") || text != "" && !strings.Contains(text, "visible to you alone. Others see it when no further file of com.acme:lib:1.0 has come for 60s") {
			t.Errorf("%s: %q", agent, text)
		}
	}
	res := e.want(e.do(ci, http.MethodPut, jar, "bytes", "X-Slipway-Publish", "r1"), jar, 201, "with the commit of its publish")
	if got := res.Header.Get("X-Slipway-Visible"); got != formats.VisibleOnCommit {
		t.Errorf("in a publish: %q", got)
	}
	e.deploy(ci, "1.0", "bytes")
	for _, path := range []string{jar, "com/acme/lib/1.0/lib-1.0.jar.asc"} { // there already, and added at once
		if res := e.do(ci, http.MethodPut, path, "bytes"); res.Status > 201 || res.Header.Get("X-Slipway-Visible") != "" || len(res.Body) > 0 {
			t.Errorf("%s: %v %v", path, res, res.Header)
		}
	}
}

// TestLatePairs is M4: the metadata behind late files names their classifiers and extensions, as that behind all files does.
func TestLatePairs(t *testing.T) {
	e := newEnv(t, Options{})
	const dir, build = "com/acme/lib/1.0-SNAPSHOT/", "1.0-20260102.030405-1"
	meta := func(more string) string {
		return `<metadata modelVersion="1.1.0"><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version><versioning><snapshot><timestamp>20260102.030405</timestamp><buildNumber>1</buildNumber></snapshot>` +
			`<snapshotVersions><snapshotVersion><extension>jar</extension><value>` + build + `</value></snapshotVersion>` + more + `</snapshotVersions></versioning></metadata>`
	}
	ci := e.publisher()
	e.put(ci, dir+"lib-"+build+".jar", "jar", 201)
	e.put(ci, dir+"lib-"+build+".pom", pomOf("lib", "1.0-SNAPSHOT", ""), 201)
	e.put(ci, dir+"maven-metadata.xml", meta(""), 201)
	e.put(ci, dir+"lib-"+build+"-sources.jar.sha3256", "sum", 201)
	const late = `<snapshotVersion><classifier>sources</classifier><extension>jar.sha3256</extension><value>` + build + `</value></snapshotVersion>`
	e.put(ci, dir+"maven-metadata.xml", meta(late), 201)
	e.put(ci, dir+"maven-metadata.xml", meta(late), 201)
	doc := string(e.get(e.reader(), dir+"maven-metadata.xml", 200).Body)
	if !strings.Contains(strings.Join(strings.Fields(doc), ""), "<classifier>sources</classifier><extension>jar.sha3256</extension>") {
		t.Errorf("%s", doc)
	}
	e.get(e.reader(), dir+"lib-1.0-SNAPSHOT-sources.jar.sha3256", 200, "sum")
	e.MustFsck(t)
}
