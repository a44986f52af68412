package upstreamtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clients are the programs that the tests drive, below the folder that .ci/clients*.sh fill.
const (
	npmClient = "npm-11.19.1/node_modules/npm/bin/npm-cli.js"
	pipClient = "pip-26.3/pip"
	uvClient  = "uv-0.13.8/bin/uv"
	crane     = "oci/crane"
	plugins   = "m2"
)

// client is the path of one of them; a test without it is skipped, or fails where the scripts must have run.
func client(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", ".cache", "clients")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err == nil {
		_, err = os.Stat(path)
	}
	missing(t, name, err)
	return path
}

// system is the path of a program of the machine.
func system(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	missing(t, name, err)
	return path
}

func missing(t testing.TB, name string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "":
		t.Fatalf("%s is not installed; `make test` installs it: %v", name, err)
	default:
		t.Skipf("%s is not installed; `make test` installs it", name)
	}
}

// command runs a program in an empty home and returns what it printed.
func command(t testing.TB, home string, argv ...string) string {
	t.Helper()
	out, err := attempt(home, argv...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return out
}

// attempt is command for what may fail.
func attempt(home string, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.WaitDelay = home, 5*time.Second
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + home, "CI=1", "NO_COLOR=1", "LC_ALL=C.UTF-8", "PIP_CONFIG_FILE=" + os.DevNull,
		"PIP_DISABLE_PIP_VERSION_CHECK=1", "UV_NO_CONFIG=1", "UV_PYTHON_DOWNLOADS=never", "MAVEN_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Duser.home=" + home}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func holds(t testing.TB, path, words string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), words) {
		t.Errorf("%s: %v, want %q in %q", path, err, words, b)
	}
}

// TestNPMClient installs a package, its dependency in a scope and a binary, and then by the lockfile.
func TestNPMClient(t *testing.T) {
	npm := []string{system(t, "node"), client(t, npmClient)}
	u := New(t, Options{})
	u.NPM("pad", "1.0.0", NPMVersion{Manifest: map[string]any{"dependencies": map[string]string{"@acme/dep": "^1.0.0"}, "bin": "cli.js"}, Files: map[string]string{"cli.js": "#!/usr/bin/env node\n"}})
	dep := u.NPM("@acme/dep", "1.2.0", NPMVersion{Size: 300_000, OnCDN: true})
	u.NPM("@acme/dep", "2.0.0", NPMVersion{})
	home := t.TempDir()
	write(t, filepath.Join(home, ".npmrc"), "registry="+u.NPMURL()+"\nupdate-notifier=false\nfetch-retry-mintimeout=10\n")
	write(t, filepath.Join(home, "package.json"), `{"name":"app","version":"1.0.0","dependencies":{"pad":"^1.0.0"}}`)
	u.On(dep.Path, Times(1), Status(503))
	command(t, home, append(npm, "install")...)
	holds(t, filepath.Join(home, "node_modules/@acme/dep/package.json"), `"1.2.0"`)
	holds(t, filepath.Join(home, "package-lock.json"), dep.Integrity())
	u.Asked(t, 2, "GET", dep.Path)
	u.AskedOnce(t, "GET", NPMPath("pad"))
	u.NoCredential(t, "**")
	u.Reset()
	command(t, home, append(npm, "ci", "--cache", filepath.Join(home, "second"))...)
	u.Asked(t, 2, "GET", "**.tgz")
	u.NeverAsked(t, NPMPath("pad"))
}

// TestPythonClients installs a wheel and a source distribution with pip, and with uv.
func TestPythonClients(t *testing.T) {
	pip, uv, python := client(t, pipClient), client(t, uvClient), system(t, "python3")
	u := New(t, Options{})
	u.PyPI("My.Pkg", "1.0", PyPIFile{Metadata: []string{"Requires-Dist: from-source"}, RequiresPython: ">=3.6"})
	u.PyPI("My.Pkg", "1.1")
	u.PyPIYank("my-pkg", "1.1", "broken")
	u.PyPI("from-source", "2.0", PyPIFile{Sdist: true, Size: 100_000})
	for name, install := range map[string]func(target string) []string{
		"pip": func(target string) []string {
			return []string{python, pip, "install", "--target", target, "--index-url", u.PyPIURL(), "my-pkg"}
		},
		"uv": func(target string) []string {
			return []string{uv, "pip", "install", "--python", python, "--target", target, "--index-url", u.PyPIURL(), "my-pkg"}
		},
		"uv, HTML": func(target string) []string {
			u.PyPIHTMLOnly(true)
			return []string{uv, "pip", "install", "--no-cache", "--python", python, "--target", target, "--index-url", u.PyPIURL(), "my-pkg"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			u.PyPIHTMLOnly(false)
			u.Reset()
			home := t.TempDir()
			target := filepath.Join(home, "target")
			command(t, home, install(target)...)
			holds(t, filepath.Join(target, "my_pkg.py"), `"1.0"`)
			holds(t, filepath.Join(target, "from_source.py"), `"2.0"`)
			u.AskedOnce(t, "GET", PyPIPath("my-pkg"))
			u.AskedOnce(t, "GET", "cdn:**/my_pkg-1.0-py3-none-any.whl.metadata")
			u.NeverAsked(t, "origin:/files/**")
		})
	}
}

