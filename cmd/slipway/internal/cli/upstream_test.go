package cli_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/registrytest"
)

// TestUpstreamCommands: a repository is made with upstreams, which are listed, changed, ordered and explained.
func TestUpstreamCommands(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.CLI(0, "repo", "create", "team-b")
	if out := r.CLI(0, "repo", "create", "all", "--upstream", "main"); !strings.Contains(out, "main") {
		t.Errorf("repo create: %s", out)
	}
	r.CLI(0, "upstream", "add", "all", "team-b", "--name", "b", "--deny", "x,y", "--mode", "merge")
	if out := r.CLI(0, "upstream", "set", "all", "b", "--deny", "", "--through"); !strings.Contains(out, "yes") || strings.Contains(out, "x, y") || !strings.Contains(out, "merge") {
		t.Errorf("upstream set: %s", out)
	}
	r.CLI(2, "upstream", "set", "all", "b")
	r.CLI(0, "upstream", "order", "all", "b", "main")
	if out := r.CLI(0, "upstream", "ls", "all"); strings.Index(out, "main") < strings.Index(out, "team-b") {
		t.Errorf("upstream ls: %s", out)
	}
	if out := r.CLI(0, "resolve", "all", "raw", "tool"); !strings.Contains(out, "absent") || !strings.Contains(out, "1.0.0") {
		t.Errorf("resolve: %s", out)
	}
	if out := r.CLI(0, "version", "ls", "all", "raw", "tool"); !strings.Contains(out, "1.0.0") {
		t.Errorf("version ls: %s", out)
	}
	if out := r.CLI(0, "claim", "add", "npm", "@Acme/*", "--repository", "main"); !strings.Contains(out, "@acme/*") {
		t.Errorf("claim add: %s", out)
	}
	r.CLI(0, "claim", "ls", "--repository", "main")
	r.CLI(0, "claim", "rm", "1")
	r.CLI(1, "origin", "set", "main", "raw", "tool", "both")
	r.CLI(0, "origin", "set", "main", "raw", "tool", "both", "--reason", "we patch it", "--expires", "1h")
	r.CLI(0, "origin", "clear", "main", "raw", "tool")
	r.CLI(0, "repo", "set", "all", "--upstream", "")
	if out := r.CLI(0, "upstream", "ls", "all", "-o", "json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("emptied: %s", out)
	}
	r.CLI(0, "upstream", "add", "all", "main")
	r.CLI(0, "upstream", "show", "all", "main")
	r.CLI(0, "upstream", "rm", "all", "main")
}

