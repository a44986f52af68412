package maven

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	meta "slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/policy"
	"slipway/registry/registrytest"
)

const day = 24 * time.Hour

// aged publishes org.up:parts elsewhere: 1.0 and 1.1 are old, 2.0 is an hour old. org.up:gone has an old version only.
func aged(u *upstreamtest.Server) {
	u.Maven("org.up:gone:1.0", upstreamtest.MavenVersion{Published: time.Now().Add(-60 * day)})
	for i, v := range []string{"1.0", "1.1", "2.0"} {
		u.Maven("org.up:parts:"+v, upstreamtest.MavenVersion{Published: time.Now().Add([]time.Duration{-60 * day, -30 * day, -time.Hour}[i])})
	}
}

// TestDatedLists is upstreams.md 4.3: the list of an artifact has no times of its versions. Where a minimum age counts and the artifact has
// changed not long ago, its POMs are asked for theirs, once; a list that is older than the minimum age is not doubted.
func TestDatedLists(t *testing.T) {
	t.Parallel()
	u := upstreamtest.New(t, upstreamtest.Options{})
	clock := formatstest.NewClock()
	e := newEnvOn(t, Options{Quiet: quiet}, formatstest.Options{Core: []registrytest.Option{clock.Option()}})
	e.Remote("mirror", formatName, u.MavenURL())
	aged(u)
	list := func(artifact string) formatstest.Response {
		return e.Do(formatstest.As(e.ReadToken("mirror")), formatstest.Request{Method: http.MethodGet, Path: "/maven/mirror/org/up/" + artifact + "/maven-metadata.xml"})
	}
	e.want(list("parts"), "parts", 200, "<version>2.0</version>")
	u.NeverAsked(t, "**.pom")
	e.SetRemote("mirror", `{"cooldown":"168h","unknown_age":"block","stale_while_revalidate":"0s"}`)
	e.want(list("parts"), "parts", 200, "<version>2.0</version>") // it is fresh: what is not known is listed, and judged at the download
	clock.Later(time.Hour)
	for range 2 {
		res := e.want(list("parts"), "parts", 200, "<latest>1.1</latest>", "<release>1.1</release>")
		if strings.Contains(string(res.Body), "2.0") {
			t.Errorf("%s lists what is too young", res.Body)
		}
		e.want(list("gone"), "gone", 200, "<version>1.0</version>")
		clock.Later(time.Hour)
	}
	for _, v := range []string{"1.0", "1.1", "2.0"} {
		u.AskedOnce(t, "HEAD", upstreamtest.MavenPath("org.up:parts:"+v)+"/parts-"+v+".pom")
	}
	u.NeverAsked(t, "**gone-1.0.pom")
	clock.Later(7 * day)
	e.want(list("parts"), "parts", 200, "<latest>2.0</latest>")
	e.MustFsck(t)
}

