package maven

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const clientTimeout = 4 * time.Minute

// installed is a directory that .ci/clients-maven.sh fills.
func installed(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", ".cache", "clients")
	}
	dir, err := filepath.Abs(filepath.Join(dir, name))
	must(t, err)
	if _, err := os.Stat(dir); err != nil {
		missing(t, "not installed: "+err.Error())
	}
	return dir
}

// m2 is the directory of Maven's build plugins.
func m2(t testing.TB) string { return installed(t, "m2") }

// mavens are the versions that are tested beside the machine's own, which is "". Most tests drive that one only.
var mavens = []string{"", "3.6.3", "3.9.16", "3.10.0", "4.0.0-rc-6"}

// mavenOf returns the command of a version of Maven.
func mavenOf(t testing.TB, version string) string {
	t.Helper()
	if version != "" {
		return filepath.Join(installed(t, "maven-"+version), "bin", "mvn")
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		missing(t, "mvn is not installed")
	}
	return "mvn"
}

// number is a version in what a client prints of itself.
var number = regexp.MustCompile(`[0-9]+(\.[0-9A-Za-z]+)+(-[0-9A-Za-z-]+)*`)

func firstNumber(text string) string { return number.FindString(text) }

// missing skips a test whose client is not installed, or fails where .ci/clients-maven.sh must have run.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
		t.Fatalf("%s; run .ci/clients-maven.sh", what)
	}
	t.Skipf("%s; run .ci/clients-maven.sh", what)
}

// machine is a computer with Maven on it: its own home, and a local repository with the build plugins and nothing else, so that
// everything else comes from the server or fails.
type machine struct {
	t        testing.TB
	jvm      *jvm
	home     string
	settings string
}

// newMachine configures Maven for the repository at repo. The password may be a token; header is sent with each request to
// the server, "" is none.
func newMachine(t testing.TB, repo, password, header string) *machine {
	t.Helper()
	plugins := m2(t)
	m := &machine{t: t, jvm: jvmOf(t, ""), home: t.TempDir()}
	m.settings = filepath.Join(m.home, "settings.xml")
	warm(t, plugins, filepath.Join(m.home, "repository"))
	configuration := ""
	if header != "" {
		name, value, _ := strings.Cut(header, ": ")
		configuration = "<configuration><httpHeaders><property><name>" + name + "</name><value>" + value + "</value></property></httpHeaders></configuration>"
	}
	must(t, os.WriteFile(m.settings, []byte(`<settings>
  <localRepository>`+filepath.Join(m.home, "repository")+`</localRepository>
  <servers><server><id>slipway</id><username>ci</username><password>`+password+`</password>`+configuration+`</server></servers>
  <mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://`+plugins+`</url></mirror></mirrors>
  <profiles><profile><id>slipway</id><repositories><repository><id>slipway</id><url>`+repo+`</url>
    <releases><updatePolicy>always</updatePolicy><checksumPolicy>fail</checksumPolicy></releases>
    <snapshots><updatePolicy>always</updatePolicy><checksumPolicy>fail</checksumPolicy></snapshots></repository></repositories></profile></profiles>
  <activeProfiles><activeProfile>slipway</activeProfile></activeProfiles>
</settings>`), 0o600))
	return m
}

// warm fills a local repository with links to the files of a directory of plugins: fetching them takes Maven longer than the deploy that
// a test is about. Without the notes of where they came from (_remote.repositories) they count as installed here, so Maven does not
// ask for them again. It never writes to a file that it has.
func warm(t testing.TB, plugins, to string) {
	t.Helper()
	must(t, filepath.WalkDir(plugins, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(plugins, path)
		if err != nil || d.Name() == "_remote.repositories" || strings.HasSuffix(d.Name(), ".lastUpdated") || strings.HasPrefix(d.Name(), ".stamp") {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rest), 0o700)
		}
		return os.Symlink(path, filepath.Join(to, rest))
	}))
}

// arguments are what every run of Maven gets, and args.
func (m *machine) arguments(args []string) []string {
	return append([]string{"-B", "-s", m.settings, "-Dstyle.color=never"}, args...)
}

// command is a run of Maven in a process of its own, for tests that kill it or run several at once.
func (m *machine) command(dir string, args ...string) (*exec.Cmd, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	cmd := exec.CommandContext(ctx, mavenOf(m.t, ""), m.arguments(args)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+m.home, "MAVEN_OPTS="+jvmOptions+" -Duser.home="+m.home)
	cmd.WaitDelay = 5 * time.Second
	return cmd, cancel
}

func (m *machine) try(dir string, args ...string) (string, error) {
	return m.jvm.run(m.home, dir, m.arguments(args))
}

// run is try for what must succeed.
func (m *machine) run(dir string, args ...string) string {
	m.t.Helper()
	out, err := m.try(dir, args...)
	if err != nil {
		m.t.Fatalf("mvn %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// fail is try for what must fail with these words.
func (m *machine) fail(dir string, words string, args ...string) string {
	m.t.Helper()
	out, err := m.try(dir, args...)
	if err == nil || !strings.Contains(out, words) {
		m.t.Fatalf("mvn %s: %v, want a failure with %q\n%s", strings.Join(args, " "), err, words, out)
	}
	return out
}

// project copies a directory of testdata with a version in it.
func project(t testing.TB, name, version string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))))
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != "pom.xml" {
			return err
		}
		return replace(path, "@version@", version)
	}))
	return dir
}

func replace(file, old, with string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(raw), old, with)), 0o600)
}

// greeting changes what the library says.
func greeting(t testing.TB, project, text string) {
	t.Helper()
	must(t, replace(filepath.Join(project, "api/src/main/java/com/acme/api/Greeting.java"), `"hello"`, fmt.Sprintf("%q", text)))
}

// says builds the consumer against the repository, from nothing, and returns what it prints.
func says(t testing.TB, repo, password, version string) string {
	t.Helper()
	m := newMachine(t, repo, password, "")
	dir := project(t, "consumer", version)
	m.run(dir, "-q", "-U", "compile")
	var classes []string
	for _, module := range []string{"api", "core"} {
		jars, err := filepath.Glob(filepath.Join(m.home, "repository/com/acme", module, version, module+"-"+version+".jar"))
		must(t, err)
		if len(jars) != 1 {
			t.Fatalf("the jar of %s: %v", module, jars)
		}
		classes = append(classes, jars...)
	}
	classes = append(classes, filepath.Join(dir, "target/classes"))
	out, err := exec.Command("java", "-Xshare:auto", "-cp", strings.Join(classes, ":"), "app.Main").CombinedOutput()
	if err != nil {
		t.Fatalf("java: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// proxy stands between a client and the server; change sees every request first, and may answer it.
func (e *env) proxy(change func(w http.ResponseWriter, r *http.Request) (answered bool)) string {
	e.t.Helper()
	target, err := url.Parse(e.URL)
	must(e.t, err)
	forward := httputil.NewSingleHostReverseProxy(target)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !change(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	e.t.Cleanup(srv.Close)
	return srv.URL
}

func (e *env) repo() string { return e.URL + "/maven/main" }
