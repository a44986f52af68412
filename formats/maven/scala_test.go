package maven

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// TestSbt: sbt resolves a range, deploys, and fails when it has changed a release; it prints the status alone.
func TestSbt(t *testing.T) {
	s := newScala(t)
	base, home := s.project("sbt"), t.TempDir()
	repositories := filepath.Join(home, "repositories") // which sbt asks, for itself and for the build
	must(t, os.WriteFile(repositories, []byte("[repositories]\n  slipway: "+s.repo()+", allowInsecureProtocol\n  maven-central\n"), 0o600))
	options := []string{"-Dsbt.override.build.repos=true", "-Dsbt.repository.config=" + repositories, "-Dsbt.boot.directory=" + filepath.Join(s.dir, "boot"),
		"-Dsbt.global.base=" + filepath.Join(home, "global"), "-Dsbt.ivy.home=" + filepath.Join(home, "ivy"), "-Dsbt.supershell=false", "-Dsbt.color=false",
		"-Duser.home=" + home, "-jar", filepath.Join(s.dir, "sbt.jar")}
	out, err := s.run(base, home, options, "publish", `set description := "changed"`, "publish")
	s.check("sbt", "Server returned HTTP response code: 409 for URL: "+"http://"+s.Addr, out, err)
	formatstest.RecordClient(t, "sbt", "1.10.11", "deploy, ranges, refusal")
}

// TestMill: the same with Mill, which shows of a refusal what the server said.
func TestMill(t *testing.T) {
	s := newScala(t)
	base, home := s.project("mill"), t.TempDir()
	publish := []string{"tool.publish", "--sonatypeCreds", "ci:" + s.token, "--signed", "false", "--stagingRelease", "false", "--release", "false"}
	options := []string{"-Duser.home=" + home, "-cp", filepath.Join(s.dir, "mill.jar"), "mill.runner.MillMain", "--no-server"}
	if out, err := s.run(base, home, options, publish...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.vars = append(s.vars, "DESCRIPTION=changed")
	must(t, os.Rename(filepath.Join(base, "out"), filepath.Join(base, "before"))) // it does not look at the environment again
	out, err := s.run(base, home, options, publish...)
	s.check("Mill", "com.acme:tool:1.0 is already released with other content", out, err)
	formatstest.RecordClient(t, "Mill", "0.11.13", "deploy, ranges, refusal")
}

// scala is a computer with the build tools that .ci/clients-scala.sh has brought, and a server with a library.
type scala struct {
	*env
	t     *testing.T
	dir   string // of the tools
	token string
	vars  []string // of the environment
}

func newScala(t *testing.T) *scala {
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		t.Skip("sbt and Mill compile their builds for half a minute: make test LONG=1 drives them")
	}
	dir := filepath.Join(os.Getenv("SLIPWAY_CLIENTS"), "scala")
	if _, err := os.Stat(dir); err != nil {
		missing(t, "sbt and Mill are not installed (.ci/clients-scala.sh)")
	}
	e := newEnv(t, Options{Quiet: quiet}) // neither sends metadata
	for version, content := range map[string]string{"1.0": "old", "1.1": jarWith(t, "text", []byte("1.1")), "2.0": "too new"} {
		e.deploy(e.publisher(), version, content)
	}
	return &scala{e, t, dir, e.Token("main", access.Publish, access.Read), nil}
}

// project copies the project of a build tool, and returns where it lies.
func (s *scala) project(name string) string {
	dir := s.t.TempDir()
	must(s.t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))))
	return dir
}

// run starts Java with these options and arguments; what the build tools load themselves comes from where they were brought.
func (s *scala) run(dir, home string, options []string, args ...string) (out string, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "java", append(append(strings.Fields(strings.Replace(jvmOptions, "256m", "1g", 1)), options...), args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(s.vars, "HOME="+home, "COURSIER_CACHE="+s.cache(), "SLIPWAY_URL="+s.repo(), "SLIPWAY_TOKEN="+s.token)...)
	raw, err := cmd.CombinedOutput()
	return string(raw), err
}

// cache is a copy of what was brought, so that nothing that comes from the server stays there.
func (s *scala) cache() string {
	dir := filepath.Join(s.t.TempDir(), "cache")
	if out, err := exec.CommandContext(s.t.Context(), "cp", "-a", filepath.Join(s.dir, "cache"), dir).CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// check looks at what a build tool has deployed, and at its words about the changed release, which it has sent last.
func (s *scala) check(tool, refusal, out string, err error) {
	t := s.t
	t.Helper()
	if err == nil || !strings.Contains(out, refusal) {
		t.Errorf("a changed release: %v\n%s", err, out)
	}
	s.eventually(s.reader(), "com/acme/tool/1.0/tool-1.0.pom", 200)
	pom := string(s.get(s.reader(), "com/acme/tool/1.0/tool-1.0.pom", 200, "<artifactId>lib</artifactId>").Body)
	if strings.Contains(pom, "changed") {
		t.Errorf("the refused POM was taken:\n%s", pom)
	}
	s.get(s.reader(), "com/acme/tool/1.0/tool-1.0-sources.jar", 200)
	s.get(s.reader(), "com/acme/tool/maven-metadata.xml", 200, "<version>1.0</version>")
	if log := s.Log(); !strings.Contains(log, "method=GET path=/maven/main/com/acme/lib/1.1/lib-1.1.jar") || strings.Contains(log, "method=GET path=/maven/main/com/acme/lib/2.0/lib-2.0.jar") {
		t.Errorf("%s did not take lib 1.1 of the range:\n%s", tool, log)
	}
	s.MustFsck(t)
}
