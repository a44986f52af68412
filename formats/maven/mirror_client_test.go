package maven

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	meta "slipway/metadata"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// mirrorProject is a project with these dependencies, "group:artifact:version".
func mirrorProject(t testing.TB, dependencies ...string) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	for _, d := range dependencies {
		c := strings.Split(d, ":")
		b.WriteString("<dependency><groupId>" + c[0] + "</groupId><artifactId>" + c[1] + "</artifactId><version>" + c[2] + "</version></dependency>\n")
	}
	must(t, os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(`<project><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version>
<dependencies>`+b.String()+`</dependencies>
<properties><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding><maven.compiler.release>11</maven.compiler.release></properties>
<build><pluginManagement><plugins><plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
<plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin></plugins></pluginManagement></build></project>`), 0o600))
	source := filepath.Join(dir, "src/main/java/App.java")
	must(t, os.MkdirAll(filepath.Dir(source), 0o700))
	must(t, os.WriteFile(source, []byte("class App {}\n"), 0o600))
	return dir
}

// TestMavenMirror: Maven builds from an empty local repository, plugins and all, through a repository that answers from one elsewhere,
// which is asked once for each file and for no sum but its .sha1; and beside what is published here. A group that is published or
// reserved here comes from here alone.
func TestMavenMirror(t *testing.T) {
	t.Parallel()
	u := upstreamtest.New(t, upstreamtest.Options{})
	e := newEnvOn(t, Options{Quiet: quiet}, formatstest.Options{Wrap: formatstest.NoLeaks(t, u.Origin.Addr, u.CDN.Addr).Wrap})
	_, err := e.Core.CreateRepository(e.Admin, "mirror", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, []upstreams.NewUpstream{
		{Name: "up", Type: meta.UpstreamRemote, Format: formatName, URL: u.MavenURL()}})})
	must(t, err)
	var members []upstreams.NewUpstream
	for _, name := range []string{"main", "mirror"} {
		members = append(members, upstreams.NewUpstream{Type: meta.UpstreamRepository, Repository: name, Settings: upstreams.Settings{Through: true}})
	}
	_, err = e.Core.CreateRepository(e.Admin, "all", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, members)})
	must(t, err)
	_, err = e.Upstreams.AddClaim(e.Admin, upstreams.Claim{Repository: "main", Claim: meta.Claim{Format: formatName, Pattern: "com.corp.**"}})
	must(t, err)
	m := newMachine(t, e.repo(), "", "")
	use := func(repository string) {
		must(t, os.WriteFile(m.settings, []byte(`<settings><localRepository>`+filepath.Join(m.home, "repository")+`</localRepository>
<servers><server><id>slipway</id><username>ci</username><password>`+e.ReadToken(repository)+`</password></server></servers>
<mirrors><mirror><id>slipway</id><mirrorOf>*</mirrorOf><url>`+e.URL+`/maven/`+repository+`</url></mirror></mirrors></settings>`), 0o600))
	}
	recordMaven(t, mavenOf(t, ""), "build from an empty local repository through a mirror")
	must(t, os.RemoveAll(filepath.Join(m.home, "repository")))

	u.Dir("/maven/", m2(t))
	u.Maven("org.up:parts:1.0", upstreamtest.MavenVersion{Dependencies: []string{"org.up:deep:[1,2)"}})
	u.Maven("org.up:deep:1.5", upstreamtest.MavenVersion{Size: 2 << 20})
	u.Maven("org.up:deep:2.0", upstreamtest.MavenVersion{})
	u.Maven("com.acme:lib:9.0", upstreamtest.MavenVersion{})
	u.Maven("com.corp.team:absent:1.0", upstreamtest.MavenVersion{})
	e.deploy(e.publisher(), "1.0", jarWith(t, "text", []byte("own")))

	use("mirror")
	noWarning(t, m.run(mirrorProject(t, "org.up:parts:1.0"), "compile"))
	asked := map[string]int{}
	for _, r := range u.Requests() {
		if asked[r.Path]++; asked[r.Path] == 2 {
			t.Errorf("%s %s was asked for again", r.Method, r.Path)
		}
		if sum, _ := cutSum(r.Path); sum != nil && !strings.HasSuffix(r.Path, ".sha1") || strings.HasSuffix(r.Path, ".asc") {
			t.Errorf("%s was asked for", r.Path)
		}
	}
	use("all")
	noWarning(t, m.run(mirrorProject(t, "com.acme:lib:[1.0,)", "org.up:parts:1.0"), "compile"))
	for _, file := range []string{"org/up/deep/1.5/deep-1.5.jar", "com/acme/lib/1.0/lib-1.0.jar"} {
		if _, err := os.Stat(filepath.Join(m.home, "repository", file)); err != nil {
			t.Error(err)
		}
	}
	out := m.fail(mirrorProject(t, "com.corp.team:absent:1.0", "com.acme:lib:9.0"), "com.corp.team:absent:jar:1.0", "compile")
	if !strings.Contains(out, "com.acme:lib:jar:9.0") {
		t.Error(out)
	}
	u.NeverAsked(t, upstreamtest.MavenPath("com.acme:lib")+"/**")
	u.NeverAsked(t, "/maven/com/corp/**")

	// A registry that asks to wait is not asked: what is here is served, and the rest is 503, as Maven repeats a 429 for minutes.
	u.Maven("org.up:later:1.0", upstreamtest.MavenVersion{})
	busy := u.On("**", upstreamtest.Status(http.StatusTooManyRequests), upstreamtest.RetryAfter("600"))
	u.Reset()
	must(t, os.RemoveAll(filepath.Join(m.home, "repository", "org/up")))
	out = m.fail(mirrorProject(t, "org.up:parts:1.0", "org.up:later:1.0"), "503", "compile")
	if !strings.Contains(out, "org.up:later") || strings.Contains(out, "status: 429") || strings.Contains(out, "Too Many") {
		t.Error(out)
	}
	u.AskedOnce(t, "", "**")
	busy.Stop()

	// Again, while the registry is down.
	u.Origin.Down()
	for _, group := range []string{"org/up", "com/acme", "org/apache/maven/plugins"} {
		must(t, os.RemoveAll(filepath.Join(m.home, "repository", group)))
	}
	noWarning(t, m.run(mirrorProject(t, "com.acme:lib:[1.0,)", "org.up:parts:1.0"), "compile"))
	e.MustFsck(t)
}
