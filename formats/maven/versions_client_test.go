package maven

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	meta "slipway/metadata"
	"slipway/registry/policy"
)

// TestMavenVersions: what each Maven makes of our answers. A first deploy reads metadata that is not there; ranges, snapshots
// and a jar without a POM are resolved; and a refusal comes with its sentence.
func TestMavenVersions(t *testing.T) {
	for _, version := range mavens {
		name := version
		if name == "" {
			name = "installed"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for a JVM most of the time
			mavenVersion(t, version)
		})
	}
}

func mavenVersion(t *testing.T, version string) {
	e := newEnv(t, Options{Quiet: quiet})
	ci := newMachine(t, e.repo(), string(e.publisher()), "")
	ci.jvm = jvmOf(t, version)
	recordMaven(t, mavenOf(t, version), "first deploy, ranges, snapshots, refusal")
	dir := project(t, "first", "")
	noWarning(t, ci.run(dir, "deploy", "-Dslipway.url="+e.repo()))
	e.get(e.reader(), "com/acme/first/1.0/first-1.0.pom", 200) // and not only when the quiet time is over
	e.get(e.reader(), "com/acme/snap/1.1-SNAPSHOT/maven-metadata.xml", 200, "<buildNumber>1</buildNumber>")

	for _, v := range []string{"1.0", "1.1", "2.0"} {
		e.deploy(e.publisher(), v, jarWith(t, "text", []byte(v)))
	}
	e.put(e.publisher(), "com/acme/bare/1.0/bare-1.0.jar", jarWith(t, "text", []byte("no POM")), 201)
	e.eventually(e.reader(), "com/acme/bare/1.0/bare-1.0.jar", 200)
	// One run resolves everything, and then sends what is refused.
	must(t, replace(filepath.Join(dir, "pom.xml"), "<name>first</name>", "<name>changed</name>"))
	changed := filepath.Join(dir, "pom.xml")
	user := newMachine(t, e.repo(), string(e.publisher()), "")
	user.jvm = ci.jvm
	noWarning(t, user.fail(project(t, "ranges", ""), "com.acme:first:1.0 is already released with other content", "-U", "compile",
		"org.apache.maven.plugins:maven-deploy-plugin:3.1.4:deploy-file", "-Dfile="+changed, "-DpomFile="+changed, "-DrepositoryId=slipway", "-Durl="+e.repo()))
	for _, jar := range []string{"lib/1.1/lib-1.1.jar", "bare/1.0/bare-1.0.jar", "snap/1.1-SNAPSHOT/snap-1.1-SNAPSHOT.pom"} {
		if _, err := os.Stat(filepath.Join(user.home, "repository/com/acme", jar)); err != nil {
			t.Error(err)
		}
	}

	if asked := strings.Contains(e.Log(), ".jar.sha1"); asked != (version == "" || version == "3.6.3") {
		t.Errorf("asked for the checksums of files beside those in headers: %v", asked)
	}

	e.get(formatstest.Admin, "com/acme/first/1.0/first-1.0.pom", 200, "<name>first</name>")
	showsRefusals(t, e, user.jvm)
	e.MustFsck(t)
}

// showsRefusals is upstreams.md 4.8: Maven prints why something from elsewhere is refused, and, as in 24, that the registry is away.
// docs/protocols/maven.md has it as a table.
func showsRefusals(t *testing.T, e *env, with *jvm) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	e.Remote("mirror", formatName, u.MavenURL())
	u.Maven("org.up:gone:1.0", upstreamtest.MavenVersion{})
	e.AddRule(meta.Rule{Action: policy.Deny, Match: "pkg:maven/org.up/gone", Reason: "it steals keys"})
	m := newMachine(t, e.URL+"/maven/mirror", e.ReadToken("mirror"), "")
	m.jvm = with
	m.fail(mirrorProject(t, "org.up:gone:1.0"), "blocked by a rule of this server: it steals keys", "compile")
	e.DropRules()
	m.run(mirrorProject(t, "org.up:gone:1.0"), "compile") // it has not written down that there is none
	if os.Getenv("SLIPWAY_TEST_LONG") != "" {             // it tries again for seconds
		u.Origin.Down()
		m.fail(mirrorProject(t, "org.up:later:1.0"), "not cached here, and upstream up can't be asked now", "compile")
	}
}

// recordMaven notes the version of Maven that a test drives.
func recordMaven(t testing.TB, mvn, scenario string) {
	t.Helper()
	if formatstest.RecordsClients() {
		out, _ := exec.Command(mvn, "-v").CombinedOutput()
		formatstest.RecordClient(t, "Maven", firstNumber(string(out)), scenario)
	}
}

// noWarning looks for warnings of Maven about the server, as opposed to those about the project.
func noWarning(t testing.TB, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		for _, word := range []string{"Could not", "transfer", "alidat", "hecksum", "127.0.0.1", "9457"} {
			if strings.HasPrefix(line, "[WARNING]") && strings.Contains(line, word) {
				t.Errorf("warning: %s", line)
				break
			}
		}
	}
}