// TestRulesClients is upstreams.md acceptance 31, 32, 34, 41 and 47: under a minimum age Maven's ranges and Gradle's dynamic versions pick the
// newest version that is old enough; one that is asked for by its number, and an artifact of which a rule denies every version, fail with the
// reason. Of an artifact that is published here they take what is published, though the registry elsewhere comes first; one that is reserved is
// not found; nothing of either is asked for elsewhere. A deploy over what came from there is refused in words that Maven prints.
func TestRulesClients(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("gradle"); err != nil {
		missing(t, "gradle is not installed")
	}
	u := upstreamtest.New(t, upstreamtest.Options{})
	e := newEnvOn(t, Options{Quiet: quiet}, formatstest.Options{})
	e.Remote("mirror", formatName, u.MavenURL())
	aged(u)
	u.Maven("com.acme:lib:9.0", upstreamtest.MavenVersion{})
	u.Maven("com.corp.team:absent:1.0", upstreamtest.MavenVersion{})
	u.Dir("/maven/", m2(t))
	e.Group("last", "mirror", "main")
	e.Claim("main", formatName, "COM.corp.**")
	e.deploy(e.publisher(), "1.0", jarWith(t, "text", []byte("own")))
	e.SetRemote("mirror", `{"cooldown":"168h"}`)
	e.AddRule(meta.Rule{Action: policy.Deny, Match: "pkg:maven/org.up/gone", Reason: "it steals keys"})
	token := e.Token("*", access.Read, access.Publish)
	m := newMachine(t, e.repo(), "", "")
	recordMaven(t, mavenOf(t, ""), "a range, a version that is too young, denied, private, reserved and cached artifacts")
	must(t, os.WriteFile(m.settings, []byte(`<settings><localRepository>`+filepath.Join(m.home, "repository")+`</localRepository>
<servers><server><id>slipway</id><username>ci</username><password>`+token+`</password></server></servers>
<mirrors><mirror><id>slipway</id><mirrorOf>*</mirrorOf><url>`+e.URL+`/maven/last</url></mirror></mirrors></settings>`), 0o600))
	app := mirrorProject(t, "org.up:parts:[1.0,)", "com.acme:lib:[1.0,)")
	m.run(app, "compile")
	for _, file := range []string{"org/up/parts/1.1/parts-1.1.jar", "com/acme/lib/1.0/lib-1.0.jar"} {
		if _, err := os.Stat(filepath.Join(m.home, "repository", file)); err != nil {
			t.Error(err)
		}
	}
	m.fail(mirrorProject(t, "org.up:parts:2.0"), "403 held until", "compile")
	m.fail(mirrorProject(t, "org.up:gone:1.0"), "403 blocked by a rule of this server: it steals keys", "compile")
	m.fail(mirrorProject(t, "com.corp.team:absent:1.0"), "Could not find artifact com.corp.team:absent:jar:1.0", "compile")
	m.fail(app, "403 org.up:parts comes from an upstream of repository", "org.apache.maven.plugins:maven-deploy-plugin:3.1.4:deploy-file", "-Dfile="+filepath.Join(app, "pom.xml"),
		"-DgroupId=org.up", "-DartifactId=parts", "-Dversion=9.0", "-DgeneratePom=false", "-DrepositoryId=slipway", "-Durl="+e.URL+"/maven/mirror")

	dir := gradleProject(t, `
repositories { maven { url '`+e.URL+`/maven/last'; credentials { username 'ci'; password '`+token+`' } } }
configurations { range; young; denied; absent }
dependencies { range 'org.up:parts:1.+'; range 'com.acme:lib:+'; young 'org.up:parts:2.0'; denied 'org.up:gone:1.0'; absent 'com.corp.team:absent:1.0' }
task show { doLast {
  configurations.range.files.each { println 'has ' + it.name }
  ['young', 'denied', 'absent'].each { name ->
    configurations[name].resolvedConfiguration.lenientConfiguration.unresolvedModuleDependencies.each {
      for (def e = it.problem; e != null; e = e.cause) println name + ': ' + e.message
    }
  }
} }
`)
	out, err := gradle(t, t.TempDir(), dir, "show")
	must(t, err)
	for _, want := range []string{"has parts-1.1.jar", "has lib-1.0.jar", "absent: Could not find com.corp.team:absent:1.0", "403 from server: held until", "403 from server: blocked by a rule of this server: it steals keys"} {
		if !strings.Contains(out, want) {
			t.Errorf("gradle lacks %q: %s", want, out)
		}
	}
	u.NeverAsked(t, upstreamtest.MavenPath("com.acme:lib")+"/**")
	u.NeverAsked(t, "/maven/com/corp/**")

	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		return // a further run of Gradle takes long, and shows the same
	}
	u.Origin.Down()
	must(t, replace(filepath.Join(dir, "build.gradle"), "young 'org.up:parts:2.0'", "young 'org.up:later:1.0'"))
	if out, _ := gradle(t, t.TempDir(), dir, "show"); !strings.Contains(out, "503 from server: not cached here, and upstream up can't be asked now") {
		t.Errorf("gradle while the registry elsewhere is away: %s", out)
	}
}