// TestRemoteCommands: registries elsewhere become upstreams by their addresses, or by the configuration of this machine's clients.
func TestRemoteCommands(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.CLI(2, "repo", "create", "mirror", "--upstream", "https://registry.example.com/")
	r.CLI(0, "repo", "create", "mirror", "--upstream", "https://registry.example.com/", "--format", "npm")
	if out := r.CLI(0, "upstream", "show", "mirror", "npm"); !strings.Contains(out, "https://registry.example.com/") || !strings.Contains(out, "remote") {
		t.Errorf("upstream show: %s", out)
	}
	r.CLI(0, "upstream", "add", "mirror", "https://files.example.com/pub/", "--format", "raw", "--name", "files", "--ttl", "1h")
	if out := r.CLI(0, "upstream", "set", "mirror", "npm", "--ttl", "10m", "--offline", "--anonymous-fetch"); !strings.Contains(out, "10m") {
		t.Errorf("upstream set: %s", out)
	}
	if out := r.CLI(0, "upstream", "ls", "mirror"); !strings.Contains(out, "npm") || !strings.Contains(out, "files") {
		t.Errorf("upstream ls: %s", out)
	}
	r.With("canary\n", nil, 0, "upstream", "set", "mirror", "npm", "--user", "ci", "--password-stdin")
	if out := r.CLI(0, "upstream", "show", "mirror", "npm"); !strings.Contains(out, "basic ci") || strings.Contains(out, "canary") {
		t.Errorf("upstream show: %s", out)
	}
	if out := r.CLI(0, "upstream", "show", "mirror", "npm", "-o", "json"); !strings.Contains(out, `"secret": true`) || strings.Contains(out, "canary") {
		t.Errorf("upstream show: %s", out)
	}
	r.CLI(1, "upstream", "set", "mirror", "npm", "--url", "https://other.example.com/")
	r.With("canary\n", nil, 0, "upstream", "set", "mirror", "npm", "--url", "https://other.example.com/", "--header", "X-Key", "--token-stdin")
	if out := r.CLI(0, "upstream", "show", "mirror", "npm"); !strings.Contains(out, "header X-Key") || !strings.Contains(out, "other.example.com") || !strings.Contains(out, "10m") {
		t.Errorf("upstream show: %s", out)
	}
	r.CLI(0, "upstream", "set", "mirror", "npm", "--no-auth")
	r.CLI(1, "upstream", "set", "mirror", "npm", "--token-file", "npm") // the server has no directory of secrets
	for _, wrong := range [][]string{{"--user", "ci"}, {"--password-file", "x"}, {"--header", "X-Key"}, {"--token-stdin"}, {"--no-auth", "--token-file", "x"}} {
		r.CLI(2, append([]string{"upstream", "set", "mirror", "npm"}, wrong...)...)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, upstreamtest.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	out := r.With("canary\n", nil, 0, "upstream", "set", "mirror", "npm", "--tls-ca", ca, "--rate", "5", "--concurrency", "3", "--timeout", "document=5s,idle=1m", "--max-file", "1GiB", "--negative-ttl", "2m",
		"--proxy", "http://proxy.example.com", "--proxy-user", "me", "--proxy-password-stdin", "--user-agent", "corp")
	for _, want := range []string{"rate=5", "concurrency=3", "max_file=1073741824", "negative_ttl=2m0s", `"document":"5s"`, `"idle":"1m0s"`, "proxy=http://proxy.example.com", `"user":"me"`, `"ca":"PEM"`, "user_agent=corp"} {
		if !strings.Contains(out, want) || strings.Contains(out, "canary") {
			t.Errorf("upstream set lacks %s: %s", want, out)
		}
	}
	if out := r.CLI(0, "upstream", "set", "mirror", "npm", "--tls-ca", "", "--proxy", "direct", "--proxy-user", ""); strings.Contains(out, "PEM") || !strings.Contains(out, "proxy=direct") {
		t.Errorf("upstream set: %s", out)
	}
	r.CLI(2, "upstream", "set", "mirror", "npm", "--timeout", "total=1s")
	r.CLI(2, "upstream", "set", "mirror", "npm", "--proxy-user", "me")
	r.CLI(2, "upstream", "set", "mirror", "npm", "--proxy-user", "me", "--proxy-password-stdin", "--token-stdin")
	r.CLI(0, "upstream", "add", "mirror", "https://third.example.com/", "--format", "npm", "--name", "third", "--rate", "2", "--ttl", "3m")
	r.With("canary\n", nil, 0, "repo", "create", "private", "--upstream", "https://registry.example.com/", "--format", "npm", "--token-stdin")
	r.With("canary\n", nil, 2, "repo", "create", "private2", "--upstream", "private", "--token-stdin")
	r.CLI(0, "upstream", "set", "mirror", "npm", "--offline")
	if out := r.CLI(1, "upstream", "check", "mirror", "npm", "left-pad"); !strings.Contains(out, "can't be asked") {
		t.Errorf("upstream check: %s", out)
	}
	r.CLI(1, "upstream", "check", "mirror", "absent")
	r.CLI(0, "repo", "refresh", "mirror")
	r.CLI(0, "repo", "refresh", "mirror", "npm", "left-pad")

	env := r.Env()
	env["PIP_INDEX_URL"] = "https://index.example.com/simple"
	r.With("", env, 0, "repo", "create", "pypi", "--upstream-from", "pip")
	if out := r.CLI(0, "upstream", "show", "pypi", "pypi"); !strings.Contains(out, "https://index.example.com/simple") {
		t.Errorf("--upstream-from: %s", out)
	}
	env["PIP_INDEX_URL"] = "https://user:secret@index.example.com/simple"
	if out := r.With("", env, 1, "repo", "create", "other", "--upstream-from", "pip"); strings.Contains(out, "secret") {
		t.Errorf("the refusal shows the password: %s", out)
	}
	r.CLI(2, "repo", "create", "other", "--upstream-from", "cargo")

	env["HOME"] = t.TempDir()
	folder := filepath.Join(env["HOME"], ".config", "docker")
	registrytest.Must(t, os.MkdirAll(folder, 0o700))
	registrytest.Must(t, os.WriteFile(filepath.Join(folder, "daemon.json"), []byte(`{"registry-mirrors":["https://mirror.example.com/"]}`), 0o600))
	r.With("", env, 0, "repo", "create", "docker", "--upstream-from", "docker")
	if out := r.CLI(0, "upstream", "show", "docker", "oci"); !strings.Contains(out, "https://mirror.example.com/") {
		t.Errorf("--upstream-from docker: %s", out)
	}
	if out := r.CLI(0, "upstream", "set", "docker", "oci", "--owns", "-o", "json"); !strings.Contains(out, `"owns": true`) {
		t.Errorf("--owns: %s", out)
	}
	r.CLI(1, "upstream", "set", "docker", "oci", "--on-failure", "skip")
	r.CLI(0, "upstream", "set", "docker", "oci", "--owns=false", "--on-failure", "skip")
	r.CLI(1, "upstream", "set", "docker", "oci", "--on-failure", "later")
	r.CLI(0, "upstream", "set", "docker", "oci", "--library")
	r.CLI(1, "upstream", "set", "mirror", "npm", "--library")
	env["CONTAINERS_REGISTRIES_CONF"] = filepath.Join(env["HOME"], "registries.conf")
	r.With("", env, 1, "repo", "create", "podman", "--upstream-from", "docker")
	for conf, want := range map[string]string{
		"[[registry]]\nprefix = \"a.example.com\"\nlocation = \"b.example.com\"\n":                                                                                     "",
		"[[registry]]\nlocation = 'a.example.com'\n  [[registry.mirror]]\n  location = 'c.example.com:5000/team'\n[[registry.mirror]]\nlocation = \"d.example.com\"\n": "https://c.example.com:5000/team",
		"[[registry]]\n[[registry.mirror]]\ninsecure = true\nlocation = \"c.example.com\"\n":                                                                           "http://c.example.com",
	} {
		registrytest.Must(t, os.WriteFile(env["CONTAINERS_REGISTRIES_CONF"], []byte(conf), 0o600))
		if want == "" {
			r.With("", env, 1, "repo", "create", "podman", "--upstream-from", "docker")
			continue
		}
		r.With("", env, 0, "repo", "create", "podman", "--upstream-from", "docker")
		if out := r.CLI(0, "upstream", "show", "podman", "oci"); !strings.Contains(out, want+"\n") {
			t.Errorf("%q: %s", conf, out)
		}
		r.CLI(0, "repo", "rm", "podman", "--yes")
	}
}

// TestUpstreamFromDefaults: package managers that are not set up tell which registry they ask by themselves.
func TestUpstreamFromDefaults(t *testing.T) {
	r := commandtest.Start(t)
	r.Login()
	env := r.Env()
	env["HOME"] = t.TempDir()
	bin, maven := t.TempDir(), t.TempDir()
	script := func(name, text string) {
		registrytest.Must(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o700))
	}
	script("pip", `[ "$1" = config ] && { echo "ERROR: No such key - global.index-url" >&2; exit 1; }
cat <<'END'
  -i, --index-url <url>       Base URL of the Python Package Index (default
                              https://index.example.com/simple). This should point to a
  --extra-index-url <url>     Extra URLs (default https://wrong.example.com).
END
`)
	script("mvn", "printf '\\033[1mApache Maven 3.9\\033[m\\nMaven home: "+maven+"\\nJava version: 17\\n'\n")
	registrytest.Must(t, os.MkdirAll(filepath.Join(maven, "lib"), 0o700))
	jar, err := os.Create(filepath.Join(maven, "lib", "maven-model-builder-3.9.jar"))
	registrytest.Must(t, err)
	z := zip.NewWriter(jar)
	pom, err := z.Create("org/apache/maven/model/pom-4.0.0.xml")
	registrytest.Must(t, err)
	_, err = pom.Write([]byte(`<project><repositories><repository><id>central</id><url>https://maven.example.com/maven2</url></repository></repositories></project>`))
	registrytest.Must(t, err)
	registrytest.Must(t, z.Close())
	registrytest.Must(t, jar.Close())
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, c := range [][3]string{{"pip", "pypi", "https://index.example.com/simple\n"}, {"mvn", "maven", "https://maven.example.com/maven2\n"}} {
		r.With("", env, 0, "repo", "create", c[1], "--upstream-from", c[0])
		if out := r.CLI(0, "upstream", "show", c[1], c[1]); !strings.Contains(out, c[2]) {
			t.Errorf("--upstream-from %s: %s", c[0], out)
		}
	}
	registrytest.Must(t, os.Remove(filepath.Join(maven, "lib", "maven-model-builder-3.9.jar")))
	r.With("", env, 1, "repo", "create", "other", "--upstream-from", "mvn")
}

