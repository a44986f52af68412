package npm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// eachNpmOn runs a test on one server with two versions of npm, an old one and the main one: between them npm changed its commands
// and its requests.
func eachNpmOn(t *testing.T, e *env, fn func(t *testing.T, m *machine)) {
	for _, client := range []string{npm8, npm11} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, e, client)
			m.token(e.everything())
			fn(t, m)
		})
	}
}

// eachNpm is eachNpmOn with a server for each.
func eachNpm(t *testing.T, fn func(t *testing.T, e *env, m *machine)) {
	for _, client := range []string{npm8, npm11} {
		t.Run(client, func(t *testing.T) {
			e, m := oneOf(t, client)
			fn(t, e, m)
		})
	}
}

// oneNpm is the main version of npm, on a server of its own.
func oneNpm(t *testing.T) (*env, *machine) { return oneOf(t, npm11) }

// oneOf is a client on a server of its own. The test runs beside others, as it waits for its client most of the time.
func oneOf(t *testing.T, client string) (*env, *machine) {
	t.Parallel()
	e := newEnv(t, formatstest.Options{Local: true})
	m := newMachine(t, e, client)
	m.token(e.everything())
	return e, m
}

// TestNpmPublish is acceptance 1, 2 and 8.
func TestNpmPublish(t *testing.T) {
	e, m := oneNpm(t)
	dir := m.pkg("web", "1.0.0")
	m.token("")
	m.fail(dir, "ENEEDAUTH", "publish")
	m.token(e.Token("main", access.Read))
	contains(t, m.fail(dir, "E403", "publish"), `may not publish in repository "main"`)
	m.token("slp_stale")
	m.fail(dir, "E401", "publish")
	m.token(e.everything())
	contains(t, m.run(dir, "publish"), "+ web@1.0.0")
	contains(t, m.run(m.pkg("@acme/web", "1.0.0"), "publish"), "+ @acme/web@1.0.0")
	contains(t, m.run(dir, "view", "@acme/web", "versions", "--json"), "1.0.0")
	shown := m.run(dir, "view", "@acme/web")
	contains(t, shown, "by admin")
	lacks(t, shown, "undefined")

	pre := m.pkg("web", "1.1.0-rc.1")
	m.run(pre, "publish", "--tag", "next")
	must(t, os.WriteFile(filepath.Join(pre, "index.js"), []byte("changed"), 0o644))
	m.fail(pre, "You cannot publish over the previously published versions: 1.1.0-rc.1.", "publish", "--tag", "next")
	lacks(t, m.run(dir, "view", "web", "_resolved", "_from", "--json"), "/")
	e.MustFsck(t)
}

// TestNpmLooseVersion is acceptance 53 and J1: calendar versions and prereleases without a hyphen, as package.json files have them.
func TestNpmLooseVersion(t *testing.T) {
	e, m := oneNpm(t)
	m.does("loose versions")
	contains(t, m.run(m.pkg("web", "2024.01.05"), "publish"), "+ web@2024.1.5")
	contains(t, m.run(m.pkg("web", "2025.02.03beta"), "publish", "--tag", "beta"), "+ web@2025.2.3-beta")
	app := m.app()
	m.run(app, "install", "web@2024.01.05", "--no-audit")
	if got := readLock(t, app).Packages["node_modules/web"].Version; got != "2024.1.5" {
		t.Errorf("installed %q", got)
	}
	m.run(app, "dist-tag", "add", "web@2024.01.05", "prod")
	contains(t, m.run(app, "dist-tag", "ls", "web"), "prod: 2024.1.5", "beta: 2025.2.3-beta")
	e.MustFsck(t)
}

// TestNpmLegacyName is acceptance 55: an older name is published and installed, where the repository takes it.
func TestNpmLegacyName(t *testing.T) {
	e, m := oneNpm(t)
	m.does("names with capitals")
	e.Set(map[string]any{legacyNames.Name: true})
	m.run(m.pkg("JSONStream", "1.0.0"), "publish")
	m.fail(m.pkg("jsonstream", "1.0.0"), `there is a package "JSONStream" already`, "publish")
	app := m.app()
	m.run(app, "install", "JSONStream", "--no-audit")
	if got := readLock(t, app).Packages["node_modules/JSONStream"].Version; got != "1.0.0" {
		t.Errorf("installed %q", got)
	}
}

