package maven

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// gradleOptions are the options of Gradle's process and of its builds: equal ones let a build run in the process that was started.
const gradleOptions = "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"

// gradle runs Debian's Gradle in a directory, with a home that the runs of a test share.
func gradle(t testing.TB, home, dir string, args ...string) (string, error) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(home, "gradle.properties"), []byte("org.gradle.jvmargs="+gradleOptions+"\n"), 0o600))
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gradle", append([]string{"--no-daemon", "--console=plain", "-g", home}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "GRADLE_OPTS="+gradleOptions)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func gradleProject(t testing.TB, script string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "settings.gradle"), []byte("rootProject.name = 'tool'\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "build.gradle"), []byte(script), 0o600))
	return dir
}

// TestGradle: Gradle's own transport sends and resolves. Debian's Gradle is 4.4, whose maven-publish does not work with the
// resolver that Debian ships, so it publishes in Ivy's way: files in the layout of Maven, without POM and metadata.
func TestGradle(t *testing.T) {
	if _, err := exec.LookPath("gradle"); err != nil {
		missing(t, "gradle is not installed")
	}
	e := newEnv(t, Options{Quiet: quiet})
	if formatstest.RecordsClients() {
		out, _ := exec.Command("gradle", "-v").CombinedOutput()
		_, version, _ := strings.Cut(string(out), "Gradle ") // behind warnings of the JVM
		formatstest.RecordClient(t, "Gradle", firstNumber(version), "ivy-publish in Maven's layout, resolve")
	}
	home := t.TempDir()
	token := e.Token("main", access.Publish, access.Read)
	publish := func(version, content string, args ...string) (string, error) {
		dir := gradleProject(t, `
apply plugin: 'base'
apply plugin: 'ivy-publish'
group = 'com.acme'
version = '`+version+`'
task pack(type: Zip) { from 'content'; preserveFileTimestamps = false; reproducibleFileOrder = true }
publishing {
  publications { it.create('main', IvyPublication) { artifact pack } }
  repositories {
    ivy { name 'right'; url '`+e.repo()+`'; layout 'maven'; credentials { username 'ci'; password '`+token+`' } }
    ivy { name 'wrong'; url '`+e.repo()+`'; layout 'maven'; credentials { username 'ci'; password 'wrong' } }
  }
}
`)
		must(t, os.Mkdir(filepath.Join(dir, "content"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "content", "text"), []byte(content), 0o600))
		return gradle(t, home, dir, args...)
	}
	if out, err := publish("1.0", "release", "publishMainPublicationToRightRepository"); err != nil {
		t.Fatalf("gradle: %v\n%s", err, out)
	}
	e.eventually(e.reader(), "com/acme/tool/1.0/tool-1.0.zip", 200)
	out, err := publish("1.0", "changed", "--continue", "publish")
	if err == nil || !strings.Contains(out, "409 from server: com.acme:tool:1.0 is already released with other content") {
		t.Errorf("a changed release: %v\n%s", err, out)
	}
	if !strings.Contains(out, "401") {
		t.Errorf("a wrong password: %v\n%s", err, out)
	}
	e.deploy(e.publisher(), "2.0", jarWith(t, "text", []byte("with a POM")))
	dir := gradleProject(t, `
repositories { maven { url '`+e.repo()+`'; credentials { username 'ci'; password '`+e.ReadToken("main")+`' } } }
configurations { app }
dependencies { app 'com.acme:tool:1.0@zip', 'com.acme:lib:2.+' }
task copy(type: Copy) { from { configurations.app }; into 'out' }
`)
	if out, err := gradle(t, home, dir, "copy"); err != nil {
		t.Fatalf("gradle: %v\n%s", err, out)
	}
	for _, name := range []string{"tool-1.0.zip", "lib-2.0.jar"} {
		if _, err := os.Stat(filepath.Join(dir, "out", name)); err != nil {
			t.Error(err)
		}
	}
	e.MustFsck(t)
}
