package maven

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// TestRemoteSnapshots: the newest build of a snapshot of a registry elsewhere is listed with its files, literal names mean it, and a further
// build is there after minutes, or at once after a refresh. What was fetched is served while the registry is away, and named where nothing newer is known.
func TestRemoteSnapshots(t *testing.T) {
	t.Parallel()
	u := upstreamtest.New(t, upstreamtest.Options{})
	clock := formatstest.NewClock()
	e := newEnvOn(t, Options{Quiet: quiet}, formatstest.Options{Core: []registrytest.Option{clock.Option()}, Wrap: formatstest.NoLeaks(t, u.Origin.Addr, u.CDN.Addr).Wrap})
	e.Remote("mirror", formatName, u.MavenURL())
	e.Group("all", "main", "mirror")
	const folder = "com/up/snap/1.0-SNAPSHOT/"
	build := func(seed string) (jar *upstreamtest.File) {
		return u.Maven("com.up:snap:1.0-SNAPSHOT", upstreamtest.MavenVersion{Files: map[string]string{"seed": seed}, Classifiers: map[string][]byte{"sources": nil}})[1]
	}
	get := func(repository, path string) formatstest.Response {
		t.Helper()
		return e.Do(formatstest.As(e.ReadToken("*")), formatstest.Request{Method: http.MethodGet, Path: "/maven/" + repository + "/" + path})
	}
	has := func(what, repository string, number int, jar *upstreamtest.File) {
		t.Helper()
		name := filepath.Base(jar.Path)
		value := strings.TrimSuffix(strings.TrimPrefix(name, "snap-"), ".jar")
		e.want(get(repository, folder+"maven-metadata.xml"), what, 200, fmt.Sprintf("<buildNumber>%d</buildNumber>", number),
			"<extension>pom</extension>\n        <value>"+value+"</value>", "<classifier>sources</classifier>")
		for _, path := range []string{name, "snap-1.0-SNAPSHOT.jar"} {
			if res := get(repository, folder+path); res.Status != http.StatusOK || string(res.Body) != string(jar.Bytes()) {
				t.Errorf("%s, %s %s: %v", what, repository, path, res)
			}
		}
	}
	one := build("one")
	for _, repository := range []string{"mirror", "all"} {
		has("the first", repository, 1, one)
	}
	u.AskedOnce(t, "GET", "**/1.0-SNAPSHOT/maven-metadata.xml")
	u.AskedOnce(t, "GET", one.Path)
	two := build("two")
	has("while it is fresh", "all", 1, one)
	clock.Later(6 * time.Minute)
	has("minutes later", "all", 2, two)
	three := build("three")
	_, err := e.Upstreams.Refresh(e.Admin, registry.Name{Repository: "mirror"})
	must(t, err)
	has("after a refresh", "all", 3, three)
	for _, path := range []string{filepath.Base(one.Path), filepath.Base(two.Path)} {
		e.want(get("all", folder+path), path, 200)
	}
	u.Origin.Down()
	clock.Later(time.Hour)
	has("while it is away", "all", 3, three)
	e.MustFsck(t)
}

// TestSnapshotsOfMirror: Maven resolves a snapshot of a registry elsewhere, and the next build of it.
func TestSnapshotsOfMirror(t *testing.T) {
	t.Parallel()
	u := upstreamtest.New(t, upstreamtest.Options{})
	clock := formatstest.NewClock()
	e := newEnvOn(t, Options{Quiet: quiet}, formatstest.Options{Core: []registrytest.Option{clock.Option()}})
	e.Remote("mirror", formatName, u.MavenURL())
	m := newMachine(t, e.URL+"/maven/mirror", e.ReadToken("mirror"), "")
	recordMaven(t, mavenOf(t, ""), "snapshots through a mirror")
	for n := 1; n <= 2; n++ {
		jar := u.Maven("com.up:snap:1.0-SNAPSHOT", upstreamtest.MavenVersion{Files: map[string]string{"seed": fmt.Sprint(n)}})[1]
		clock.Later(6 * time.Minute)
		noWarning(t, m.run(mirrorProject(t, "com.up:snap:1.0-SNAPSHOT"), "-U", "compile"))
		raw, err := os.ReadFile(filepath.Join(m.home, "repository/com/up/snap/1.0-SNAPSHOT/snap-1.0-SNAPSHOT.jar"))
		if err != nil || string(raw) != string(jar.Bytes()) {
			t.Errorf("build %d: %d bytes, %v", n, len(raw), err)
		}
	}
	e.MustFsck(t)
}

// TestParseVersion: what a remote says of a snapshot is about that, and names files that clients can ask for.
func TestParseVersion(t *testing.T) {
	const head = `<metadata><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version><versioning>`
	file := func(classifier, extension, value, updated string) string {
		return "<snapshotVersion><classifier>" + classifier + "</classifier><extension>" + extension + "</extension><value>" + value + "</value><updated>" + updated + "</updated></snapshotVersion>"
	}
	const value = "1.0-20260102.030405-7"
	at := elsewhere("com.acme:lib").At("1.0-SNAPSHOT")
	for doc, want := range map[string]string{
		head + `<snapshotVersions>` + file("", "pom", value, "20260102030405") + file("sources", "tar.gz", value, "x") + `</snapshotVersions></versioning></metadata>`:    "lib-1.0-20260102.030405-7.pom 20260102030405 lib-1.0-20260102.030405-7-sources.tar.gz 20260102030405",
		head + `<snapshot><timestamp>20260102.030405</timestamp><buildNumber>7</buildNumber></snapshot><lastUpdated>20260103000000</lastUpdated></versioning></metadata>`: "lib-1.0-20260102.030405-7.pom 20260103000000 lib-1.0-20260102.030405-7.jar 20260103000000",
		head + `<snapshotVersions>` + file("", "jar", "1.0-SNAPSHOT", "20260102030405") + file("", "jar", "2.0-20260102.030405-7", "20260102030405") + file("", "jar", "1.0-20260102.030405-7/../../x", "20260102030405") +
			file("../x", "jar", value, "20260102030405") + file("", "", value, "20260102030405") + file("", "jar", "", "") + `</snapshotVersions></versioning></metadata>`: "",
		head + `</versioning></metadata>`: "",
		`<metadata/>`:                     "",
		strings.Replace(head, "lib<", "other<", 1) + `</versioning></metadata>`: "!",
		strings.Replace(head, "1.0-", "1.1-", 1) + `</versioning></metadata>`:   "!",
		`<html></html>`: "!", `<!DOCTYPE x [<!ENTITY a "b">]><metadata/>`: "!", head: "!", "": "!",
	} {
		files, err := format{}.ParseVersion(at, []byte(doc))
		var got []string
		for _, f := range files {
			got = append(got, f.Path, f.AddedAt.Format(timeLayout))
		}
		if text := strings.Join(got, " "); err != nil && want != "!" || err == nil && text != want {
			t.Errorf("%s\n%q, %v, want %q", doc, text, err, want)
		}
	}
	if _, ok := (format{}).VersionDocument(elsewhere("com.acme:lib").At("1.0")); ok {
		t.Error("a release has such a document")
	}
}
