package cli_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// desk is a user's computer: a home, and the real clients, which see no other settings.
type desk struct {
	t       *testing.T
	r       *commandtest.Running
	home    string
	clients string
}

func newDesk(t *testing.T, r *commandtest.Running) *desk {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", ".cache", "clients")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, r: r, home: t.TempDir(), clients: dir}
}

// needs skips without what a client needs, or fails where the scripts that install it must have run.
func (d *desk) needs(t *testing.T, client string, programs ...string) {
	t.Helper()
	_, err := os.Stat(filepath.Join(d.clients, client))
	for _, p := range programs {
		if err == nil {
			_, err = exec.LookPath(p)
		}
	}
	switch {
	case err == nil:
	case os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "":
		t.Fatalf("%v (run make clients)", err)
	default:
		t.Skipf("%v; run make clients", err)
	}
}

// login runs "slipway login CLIENT" for the user of the desk.
func (d *desk) login(t *testing.T, args ...string) string {
	t.Helper()
	return d.r.With("", map[string]string{"HOME": d.home}, 0, append([]string{"login"}, args...)...)
}

// run runs a client in a folder.
func (d *desk) run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + d.home, "XDG_CONFIG_HOME=" + d.r.ConfigDir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "LC_ALL=C.UTF-8", "NO_COLOR=1", "CI=1",
		"PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring", "PIP_DISABLE_PIP_VERSION_CHECK=1", "UV_PYTHON_DOWNLOADS=never",
		"MAVEN_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.home=" + d.home}
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// folder makes a folder with files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestClientLogins: the files that "slipway login CLIENT" writes are all that the real client needs to publish and install.
func TestClientLogins(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	d := newDesk(t, r)
	t.Run("npm", d.npm)
	t.Run("python", d.python)
	t.Run("mvn", d.maven)
	t.Run("gradle", d.gradle)
	t.Run("bun", d.bun)
	t.Run("docker", d.docker)
	t.Run("helm", d.helm)
}

func (d *desk) npm(t *testing.T) {
	d.needs(t, "npm-11.19.1", "node")
	script := func(name string) []string {
		return []string{"node", filepath.Join(d.clients, map[string]string{
			"npm": "npm-11.19.1/node_modules/npm/bin/npm-cli.js", "pnpm": "pnpm-10.34.9/node_modules/pnpm/bin/pnpm.cjs",
			"yarn 1": "yarn-1.22.22/node_modules/yarn/bin/yarn.js", "yarn": "cli-dist-4.18.1/node_modules/@yarnpkg/cli-dist/bin/yarn.js"}[name])}
	}
	d.login(t, "npm", "--publish")
	d.run(t, folder(t, map[string]string{"package.json": `{"name":"hello","version":"1.0.0"}`}), append(script("npm"), "publish", "--fund=false")...)
	app := map[string]string{"package.json": `{"name":"app","version":"1.0.0","license":"MIT"}`, "yarn.lock": ""}
	d.run(t, folder(t, app), append(script("npm"), "install", "hello")...)
	d.login(t, "pnpm")
	d.run(t, folder(t, app), append(script("pnpm"), "add", "hello")...)
	d.login(t, "yarn")
	d.run(t, folder(t, app), append(script("yarn"), "add", "hello")...)
	d.run(t, folder(t, app), append(script("yarn 1"), "add", "hello")...)
}