// TestNpmHostedDependency (fault J7): what npm makes of a repository's address is no difference from the tarball.
func TestNpmHostedDependency(t *testing.T) {
	_, m := oneNpm(t)
	dir := m.project("package.json", `{"name":"web","version":"1.0.0","dependencies":{"a":"https://github.com/o/a","b":"git@github.com:o/b.git",
		"c":"https://gitlab.com/o/c.git","d":"o/d#v1"},"devDependencies":{"e":"git://github.com/o/e.git#main"}}`)
	lacks(t, m.run(dir, "publish"), "differs from the published manifest")
}

// TestNpmFirstTag is acceptance 14.
func TestNpmFirstTag(t *testing.T) {
	_, m := oneNpm(t)
	dir := m.pkg("web", "1.0.0-beta.1")
	m.run(dir, "publish", "--tag", "beta")
	contains(t, m.run(dir, "dist-tag", "ls", "web"), "beta: 1.0.0-beta.1", "latest: 1.0.0-beta.1")
}

// TestNpmConfusion is acceptance 15: npm reads one package.json of a doctored tarball, an installation might take the other.
func TestNpmConfusion(t *testing.T) {
	_, m := oneNpm(t)
	dir := m.project("edited.tgz", string(tarGz(t,
		entry{path: "package/package.json", content: `{"name":"web","version":"1.0.0"}`},
		entry{path: "package/Package.json", content: `{"name":"web","version":"6.6.6"}`})))
	m.fail(dir, "beside package.json", "publish", "./edited.tgz")
	m.fail(dir, "E404", "view", "web")
}

type lockfile struct {
	Packages map[string]struct {
		Version, Resolved, Integrity string
		HasInstallScript             bool
	}
}

func readLock(t *testing.T, dir string) lockfile {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	must(t, err)
	var l lockfile
	must(t, json.Unmarshal(raw, &l))
	return l
}

// TestNpmInstall is acceptance 16, 17, 18, 20 and 24.
func TestNpmInstall(t *testing.T) {
	eachNpm(t, func(t *testing.T, e *env, m *machine) {
		m.does("conditional requests, bin, scripts")
		e.publish(pub{name: "leaf", version: "1.0.0", tarball: pack(t, `{"name":"leaf","version":"1.0.0"}`, entry{path: "package/index.js"})})
		e.publish(pub{name: "peer", version: "1.0.0"})
		tool := m.project(
			"package.json", `{"name":"@acme/tool","version":"1.0.0","bin":"cli.js","dependencies":{"leaf":"^1.0.0"},"peerDependencies":{"peer":"1"},
				"peerDependenciesMeta":{"peer":{"optional":true}},"scripts":{"postinstall":"node post.js"}}`,
			"cli.js", "#!/usr/bin/env node\nconsole.log('tool runs')\n", "post.js", "require('fs').writeFileSync('ran', 'yes')\n")
		m.run(tool, "publish")

		app := m.app()
		m.run(app, "install", "@acme/tool", "--no-audit")
		want := e.get("/@acme/tool/latest")["dist"].(map[string]any)
		got := readLock(t, app).Packages["node_modules/@acme/tool"]
		if got.Version != "1.0.0" || got.Integrity != want["integrity"] || got.Resolved != want["tarball"] || !got.HasInstallScript {
			t.Errorf("lockfile: %+v, want %v", got, want)
		}
		tree := m.run(app, "ls", "--all")
		contains(t, tree, "leaf@1.0.0")
		lacks(t, tree, "peer@1.0.0")
		for _, path := range []string{"node_modules/.bin/tool", "node_modules/leaf/index.js"} {
			if _, err := os.Stat(filepath.Join(app, path)); err != nil {
				t.Error(err)
			}
		}
		if m.client != npm11 { // npm 11 asks before it runs scripts of others
			if _, err := os.Stat(filepath.Join(app, "node_modules/@acme/tool/ran")); err != nil {
				t.Error(err)
			}
		}

		ci := func(lock string) {
			t.Helper()
			m.forget()
			must(t, os.RemoveAll(filepath.Join(app, "node_modules")))
			must(t, os.WriteFile(filepath.Join(app, "package-lock.json"), []byte(lock), 0o644))
			m.run(app, "ci") // with the audit, which is answered 404
			if _, err := os.Stat(filepath.Join(app, "node_modules/@acme/tool/cli.js")); err != nil {
				t.Error(err)
			}
		}
		lock, err := os.ReadFile(filepath.Join(app, "package-lock.json"))
		must(t, err)
		ci(string(lock))
		repeated := strings.Replace(string(lock), "/@acme/tool/-/tool-1.0.0.tgz", "/@acme/tool/-/@acme/tool-1.0.0.tgz", 1)
		if repeated == string(lock) {
			t.Fatalf("%s", lock)
		}
		ci(repeated)

		// With a warm cache the packuments are asked for again and have not changed.
		must(t, os.Remove(filepath.Join(app, "package-lock.json")))
		must(t, os.RemoveAll(filepath.Join(app, "node_modules")))
		m.run(app, "install", "--prefer-online", "--no-audit")
		must(t, os.Remove(filepath.Join(app, "package-lock.json")))
		must(t, os.RemoveAll(filepath.Join(app, "node_modules")))
		before, same := e.logged("npm.packument", "200"), e.logged("npm.packument", "304")
		m.run(app, "install", "--prefer-online", "--no-audit")
		if n := e.logged("npm.packument", "200") - before; n > 0 || e.logged("npm.packument", "304") == same {
			t.Errorf("%d whole packuments were sent again, %d were not", n, e.logged("npm.packument", "304")-same)
		}
	})
}