// TestMavenClient builds with all plugins and dependencies from the registry, which is the mirror of everything.
func TestMavenClient(t *testing.T) {
	mvn, m2 := system(t, "mvn"), client(t, plugins)
	u := New(t, Options{})
	u.Dir("/maven/", m2)
	u.MavenChecksumHeaders(true)
	jar := u.Maven("com.acme:lib:1.0", MavenVersion{Dependencies: []string{"com.acme:parts:[1,2)"}})[1]
	u.Maven("com.acme:parts:1.5", MavenVersion{})
	u.Maven("com.acme:parts:2-SNAPSHOT", MavenVersion{})
	home := t.TempDir()
	write(t, filepath.Join(home, "settings.xml"), fmt.Sprintf(`<settings><localRepository>%s</localRepository>
<mirrors><mirror><id>fault</id><mirrorOf>*</mirrorOf><url>%s</url></mirror></mirrors></settings>`, filepath.Join(home, "repository"), u.MavenURL()))
	write(t, filepath.Join(home, "pom.xml"), `<project><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version>
<dependencies><dependency><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0</version></dependency></dependencies>
<properties><maven.compiler.release>11</maven.compiler.release></properties>
<build><pluginManagement><plugins><plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
<plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin></plugins></pluginManagement></build></project>`)
	write(t, filepath.Join(home, "src/main/java/App.java"), "class App {}\n")
	out := command(t, home, mvn, "-B", "-C", "-Dstyle.color=never", "-s", filepath.Join(home, "settings.xml"), "compile")
	if !strings.Contains(out, "BUILD SUCCESS") || strings.Contains(out, "[WARNING] Checksum") {
		t.Error(out)
	}
	u.AskedOnce(t, "GET", jar.Path)
	u.AskedOnce(t, "GET", MavenPath("com.acme:parts")+"/maven-metadata.xml")
	u.AskedOnce(t, "GET", MavenPath("com.acme:parts:1.5")+"/parts-1.5.jar")
}

// TestContainerClients checks every digest of an index and of an image with Docker's types, behind tokens and over redirects.
func TestContainerClients(t *testing.T) {
	crane, skopeo := client(t, crane), system(t, "skopeo")
	u := New(t, Options{})
	image := u.OCIImage("library/app", "1.0", ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}, Layers: []int64{2 << 20}})
	u.OCIImage("library/app", "docker", ImageSpec{Docker: true})
	u.RequireToken("", "")
	u.OCIRedirect(true)
	home, name := t.TempDir(), u.OCIHost()+"/library/app"
	for _, tag := range []string{"1.0", "docker"} {
		command(t, home, crane, "validate", "--insecure", "--remote", name+":"+tag)
	}
	if got := strings.TrimSpace(command(t, home, crane, "digest", "--insecure", name+":1.0")); got != image.Digest {
		t.Errorf("digest %s, want %s", got, image.Digest)
	}
	if got := strings.Fields(command(t, home, crane, "ls", "--insecure", name)); len(got) != 2 {
		t.Errorf("tags %v", got)
	}
	u.Reset()
	command(t, home, skopeo, "--insecure-policy", "copy", "--all", "--src-tls-verify=false", "docker://"+name+":1.0", "oci:"+filepath.Join(home, "layout")+":app")
	var layout struct {
		Manifests []struct{ Digest string } `json:"manifests"`
	}
	b, err := os.ReadFile(filepath.Join(home, "layout", "index.json"))
	if err == nil {
		err = json.Unmarshal(b, &layout)
	}
	if err != nil || len(layout.Manifests) != 1 || layout.Manifests[0].Digest != image.Digest {
		t.Errorf("%v, %s", err, b)
	}
	for platform, p := range image.Platforms {
		for _, layer := range p.Layers {
			if n := u.Count("GET", "cdn:"+layer.Path); n != 1 {
				t.Errorf("%s: %s was sent %d times", platform, layer.Path, n)
			}
		}
	}
	u.NoCredential(t, "cdn:**")
}

// TestCurl downloads what is not in memory, and goes on after a cut, over HTTP/2 with the private authority.
func TestCurl(t *testing.T) {
	curl := system(t, "curl")
	u := New(t, Options{HTTP2: true})
	f := u.RawGenerated("big.bin", 20<<20)
	u.On(f.Path, Times(1), Cut(7<<20))
	home := t.TempDir()
	download := []string{curl, "-sSf", "--cacert", CAFile(t), "-C", "-", "-o", "got", f.URL}
	if out, err := attempt(home, download...); err == nil {
		t.Errorf("the cut download: %s", out)
	}
	command(t, home, download...)
	b, err := os.ReadFile(filepath.Join(home, "got"))
	if err != nil || string(b) != string(f.Bytes()) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if r := u.Matching("GET", f.Path); len(r) != 2 || !r[0].Cut || !strings.HasPrefix(r[1].Header.Get("Range"), "bytes=") || r[1].Status != 206 || r[1].Cut {
		t.Error(u.Dump())
	}
}
