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

// TestLeiningen: Leiningen resolves a range with checked sums, deploys with metadata at the end, and prints why a changed release is
// refused. One run does all three, because each start loads Clojure.
func TestLeiningen(t *testing.T) {
	if _, err := exec.LookPath("lein"); err != nil {
		missing(t, "Leiningen is not installed")
	}
	e := newEnv(t, Options{})
	recordDebian(t, "Leiningen", "leiningen", "deploy, ranges, refusal")
	jar := jarWith(t, "text", []byte("1.1"))
	for version, content := range map[string]string{"1.0": "old", "1.1": jar, "2.0": "too new"} {
		e.deploy(e.publisher(), version, content)
	}
	dir, home := t.TempDir(), t.TempDir()
	repository := `"slipway" {:url "` + e.repo() + `" :username "ci" :password "` + e.Token("main", access.Publish, access.Read) + `" :checksum :fail :sign-releases false}`
	must(t, os.WriteFile(filepath.Join(dir, "project.clj"), []byte(`
(require 'cemerick.pomegranate.aether)
(cemerick.pomegranate.aether/register-wagon-factory! "http" #(org.apache.maven.wagon.providers.http.HttpWagon.))
(defproject com.acme/tool "1.0"
  :dependencies [[com.acme/lib "[1.0,2.0)"]]
  :eval-in :leiningen
  :repositories ^:replace [[`+repository+`]]
  :plugin-repositories ^:replace [[`+repository+`]])
`), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "lein", "with-profile", "production", "do", "deps,", "deploy", "slipway,",
		"update-in", ":", "assoc", ":description", `"changed"`, "--", "deploy", "slipway")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "LEIN_JVM_OPTS="+jvmOptions+" -Duser.home="+home)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "com.acme:tool:1.0 is already released with other content") {
		t.Errorf("a changed release: %v\n%s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(home, ".m2", "repository", "com", "acme", "lib", "1.1", "lib-1.1.jar"))
	if err != nil || string(got) != jar {
		t.Errorf("lib-1.1.jar has %d bytes, %v\n%s", len(got), err, out)
	}
	pom := e.get(e.reader(), "com/acme/tool/1.0/tool-1.0.pom", 200, "<artifactId>lib</artifactId>").Body
	if strings.Contains(string(pom), "changed") {
		t.Errorf("the refused POM was taken:\n%s", pom)
	}
	e.get(e.reader(), "com/acme/tool/maven-metadata.xml", 200, "<version>1.0</version>")
	if !strings.Contains(e.Log(), `user_agent="Leiningen/`) {
		t.Error("Leiningen does not tell its name")
	}
	e.MustFsck(t)
}

// recordDebian notes a client with the version of its Debian package.
func recordDebian(t testing.TB, client, pkg, scenario string) {
	t.Helper()
	if formatstest.RecordsClients() {
		out, _ := exec.Command("dpkg-query", "-W", "-f", "${Version}", pkg).CombinedOutput()
		formatstest.RecordClient(t, client, firstNumber(string(out)), scenario)
	}
}