// TestNpmView is acceptance 22.
func TestNpmView(t *testing.T) {
	e, m := oneNpm(t)
	e.publish(pub{name: "private-pkg", version: "1.0.0"})
	dir := m.app()
	contains(t, m.run(dir, "view", "private-pkg", "version"), "1.0.0")
	contains(t, m.fail(dir, "E404", "view", "missing-pkg"), `there is no npm package`)
	m.token("")
	contains(t, m.fail(dir, "E401", "view", "private-pkg"), "npm login")
}

// TestNpmUpdate is acceptance 23: another machine's warm cache does not hide a publish.
func TestNpmUpdate(t *testing.T) {
	e, m := oneNpm(t)
	m.does("updates")
	other := newMachine(t, e, npm10)
	other.token(e.everything())
	m.run(m.pkg("web", "1.0.0"), "publish")
	app := other.app()
	other.run(app, "install", "web@latest", "--no-audit")
	m.run(m.pkg("web", "1.0.1"), "publish")
	other.run(app, "install", "web@latest", "--no-audit")
	contains(t, other.run(app, "ls"), "web@1.0.1")
}

// TestNpmTags is acceptance 26.
func TestNpmTags(t *testing.T) {
	e, m := oneNpm(t)
	m.does("dist-tags")
	dir := m.pkg("@acme/web", "1.0.0")
	m.run(dir, "publish")
	m.run(dir, "dist-tag", "add", "@acme/web@1.0.0", "prod")
	contains(t, m.run(dir, "dist-tag", "ls", "@acme/web"), "prod: 1.0.0", "latest: 1.0.0")
	m.run(dir, "dist-tag", "rm", "@acme/web", "prod")
	lacks(t, m.run(dir, "dist-tag", "ls", "@acme/web"), "prod")
	m.fail(dir, "moved but not removed", "dist-tag", "rm", "@acme/web", "latest")
	want := []string{"artifact.published 1.0.0", "tag.set 1.0.0 latest", "tag.set 1.0.0 prod", "tag.removed 1.0.0 prod"}
	if got := e.events(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// TestNpmDeprecate is acceptance 27.
func TestNpmDeprecate(t *testing.T) {
	e, m := oneNpm(t)
	m.does("deprecate")
	dir := m.app()
	e.publish(pub{name: "@acme/web", version: "1.0.0"})
	e.publish(pub{name: "@acme/web", version: "2.0.0"})
	times := e.get("/@acme/web")["time"].(map[string]any)
	m.run(dir, "deprecate", "@acme/web@<2", "use 2")
	contains(t, m.run(m.app(), "install", "@acme/web@1", "--no-audit"), "use 2")
	lacks(t, m.run(m.app(), "install", "@acme/web@2", "--no-audit"), "use 2")
	m.run(dir, "deprecate", "@acme/web@<2", "")
	lacks(t, m.run(m.app(), "install", "@acme/web@1", "--no-audit", "--prefer-online"), "use 2")
	after := e.get("/@acme/web")["time"].(map[string]any)
	delete(times, "modified")
	delete(after, "modified")
	if fmt.Sprint(times) != fmt.Sprint(after) {
		t.Errorf("time: %v, was %v", after, times)
	}
}

// TestNpmUnpublish is acceptance 28, 29 and 30.
func TestNpmUnpublish(t *testing.T) {
	e, m := oneNpm(t)
	m.does("unpublish")
	dirs := map[string]string{}
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0-rc.1"} {
		dirs[v] = m.pkg("@acme/web", v)
		args := []string{"publish"}
		if strings.Contains(v, "-") {
			args = append(args, "--tag", "next")
		}
		m.run(dirs[v], args...)
	}
	work := m.app()
	m.token(e.Token("main", access.Read, access.Publish))
	m.fail(work, "may not delete", "unpublish", "@acme/web@1.1.0")
	m.fail(work, "may not delete", "unpublish", "@acme/web", "--force")
	m.token(e.everything())
	m.run(work, "unpublish", "@acme/web@1.1.0")
	m.fail(work, "ETARGET", "install", "@acme/web@1.1.0")
	contains(t, m.run(work, "dist-tag", "ls", "@acme/web"), "latest: 1.0.0", "next: 1.2.0-rc.1")
	m.run(work, "unpublish", "@acme/web", "--force")
	m.fail(work, "E404", "view", "@acme/web")
	must(t, os.WriteFile(filepath.Join(dirs["1.0.0"], "index.js"), []byte("other"), 0o644))
	m.fail(dirs["1.0.0"], "You cannot publish over the previously published versions: 1.0.0.", "publish")
	e.MustFsck(t)
}

// TestNpmOwner is acceptance 31, and the star.
func TestNpmOwner(t *testing.T) {
	e, m := oneNpm(t)
	m.does("owner, star")
	dir := m.pkg("@acme/web", "1.0.0")
	m.run(dir, "publish")
	m.run(dir, "owner", "add", "bob", "@acme/web")
	contains(t, m.run(dir, "owner", "ls", "@acme/web"), "admin", "bob")
	m.run(dir, "owner", "rm", "bob", "@acme/web")
	lacks(t, m.run(dir, "owner", "ls", "@acme/web"), "bob")
	m.run(dir, "star", "@acme/web")
	if users := e.get("/@acme/web")["users"]; fmt.Sprint(users) != "map[admin:true]" {
		t.Errorf("users: %v", users)
	}
	m.run(dir, "unstar", "@acme/web")
	if got := e.versions("@acme/web"); len(got) != 1 {
		t.Errorf("versions: %v", got)
	}
}

// TestNpmLogin is acceptance 32 to 34, by npm's legacy login.
func TestNpmLogin(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	password, _ := e.user("alice", access.Read, access.Publish)
	eachNpmOn(t, e, func(t *testing.T, m *machine) {
		m.does("login, logout")
		work := m.app()
		answers := []string{"Username:", "alice", "Password:", password, "Email:", "alice@example.com"}
		command := "login"
		if m.client == npm8 {
			command = "adduser"
		}
		for _, stale := range []string{"", "slp_stale"} {
			m.token(stale)
			out, err := m.dialogue(work, answers, command, "--auth-type=legacy")
			if err != nil {
				t.Fatalf("login with %q configured: %v\n%s", stale, err, out)
			}
			contains(t, m.run(work, "whoami"), "alice")
		}
		m.run(m.pkg(m.client, "1.0.0"), "publish")
		rc, err := os.ReadFile(filepath.Join(m.home, ".npmrc"))
		must(t, err)
		m.run(work, "logout")
		must(t, os.WriteFile(filepath.Join(m.home, ".npmrc"), rc, 0o600))
		m.fail(work, "E401", "whoami")

		m.token("")
		out, err := m.dialogue(work, []string{"Username:", "alice", "Password:", "wrong password", "Email:", "alice@example.com"}, command, "--auth-type=legacy")
		if err == nil || !strings.Contains(out, "Incorrect or missing password") {
			t.Errorf("wrong password: %v\n%s", err, out)
		}
	})
}

// TestNpmTokens is acceptance 34.
func TestNpmTokens(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	password, token := e.user("alice", access.Read, access.Publish)
	eachNpmOn(t, e, func(t *testing.T, m *machine) {
		m.does("tokens")
		work := m.app()
		m.token(string(token))
		args := []string{"token", "create", "--json"}
		if m.client == npm11 {
			args = append(args, "--name", "ci")
		}
		out, err := m.dialogue(work, []string{"password:", password}, args...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var made struct{ Token string }
		must(t, json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &made))
		var list struct{ Objects []tokenEntry }
		must(t, json.Unmarshal(e.do(token, http.MethodGet, "/-/npm/v1/tokens", nil).Body, &list))
		i := slices.IndexFunc(list.Objects, func(o tokenEntry) bool { return strings.HasPrefix(made.Token, o.Token) })
		if i < 0 {
			t.Fatalf("%+v", list)
		}
		key := list.Objects[i].Key
		contains(t, m.run(work, "token", "list"), key[:6])
		m.token(made.Token)
		contains(t, m.run(work, "whoami"), "alice")
		m.token(string(token))
		m.run(work, "token", "revoke", key[:8])
		m.token(made.Token)
		m.fail(work, "E401", "whoami")
		if m.client != npm11 {
			return
		}
		m.token(string(token))
		for flag, words := range map[string]string{
			"--packages-and-scopes-permission=no-access": "can be", "--orgs-permission=no-access": "can be", "--packages=web": "repositories", "--cidr=10.0.0.0/8": "addresses",
		} {
			out, err := m.dialogue(work, []string{"password:", password}, "token", "create", "--name", "ci", flag)
			if err == nil || !strings.Contains(out, words) {
				t.Errorf("%s: %v\n%s", flag, err, out)
			}
		}
	})
}

// TestNpmProfile is acceptance 35.
func TestNpmProfile(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.publish(pub{name: "@acme/web", version: "1.0.0"})
	eachNpmOn(t, e, func(t *testing.T, m *machine) {
		m.does("profile, access")
		dir := m.app()
		contains(t, m.run(dir, "ping"), "PONG")
		contains(t, m.run(dir, "profile", "get"), "admin")
		if m.client == npm8 {
			contains(t, m.run(dir, "access", "ls-collaborators", "@acme/web"), "admin")
			return
		}
		contains(t, m.run(dir, "access", "get", "status", "@acme/web"), "private")
		contains(t, m.run(dir, "access", "list", "collaborators", "@acme/web"), "admin")
	})
}

// TestNpmLostAnswer is acceptance 12: the answer to a publish does not arrive, npm sends it again.
func TestNpmLostAnswer(t *testing.T) {
	e, m := oneNpm(t)
	m.does("a lost answer")
	target, err := url.Parse(e.URL)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	var lost atomic.Bool
	proxy.ModifyResponse = func(res *http.Response) error {
		if res.Request.Method == http.MethodPut && lost.CompareAndSwap(false, true) {
			return fmt.Errorf("lost on purpose")
		}
		return nil
	}
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	front := newFront(t, proxy)
	token := e.everything()
	must(t, os.WriteFile(filepath.Join(m.home, ".npmrc"), []byte("registry="+front+"/npm/main/\nfetch-retry-mintimeout=100\n"+
		strings.TrimPrefix(front, "http:")+"/npm/main/:_authToken="+token+"\n"), 0o600))
	contains(t, m.run(m.pkg("web", "1.0.0"), "publish"), "+ web@1.0.0")
	if !lost.Load() {
		t.Fatal("no answer was lost")
	}
	if got, want := e.events(), []string{"artifact.published 1.0.0", "tag.set 1.0.0 latest"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if n := e.logged("npm.publish", "201"); n != 2 {
		t.Errorf("%d publishes were answered, want 2", n)
	}
}

// TestNpmParallel is acceptance 13: 50 versions of one package at once, eight of them by npm itself.
func TestNpmParallel(t *testing.T) {
	const all, byNpm = 50, 8
	e, m := oneNpm(t)
	m.does("50 publishes at once")
	dirs := make([]string, byNpm)
	for i := range dirs {
		dirs[i] = m.pkg("web", fmt.Sprintf("1.0.%d", i))
	}
	bodies := make([][]byte, all)
	for i := byNpm; i < all; i++ {
		bodies[i] = pub{name: "web", version: fmt.Sprintf("1.0.%d", i)}.body(t)
	}
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			if i < byNpm {
				if out, err := m.try(dirs[i], "publish", "--tag", fmt.Sprintf("tag-%d", i)); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				return
			}
			q := formatstest.Request{Method: http.MethodPut, Path: "/npm/main/web", Body: bodies[i]}
			if res, err := e.Try(formatstest.Admin, q); err != nil || res.Status != http.StatusCreated {
				t.Errorf("%d: %v %v", i, res, err)
			}
		})
	}
	wg.Wait()
	if got := e.versions("web"); len(got) != all {
		t.Errorf("%d versions: %v", len(got), got)
	}
	list, err := e.Catalog.Versions(e.Admin, e.name("web"), catalog.VersionQuery{})
	if err != nil || len(list) != all {
		t.Errorf("%d versions, %v", len(list), err)
	}
	e.MustFsck(t)
}