// TestWritesAndPromotion: a repository is made that hands writes on, and a version is promoted.
func TestWritesAndPromotion(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.CLI(2, "repo", "create", "all", "--writes", "main")
	r.CLI(0, "repo", "create", "snapshots")
	r.CLI(0, "repo", "create", "all", "--upstream", "main", "--upstream", "snapshots", "--writes", "main=releases", "--writes", "snapshots=snapshots")
	if out := r.CLI(0, "upstream", "show", "all", "snapshots"); !strings.Contains(out, "snapshots") {
		t.Errorf("upstream show: %s", out)
	}
	r.CLI(1, "upstream", "set", "all", "main", "--writes-versions", "snapshots")
	r.CLI(0, "upstream", "set", "all", "snapshots", "--writes=false", "--writes-versions", "")
	r.CLI(0, "upstream", "set", "all", "main", "--writes-versions", "")
	r.Put("tool/1.0.0/tool", "one")
	r.CLI(2, "promote", "all", "raw", "tool", "1.0.0")
	if out := r.CLI(0, "promote", "all", "raw", "tool", "1.0.0", "--to", "snapshots", "--tag", "good"); !strings.Contains(out, "tool@1.0.0") {
		t.Errorf("promote: %s", out)
	}
	if out := r.CLI(0, "tag", "ls", "snapshots", "raw", "tool"); !strings.Contains(out, "good") {
		t.Errorf("tag ls: %s", out)
	}
}

// TestClaimSuggest: the folder of an image that is published is suggested, in a table and as JSON, until a claim covers it.
func TestClaimSuggest(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.CLI(0, "repo", "create", "team-b")
	pushOne(t, r, "main", "acme/app")
	suggest := func(want string, flags ...string) {
		t.Helper()
		if out := strings.Join(strings.Fields(r.CLI(0, append([]string{"claim", "suggest"}, flags...)...)), " "); !strings.HasSuffix(out, want) || want == "" && strings.Contains(out, "acme") {
			t.Errorf("claim suggest %q: %s, want %s", flags, out, want)
		}
	}
	suggest("oci acme/** 1 acme/app")
	suggest("oci acme/** 1 acme/app", "--repository", "main")
	suggest("", "--repository", "team-b")
	suggest(`"pattern": "acme/**", "packages": 1, "example": "acme/app" } ]`, "-o", "json")
	r.CLI(1, "claim", "suggest", "--repository", "absent")
	r.CLI(0, "claim", "add", "oci", "acme/**")
	suggest("")
	suggest("[]", "-o", "json")
}