// wheel is the folder of a project with a wheel in dist.
func wheel(t *testing.T, version string) string {
	t.Helper()
	dir := folder(t, map[string]string{"pyproject.toml": fmt.Sprintf("[project]\nname = \"hello\"\nversion = %q\n", version), "dist/.keep": ""})
	if err := os.Remove(filepath.Join(dir, "dist", ".keep")); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "dist", "hello-"+version+"-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	info := "hello-" + version + ".dist-info/"
	for _, file := range [][2]string{
		{"hello.py", "x = 1\n"}, {info + "METADATA", "Metadata-Version: 2.1\nName: hello\nVersion: " + version + "\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}, {info + "RECORD", "hello.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"},
	} {
		part, err := w.Create(file[0])
		if err == nil {
			_, err = part.Write([]byte(file[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (d *desk) python(t *testing.T) {
	d.needs(t, "uv-0.13.8", "python3")
	module := func(client, name string, args ...string) []string {
		start := fmt.Sprintf("import runpy, sys; sys.path.insert(0, %q); sys.argv[0] = %q; runpy.run_module(%q, run_name='__main__', alter_sys=True)", filepath.Join(d.clients, client), name, name)
		return append([]string{"python3", "-c", start}, args...)
	}
	uv := filepath.Join(d.clients, "uv-0.13.8", "bin", "uv")
	d.login(t, "twine", "--publish")
	d.run(t, wheel(t, "1.0"), append(module("twine-7.0.0", "twine"), "upload", "-r", "slipway", "dist/hello-1.0-py3-none-any.whl")...)
	d.login(t, "uv", "--publish")
	d.run(t, wheel(t, "1.1"), uv, "publish", "--index", "slipway", "dist/hello-1.1-py3-none-any.whl")
	d.login(t, "poetry", "--publish")
	d.run(t, wheel(t, "1.2"), append(module("poetry-2.5.1", "poetry"), "publish", "-r", "slipway", "--no-interaction")...)
	d.login(t, "pip")
	dir := t.TempDir()
	d.run(t, dir, "python3", "-m", "venv", "--without-pip", "v")
	d.run(t, dir, "v/bin/python", filepath.Join(d.clients, "pip-26.3", "pip"), "install", "hello==1.2")
	d.run(t, dir, uv, "pip", "install", "--python", "v/bin/python", "hello==1.1")
}

func (d *desk) maven(t *testing.T) {
	d.needs(t, "maven-3.9.16", "java")
	if err := os.MkdirAll(filepath.Join(d.home, ".m2"), 0o700); err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf("<settings>\n  <localRepository>%s</localRepository>\n  <!-- plugins come from a folder -->\n  <mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://%s</url></mirror></mirrors>\n</settings>\n",
		filepath.Join(d.home, "repository"), filepath.Join(d.clients, "m2"))
	if err := os.WriteFile(filepath.Join(d.home, ".m2", "settings.xml"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := d.login(t, "mvn", "--publish"); !strings.Contains(out, "(before: settings.xml.before-slipway-") {
		t.Errorf("no backup: %s", out)
	}
	pom := `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0</version><packaging>pom</packaging></project>`
	d.run(t, folder(t, map[string]string{"pom.xml": pom}), filepath.Join(d.clients, "maven-3.9.16", "bin", "mvn"), "-q", "-B", "deploy", "-DaltDeploymentRepository=slipway::default::"+d.r.URL+"/maven/main")
	if out := d.r.CLI(0, "version", "ls", "main", "maven", "com.acme:lib"); !strings.Contains(out, "1.0") {
		t.Errorf("mvn deploy: %s", out)
	}
}

func (d *desk) gradle(t *testing.T) {
	d.needs(t, "maven-3.9.16", "gradle")
	d.login(t, "gradle", "--publish")
	// It resolves what mvn has deployed. The maven-publish of Debian's Gradle does not work with the resolver that Debian ships, so it is asked where it would publish to.
	build := "plugins { id 'maven-publish' }\nconfigurations { app }\ndependencies { app 'com.acme:lib:1.0@pom' }\n" +
		"task show { doLast { configurations.app.each { println it.name }; publishing.repositories.each { println it.name + ' ' + it.url } } }\n"
	out := d.run(t, folder(t, map[string]string{"build.gradle": build, "settings.gradle": "rootProject.name = 'app'\n"}),
		"gradle", "-g", filepath.Join(d.home, ".gradle"), "--no-daemon", "--console=plain", "-q", "show")
	if !strings.Contains(out, "lib-1.0.pom\n") || !strings.Contains(out, "slipway "+d.r.URL+"/maven/main\n") {
		t.Errorf("gradle: %s", out)
	}
}

func (d *desk) bun(t *testing.T) {
	d.needs(t, "bun-1.4.5")
	bun := filepath.Join(d.clients, "bun-1.4.5", "node_modules", "@oven", "bun-linux-x64", "bin", "bun")
	d.login(t, "bun", "--publish")
	d.run(t, folder(t, map[string]string{"package.json": `{"name":"hello-bun","version":"1.0.0"}`}), bun, "publish")
	app := folder(t, map[string]string{"package.json": `{"name":"app","version":"1.0.0"}`})
	d.run(t, app, bun, "add", "hello-bun")
	if lock, err := os.ReadFile(filepath.Join(app, "bun.lock")); err != nil || !strings.Contains(string(lock), d.r.URL+"/npm/main/hello-bun/") {
		t.Errorf("bun.lock: %s %v", lock, err)
	}
	d.login(t, "bun", "--scope", "@acme", "--publish")
	d.run(t, folder(t, map[string]string{"package.json": `{"name":"@acme/bun","version":"1.0.0"}`}), bun, "publish")
	d.run(t, app, bun, "add", "@acme/bun")
}

// docker tries the file with tools that read it: docker's own command line and podman, whose push needs no daemon, among them.
func (d *desk) docker(t *testing.T) {
	d.needs(t, "oci/crane", "/usr/bin/docker", "podman", "skopeo")
	d.login(t, "docker", "--publish")
	dir := folder(t, map[string]string{"layer.tar": "", "policy.json": `{"default":[{"type":"insecureAcceptAnything"}]}`})
	image := strings.TrimPrefix(d.r.URL, "http://") + "/main/team/app:"
	tool := func(name string) string { return filepath.Join(d.clients, "oci", name) }
	d.run(t, dir, tool("crane"), "append", "--oci-empty-base", "-f", "layer.tar", "-t", image+"1.0")
	d.run(t, dir, tool("crane"), "manifest", image+"1.0")
	d.run(t, dir, tool("oras"), "tag", "--plain-http", image+"1.0", "oras")
	d.run(t, dir, tool("regctl"), "--host", "reg="+strings.TrimPrefix(d.r.URL, "http://")+",tls=disabled", "image", "copy", image+"1.0", image+"regctl")
	d.run(t, dir, "skopeo", "--policy", "policy.json", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://"+image+"1.0", "docker://"+image+"skopeo")
	podman := []string{"podman", "--storage-driver", "vfs", "--root", filepath.Join(dir, "storage"), "--runroot", filepath.Join(dir, "run"), "--tmpdir", filepath.Join(dir, "libpod"), "--events-backend", "none"}
	d.run(t, dir, append(podman, "pull", "--tls-verify=false", "--signature-policy", "policy.json", image+"skopeo")...)
	d.run(t, dir, append(podman, "push", "--format", "v2s2", "--tls-verify=false", "--signature-policy", "policy.json", image+"skopeo", "docker://"+image+"podman")...)
	if out := d.run(t, dir, "/usr/bin/docker", "manifest", "inspect", "--insecure", image+"podman"); !strings.Contains(out, "schemaVersion") {
		t.Errorf("docker manifest inspect: %s", out)
	}
	if out := d.r.CLI(0, "tag", "ls", "main", "oci", "team/app"); strings.Count(out, "podman")+strings.Count(out, "regctl")+strings.Count(out, "oras") != 3 {
		t.Errorf("tags: %s", out)
	}
}

// helm needs the real client, which is built for make test LONG=1 alone: without, a tool that reads the same file in its place.
func (d *desk) helm(t *testing.T) {
	d.needs(t, "oci/crane")
	d.login(t, "helm", "--publish")
	host := strings.TrimPrefix(d.r.URL, "http://")
	dir := folder(t, map[string]string{"hello/Chart.yaml": "apiVersion: v2\nname: hello\nversion: 1.0.0\n", "layer.tar": ""})
	crane := []string{"env", "DOCKER_CONFIG=" + filepath.Join(d.r.ConfigDir, "helm", "registry"), filepath.Join(d.clients, "oci", "crane")}
	d.run(t, dir, append(crane, "append", "--oci-empty-base", "-f", "layer.tar", "-t", host+"/main/charts/file:1.0.0")...)
	d.run(t, dir, append(crane, "manifest", host+"/main/charts/file:1.0.0")...)
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		return
	}
	for _, helm := range []string{"helm", "helm-3"} {
		d.needs(t, "oci/"+helm)
		helm = filepath.Join(d.clients, "oci", helm)
		d.run(t, dir, helm, "package", "hello")
		d.run(t, dir, helm, "push", "--plain-http", "hello-1.0.0.tgz", "oci://"+host+"/main/charts")
		d.run(t, dir, helm, "pull", "--plain-http", "oci://"+host+"/main/charts/hello", "--version", "1.0.0", "-d", t.TempDir())
	}
}

// TestClientLoginTokens: the token has the least rights; the next run replaces it; --print makes none; what can't be merged
// is left as it is, and a repository that is not there is named.
func TestClientLoginTokens(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	home := t.TempDir()
	with := func(code int, args ...string) string {
		t.Helper()
		return r.With("", map[string]string{"HOME": home}, code, append([]string{"login"}, args...)...)
	}
	tokens := func() (live []string) {
		t.Helper()
		var all []struct {
			Name        string
			RevokedAt   *string `json:"revoked_at"`
			Permissions []struct {
				Repository string
				Actions    []string
			}
		}
		if err := json.Unmarshal([]byte(r.CLI(0, "token", "ls", "-o", "json")), &all); err != nil {
			t.Fatal(err)
		}
		for _, tok := range all {
			if tok.RevokedAt == nil && !strings.HasPrefix(tok.Name, "login") {
				live = append(live, fmt.Sprint(strings.Fields(tok.Name)[0], tok.Permissions))
			}
		}
		return live
	}
	if out := with(0, "npm", "--print"); !strings.Contains(out, ":_authToken=slp_…") || len(tokens()) != 0 {
		t.Errorf("--print: %s, tokens %v", out, tokens())
	}
	if found, err := filepath.Glob(home + "/.*"); err != nil || len(found) > 2 {
		t.Errorf("--print wrote %v, %v", found, err)
	}
	with(0, "npm")
	if got := fmt.Sprint(tokens()); got != "[npm[{main [read]}]]" {
		t.Errorf("tokens %s", got)
	}
	with(0, "npm", "--publish", "--scope", "@acme")
	with(0, "npm", "--publish")
	if got := fmt.Sprint(tokens()); strings.Count(got, "npm") != 2 || strings.Count(got, "[read publish]") != 2 {
		t.Errorf("tokens after two more runs: %s", got)
	}
	info, err := os.Stat(filepath.Join(home, ".npmrc"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf(".npmrc: %v, %v", info, err)
	}
	if err := os.MkdirAll(filepath.Join(home, ".docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".docker", "config.json"), []byte("{broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg := with(1, "docker"); !strings.Contains(msg, "config.json: it is no JSON object") || strings.Contains(fmt.Sprint(tokens()), "docker") {
		t.Errorf("a broken file: %s, tokens %v", msg, tokens())
	}
	if msg := with(1, "pip", "--repository", "mian"); !strings.Contains(msg, `did you mean "main"?`) {
		t.Errorf("a wrong repository: %s", msg)
	}
	with(2, "npm", "--scope", "acme")
	with(2, "twine", "--id", "a b")
}
