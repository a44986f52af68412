package maven

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/registry/access"
)

// ivyJar is Ivy as Debian's Gradle brings it.
const ivyJar = "/usr/share/java/ivy.jar"

// TestIvy: Ivy publishes a jar and its POM file by file, without metadata: they appear together, and Ivy finds them. Without a POM its
// own descriptor, which it sends last, ends the publish. Ivy takes credentials by the realm, and sends no checksum that is there.
func TestIvy(t *testing.T) {
	if _, err := os.Stat(ivyJar); err != nil {
		missing(t, "Ivy is not installed")
	}
	e := newEnv(t, Options{Quiet: time.Millisecond})  // a set may be visible before the sum of its last file has come
	recordDebian(t, "Ivy", "ivy", "publish, resolve") // Debian's prints no version
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(e.URL, "http://"), ":")
	write("settings.xml", `<ivysettings><settings defaultResolver="slipway"/>
  <credentials host="`+host+`" realm="Slipway" username="ci" passwd="`+e.Token("main", access.Publish, access.Read)+`"/>
  <caches defaultCacheDir="`+filepath.Join(dir, "cache")+`"/>
  <resolvers><ibiblio name="slipway" m2compatible="true" root="`+e.repo()+`/"/></resolvers></ivysettings>`)
	module := func(version, artifacts string) {
		write("ivy.xml", `<ivy-module version="2.0"><info organisation="com.acme" module="tool" revision="`+version+`" status="release"/>
  <publications>`+artifacts+`</publications></ivy-module>`)
	}
	const jar, pom = `<artifact name="tool" type="jar" ext="jar"/>`, `<artifact name="tool" type="pom" ext="pom"/>`
	ivy := func(args ...string) (string, error) {
		cmd := exec.Command("java", append([]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Duser.home=" + dir, "-jar", ivyJar, "-settings", "settings.xml"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	publish := func(version string) {
		t.Helper()
		out, err := ivy("-ivy", "ivy.xml", "-publish", "slipway", "-publishpattern", "[artifact].[ext]", "-revision", version)
		if err != nil || strings.Contains(out, "impossible to publish") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	write("tool.jar", "bytes")
	write("tool.pom", strings.ReplaceAll(pomOf("tool", "1.0", ""), "\n", ""))
	module("1.0", jar+pom)
	publish("1.0")
	e.eventually(e.reader(), "com/acme/tool/1.0/tool-1.0.jar", 200)
	if !strings.Contains(e.Log(), `user_agent="Apache Ivy/`) {
		t.Error("Ivy does not tell its name")
	}
	module("2.0", jar)
	publish("2.0")
	out, err := ivy("-dependency", "com.acme", "tool", "1.0", "-retrieve", filepath.Join(dir, "out", "[artifact]-[revision].[ext]"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "out", "tool-1.0.jar")); err != nil || string(got) != "bytes" {
		t.Errorf("Ivy finds %q %v\n%s", got, err, out)
	}
	e.eventually(e.reader(), "com/acme/tool/2.0/tool-2.0.jar", 200)
	e.MustFsck(t)
}
