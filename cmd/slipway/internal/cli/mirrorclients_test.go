package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/integration/upstream/upstreamtest"
)

// TestMirrorClients: what the lock files of real clients name is fetched and carried to a server without a network, from which the clients
// install by the same lock files.
func TestMirrorClients(t *testing.T) {
	t.Parallel()
	up, _ := elsewhere(t)
	up.NPM("app-lib", "1.0.0", upstreamtest.NPMVersion{Manifest: map[string]any{"dependencies": map[string]string{"left-pad": "^1.0.0", "@acme/web": "2"}}})
	r := mirroring(t, up)
	near := newDesk(t, r)
	near.needs(t, "npm-11.19.1", "node")
	near.needs(t, "uv-0.13.8", "python3")
	near.needs(t, "maven-3.9.16", "java")
	npm := []string{"node", filepath.Join(near.clients, "npm-11.19.1/node_modules/npm/bin/npm-cli.js")}
	pnpm := []string{"node", filepath.Join(near.clients, "pnpm-10.34.9/node_modules/pnpm/bin/pnpm.cjs")}
	yarn := []string{"node", filepath.Join(near.clients, "cli-dist-4.18.1/node_modules/@yarnpkg/cli-dist/bin/yarn.js")}
	uv := filepath.Join(near.clients, "uv-0.13.8", "bin", "uv")
	app := func() string {
		return folder(t, map[string]string{"package.json": `{"name":"app","version":"1.0.0","license":"MIT","dependencies":{"app-lib":"^1.0.0"}}`, "yarn.lock": ""})
	}
	apps := map[string]string{"npm": app(), "pnpm": app(), "yarn": app()}
	for client, args := range map[string][]string{
		"npm": append(npm, "install", "--omit-lockfile-registry-resolved", "--fund=false", "--audit=false"), "pnpm": append(pnpm, "install", "--no-frozen-lockfile"), "yarn": append(yarn, "install", "--no-immutable"),
	} {
		near.login(t, client, "--repository", "all")
		near.run(t, apps[client], args...)
	}
	near.login(t, "uv", "--repository", "all")
	python := folder(t, map[string]string{"pyproject.toml": "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"six>=1\"]\n"})
	near.run(t, python, uv, "lock")
	locks := []string{filepath.Join(apps["npm"], "package-lock.json"), filepath.Join(apps["pnpm"], "pnpm-lock.yaml"), filepath.Join(apps["yarn"], "yarn.lock"), filepath.Join(python, "uv.lock")}
	for purl, m := range states(t, r.CLI(0, append([]string{"mirror", "plan", "--repo", "all", "-o", "json"}, locks[:3]...)...)) {
		if m.State != "present" {
			t.Errorf("%s was installed, and is %s", purl, m.State)
		}
	}
	locks = append(locks, filepath.Join(folder(t, map[string]string{"poms": "com.acme:lib:1.0\n"}), "poms"))
	r.CLI(0, append([]string{"mirror", "fetch", "all"}, locks...)...)
	bundle := filepath.Join(t.TempDir(), "bundle.tar")
	r.CLI(0, append(append([]string{"mirror", "export", "all"}, locks...), "--file", bundle)...)
	key := strings.TrimSpace(r.CLI(0, "log", "key"))
	r.Stop()
	up.Origin.Down()

	far := commandtest.Start(t, func(c *installation.Config) { c.Offline = true })
	far.Login()
	far.CLI(0, "repo", "create", "all", "--upstream", "https://registry.example.com/", "--format", "npm")
	far.CLI(0, "mirror", "import", bundle, "--to", "all", "--trust", key)
	away := newDesk(t, far)
	for client, args := range map[string][]string{"npm": append(npm, "ci", "--fund=false", "--audit=false"), "pnpm": append(pnpm, "install", "--frozen-lockfile"), "yarn": append(yarn, "install", "--immutable")} {
		dir := apps[client]
		if err := os.RemoveAll(filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
		away.login(t, client, "--repository", "all")
		away.run(t, dir, args...)
	}
	away.login(t, "uv", "--repository", "all")
	dir := t.TempDir()
	away.run(t, dir, "python3", "-m", "venv", "--without-pip", "v")
	away.run(t, dir, uv, "pip", "install", "--python", "v/bin/python", "six==1.16.0")
	away.mavenFrom(t, "all", "com.acme:lib:1.0")
}

// mavenFrom builds a project with one dependency from a repository; plugins come from a folder.
func (d *desk) mavenFrom(t *testing.T, repository, dependency string) {
	t.Helper()
	c := strings.Split(dependency, ":")
	settings := "<settings><localRepository>" + filepath.Join(d.home, "repository") + "</localRepository><mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://" +
		filepath.Join(d.clients, "m2") + "</url></mirror></mirrors></settings>\n"
	if err := os.MkdirAll(filepath.Join(d.home, ".m2"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.home, ".m2", "settings.xml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	d.login(t, "mvn", "--repository", repository, "--id", "slipway")
	d.run(t, folder(t, map[string]string{"pom.xml": `<project><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version>
<dependencies><dependency><groupId>` + c[0] + `</groupId><artifactId>` + c[1] + `</artifactId><version>` + c[2] + `</version></dependency></dependencies>
<properties><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding><maven.compiler.release>11</maven.compiler.release></properties>
<build><pluginManagement><plugins><plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
<plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin></plugins></pluginManagement></build></project>`,
		"src/main/java/App.java": "class App {}\n"}), filepath.Join(d.clients, "maven-3.9.16", "bin", "mvn"), "-q", "-B", "compile")
	if _, err := os.Stat(filepath.Join(d.home, "repository", strings.ReplaceAll(c[0], ".", "/"), c[1], c[2], c[1]+"-"+c[2]+".jar")); err != nil {
		t.Error(err)
	}
}
