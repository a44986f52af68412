package npm

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newFront serves a handler in front of the server under test.
func newFront(t *testing.T, h http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + ln.Addr().String()
}

// TestPnpm is acceptance 3, 16, 18 and 19: pnpm publishes by way of npm, and its lockfile names no host.
func TestPnpm(t *testing.T) {
	e, m := oneOf(t, pnpm10)
	m.does("a lockfile without host names, loose versions")
	m.withNpm(npm10)

	m.run(m.pkg("leaf", "1.0.0"), "publish", "--no-git-checks")
	dir := m.project("package.json", `{"name":"@acme/web","version":"1.0.0","dependencies":{"leaf":"^1.0.0"},"bin":{"web":"cli.js"}}`, "cli.js", "#!/usr/bin/env node\n")
	m.run(dir, "publish", "--no-git-checks")
	v := e.get("/@acme/web/latest")
	for _, key := range []string{"_resolved", "_from", "_integrity"} {
		if v[key] != nil {
			t.Errorf("%s: %v", key, v[key])
		}
	}
	m.run(m.pkg("calendar", "2024.01.05"), "publish", "--no-git-checks")
	if got := e.get("/calendar/latest")["version"]; got != "2024.1.5" {
		t.Errorf("a calendar version: %v", got)
	}
	app := m.app()
	m.run(app, "add", "@acme/web")
	m.run(m.app(), "add", "calendar@2024.1.5")
	raw, err := os.ReadFile(filepath.Join(app, "pnpm-lock.yaml"))
	must(t, err)
	lock := string(raw)
	contains(t, lock, v["dist"].(map[string]any)["integrity"].(string), "leaf@1.0.0")
	lacks(t, lock, e.Addr)
	lacks(t, lock, "tarball:")
	m.forget()
	must(t, os.RemoveAll(filepath.Join(app, "node_modules")))
	m.run(app, "install", "--frozen-lockfile")
	if _, err := os.Stat(filepath.Join(app, "node_modules/.bin/web")); err != nil {
		t.Error(err)
	}
	e.MustFsck(t)
}

// TestYarn1 is acceptance 4, 16, 18, 21 and 26.
func TestYarn1(t *testing.T) {
	e, m := oneOf(t, yarn1)
	m.does("always-auth, refusals")
	for _, name := range []string{"leaf", "@acme/web"} {
		dir := m.project("package.json", `{"name":"`+name+`","version":"0.0.1","license":"MIT"}`, "index.js", "", ".npmrc", "")
		contains(t, m.run(dir, "publish", "--new-version", "1.0.0", "--no-git-tag-version", "--non-interactive"), "success Published")
	}
	dist := e.get("/@acme/web/latest")["dist"].(map[string]any)
	if !strings.HasPrefix(dist["tarball"].(string), e.URL+"/npm/main/") {
		t.Errorf("%v", dist)
	}
	m.fail(m.pkg("leaf", "1.0.0"), "previously published", "publish", "--non-interactive")

	app := m.app()
	m.run(app, "add", "@acme/web", "leaf", "--non-interactive")
	raw, err := os.ReadFile(filepath.Join(app, "yarn.lock"))
	must(t, err)
	contains(t, string(raw), dist["integrity"].(string), dist["tarball"].(string)+"#"+dist["shasum"].(string))
	m.forget()
	must(t, os.RemoveAll(filepath.Join(app, "node_modules")))
	m.run(app, "install", "--frozen-lockfile", "--non-interactive")

	m.run(app, "tag", "add", "leaf@1.0.0", "prod")
	contains(t, m.run(app, "tag", "list", "leaf"), "prod: 1.0.0")
	m.run(app, "tag", "remove", "leaf", "prod")
	lacks(t, m.run(app, "tag", "list", "leaf"), "prod")

	// Without always-auth Yarn 1 reads unscoped names without credentials: the error says so.
	rc, err := os.ReadFile(filepath.Join(m.home, ".npmrc"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(m.home, ".npmrc"), []byte(strings.Replace(string(rc), "always-auth=true\n", "", 1)), 0o600))
	m.forget()
	m.fail(m.app(), "log in", "add", "leaf", "--non-interactive")
}

// TestYarn4 is acceptance 5, 7, 16, 18, 19 and 26: it sends the tarball first and asks for full packuments.
func TestYarn4(t *testing.T) {
	e, m := oneOf(t, yarn4)
	m.does("a lockfile without host names, a tolerated republish")
	for _, name := range []string{"leaf", "@acme/web"} {
		dir := m.project("package.json", `{"name":"`+name+`","version":"1.0.0","bin":"cli.js"}`, "cli.js", "#!/usr/bin/env node\n", "README.md", "# Read me", "yarn.lock", "")
		m.run(dir, "install", "--no-immutable")
		contains(t, m.run(dir, "npm", "publish"), "Package archive published")
		contains(t, m.run(dir, "npm", "publish", "--tolerate-republish"), "already knows")
	}
	doc := e.get("/@acme/web")
	if doc["readme"] != "# Read me" {
		t.Errorf("readme: %v", doc["readme"])
	}
	app := m.project("package.json", `{"name":"app","version":"1.0.0","private":true}`, "yarn.lock", "")
	m.run(app, "add", "@acme/web", "leaf")
	raw, err := os.ReadFile(filepath.Join(app, "yarn.lock"))
	must(t, err)
	contains(t, string(raw), `"@acme/web@npm:1.0.0"`, "checksum:")
	lacks(t, string(raw), e.Addr)
	lacks(t, string(raw), "__archiveUrl")
	m.forget()
	must(t, os.RemoveAll(filepath.Join(app, "node_modules")))
	m.run(app, "install", "--immutable")
	if _, err := os.Stat(filepath.Join(app, "node_modules/.bin/web")); err != nil {
		t.Error(err)
	}
	m.run(app, "npm", "tag", "add", "@acme/web@1.0.0", "prod")
	contains(t, m.run(app, "npm", "tag", "list", "@acme/web"), "prod")
	m.run(app, "npm", "tag", "remove", "@acme/web", "prod")
	lacks(t, m.run(app, "npm", "tag", "list", "@acme/web"), "prod")
	e.MustFsck(t)
}
