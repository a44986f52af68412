//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/integration/upstream/upstreamtest"
)

// volatile is what answers about the same thing differ in: times, ids of requests, durations, and sizes of texts that have the name.
var volatile = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?|"request_id":"[A-Z2-7]+"|request [A-Z2-7]{26}|[0-9.]+ ?m?s\b|/tmp/[^ "]*`)

// TestTenants is upstreams.md acceptance 40 by real clients: to a caller who may not read a member of a group, which has packages called
// secret, every command and every change shows the same as for a name that is nowhere.
func TestTenants(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	u.NPM("secret", "1.0.0", upstreamtest.NPMVersion{})
	u.PyPI("secret", "1.0")
	u.Maven("org.up:secret:1.0", upstreamtest.MavenVersion{})
	u.OCIImage("team/secret", "1.0", upstreamtest.ImageSpec{})
	u.Raw("secret/1.0/file", []byte("secret"))
	s := commandtest.NewServer(t, "--upstream-allow", "127.0.0.1")
	s.Start()
	b := newBuilder(t, s) // it looks for the clients
	if _, err := exec.LookPath("skopeo"); err != nil {
		b.missing(err.Error())
	}
	s.Env = append(s.Env, "SLIPWAY_SERVER="+s.URL, "SLIPWAY_TOKEN="+s.Token("*", "admin,read,publish"))
	for _, repository := range []string{"vault", "open", "all"} {
		s.Run(0, "repo", "create", repository)
	}
	for _, p := range []struct {
		format, url, pkg, version string
		paths                     []string // of files that the registry does not list
	}{
		{"npm", u.NPMURL(), "secret", "1.0.0", nil},
		{"pypi", u.PyPIURL(), "secret", "1.0", nil},
		{"maven", u.MavenURL(), "org.up:secret", "1.0", []string{"/maven/mirror-maven/org/up/secret/1.0/secret-1.0.pom", "/maven/mirror-maven/org/up/secret/1.0/secret-1.0.jar"}},
		{"oci", u.OCIURL(), "team/secret", "1.0", []string{"/v2/mirror-oci/team/secret/manifests/1.0"}},
		{"raw", u.RawURL(), "secret", "1.0", []string{"/raw/mirror-raw/secret/1.0/file"}},
	} {
		mirror := "mirror-" + p.format
		s.Run(0, "repo", "create", mirror, "--upstream", "up="+p.url, "--format", p.format)
		s.Run(0, "upstream", "set", mirror, "up", "--redirects", "127.0.0.1")
		for _, path := range p.paths {
			b.run("curl", "-fsS", "-H", "Authorization: Bearer "+s.Token("*", "read"), s.URL+path)
		}
		s.Run(0, "promote", mirror, p.format, p.pkg, p.version, "--to", "vault")
	}
	s.Run(0, "upstream", "add", "all", "vault")
	s.Run(0, "upstream", "add", "all", "open", "--writes")
	s.Run(0, "env", "create", "prod")
	s.Run(0, "user", "add", "bert", "--service", "--allow", "all:read,publish,tag,delete,deploy", "--allow", "open:read,publish,tag,delete,deploy", "--allow", "env/prod:deploy,read")
	token := regexp.MustCompile(`slp_\S+`).FindString(s.Run(0, "token", "create", "t", "--user", "bert", "--allow", "all:read,publish,tag,delete,deploy",
		"--allow", "open:read,publish,tag,delete,deploy", "--allow", "env/prod:deploy,read"))
	if token == "" {
		t.Fatal("no token")
	}
	script, err := filepath.Abs("testdata/tenants.sh")
	mustDo(t, err)
	shown := func(name, token string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", script)
		cmd.Env = append(os.Environ(), "NAME="+name, "URL="+s.URL, "ADDR="+s.Addr, "TOKEN="+token, "HOME="+t.TempDir(), "CLIENTS="+b.clients, "NPM="+npmClient,
			"DEPENDENCY_PLUGIN="+dependencyPlugin, "no_proxy=*", "CI=1", "NO_COLOR=1", "MAVEN_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, commandtest.Tail(string(out), 6000))
		}
		if strings.Contains(string(out), "vault") {
			t.Errorf("it tells of the member:\n%s", out)
		}
		return volatile.ReplaceAllString(strings.ReplaceAll(string(out), name, "NAME"), "…")
	}
	// Names of the same length, as some answers tell sizes.
	secret, absent := strings.Split(shown("secret", token), "== "), strings.Split(shown("nobody", token), "== ")
	if len(secret) != len(absent) || len(secret) < 60 {
		t.Fatalf("%d commands of the one, %d of the other", len(secret), len(absent))
	}
	for i := range secret {
		if secret[i] != absent[i] {
			t.Errorf("it differs what is shown of a hidden name\n%s\nand of one that is nowhere\n%s", secret[i], absent[i])
		}
	}
}
