package npm

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// newMirror is a server with a repository "mirror" that answers from a registry elsewhere, and "all", which answers from "main" and
// from that one. No answer may name the registry's address.
func newMirror(t *testing.T) (*env, *upstreamtest.Server) {
	t.Helper()
	return newMirrorOn(t, formatstest.Options{Local: true})
}

// newMirrorOn is newMirror with options of its server.
func newMirrorOn(t *testing.T, o formatstest.Options) (*env, *upstreamtest.Server) {
	t.Helper()
	u := upstreamtest.New(t, upstreamtest.Options{})
	leaks := formatstest.NoLeaks(t, u.Origin.Addr, u.CDN.Addr)
	if wrap := o.Wrap; wrap != nil {
		o.Wrap = func(next http.Handler) http.Handler { return leaks.Wrap(wrap(next)) }
	} else {
		o.Wrap = leaks.Wrap
	}
	e := newEnv(t, o)
	_, err := e.Core.CreateRepository(e.Admin, "mirror", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, []upstreams.NewUpstream{
		{Name: "up", Type: metadata.UpstreamRemote, Format: formatName, URL: u.NPMURL(), Settings: upstreams.Settings{Redirects: []string{"127.0.0.1"}}}})})
	must(t, err)
	var members []upstreams.NewUpstream
	for _, name := range []string{"main", "mirror"} {
		members = append(members, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: name, Settings: upstreams.Settings{Through: true, Writes: name == "main"}})
	}
	_, err = e.Core.CreateRepository(e.Admin, "all", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, members)})
	must(t, err)
	return e, u
}

// use has the client install from another repository than main, with nothing but the right to read it.
func (m *machine) use(repository string) {
	m.t.Helper()
	m.useAs(repository, m.env.ReadToken(repository))
}

// useAs has the client use another repository than main, with a token.
func (m *machine) useAs(repository, secret string) {
	m.t.Helper()
	m.token(secret)
	for _, name := range []string{".npmrc", ".yarnrc.yml"} {
		rc := filepath.Join(m.home, name)
		if raw, err := os.ReadFile(rc); err == nil {
			must(m.t, os.WriteFile(rc, []byte(strings.ReplaceAll(string(raw), "/npm/main/", "/npm/"+repository+"/")), 0o600))
		}
	}
}

// application publishes six packages elsewhere and returns the application that needs them.
func application(u *upstreamtest.Server) (manifest string, modules []string) {
	needs := func(names ...string) upstreamtest.NPMVersion {
		d := map[string]string{}
		for _, n := range names {
			d[n] = "^1.0.0"
		}
		return upstreamtest.NPMVersion{Manifest: map[string]any{"dependencies": d}}
	}
	u.NPM("pad", "1.0.0", needs("@acme/dep", "leaf"))
	u.NPM("@acme/dep", "1.2.0", upstreamtest.NPMVersion{Size: 300_000, OnCDN: true})
	u.NPM("@acme/dep", "2.0.0", upstreamtest.NPMVersion{})
	u.NPM("leaf", "1.0.3", upstreamtest.NPMVersion{NoIntegrity: true})
	u.NPM("@acme/tool", "1.0.0", needs("@other/deep", "leaf"))
	u.NPM("@other/deep", "1.1.0", needs("large"))
	u.NPM("large", "1.0.0", upstreamtest.NPMVersion{Size: 2 << 20})
	u.On(upstreamtest.NPMPath("pad"), upstreamtest.ReplaceText(`"dist":{`,
		`"dist":{"attestations":{"url":"`+u.NPMURL()+`-/npm/v1/attestations/pad@1.0.0","provenance":{"predicateType":"https://slsa.dev/provenance/v1"}},`))
	return `{"name":"app","version":"1.0.0","private":true,"dependencies":{"pad":"^1.0.0","@acme/tool":"1"}}`, []string{"pad", "@acme/tool"}
}

// TestMirror: clients install through a repository that answers from a registry elsewhere, and again by the lockfile from empty caches,
// also while that registry is down. It is asked for each tarball once.
func TestMirror(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	manifest, modules := application(u)
	type client struct {
		*machine
		app    string
		frozen []string
	}
	clients := []*client{{newMachine(t, e, npm12), "", []string{"ci"}}, {newMachine(t, e, pnpm12), "", []string{"install", "--frozen-lockfile"}},
		{newMachine(t, e, yarn1), "", []string{"install", "--frozen-lockfile", "--non-interactive"}}}
	installed := func(t *testing.T, c *client) {
		t.Helper()
		for _, name := range modules {
			if _, err := os.Stat(filepath.Join(c.app, "node_modules", name, "index.js")); err != nil {
				t.Error(err)
			}
		}
		c.forget()
		must(t, os.RemoveAll(filepath.Join(c.app, "node_modules")))
	}
	for _, c := range clients {
		c.use("mirror")
		c.does("install through a mirror, by the lockfile, and while the registry behind it is down")
		c.app = c.project("package.json", manifest)
	}
	t.Run("up", func(t *testing.T) {
		for _, c := range clients {
			t.Run(c.client, func(t *testing.T) {
				t.Parallel()
				c.run(c.app, "install")
				installed(t, c)
				c.run(c.app, c.frozen...)
				installed(t, c)
			})
		}
	})
	for _, f := range u.Matching("GET", "**.tgz") {
		u.AskedOnce(t, "GET", f.Path)
	}
	for name, p := range readLock(t, clients[0].app).Packages {
		if name != "" && (!strings.HasPrefix(p.Resolved, e.URL+"/npm/mirror/") || p.Integrity == "") {
			t.Errorf("package-lock.json: %s: %+v", name, p)
		}
	}
	for i, lock := range map[int]string{1: "pnpm-lock.yaml", 2: "yarn.lock"} {
		raw, err := os.ReadFile(filepath.Join(clients[i].app, lock))
		must(t, err)
		lacks(t, string(raw), u.Origin.Addr)
		lacks(t, string(raw), u.CDN.Addr)
	}
	u.Origin.Down()
	u.CDN.Down()
	for _, c := range clients {
		t.Run("down/"+c.client, func(t *testing.T) {
			c.run(c.app, c.frozen...)
			installed(t, c)
		})
	}
	// What is not cached fails with the reason.
	c := clients[0]
	c.fail(c.app, "not cached here, and upstream up can't be asked now", "install", "late", "--fetch-retries=0")
	e.MustFsck(t)
}

// TestMirrorGroup: what is published or reserved here comes from here alone, whatever the registry elsewhere has of that name, which
// is not even asked; all else comes from there.
func TestMirrorGroup(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	manifest, modules := application(u)
	m := newMachine(t, e, npm12)
	m.does("install private and public packages together")
	_, err := e.Upstreams.AddClaim(e.Admin, upstreams.Claim{Repository: "main", Claim: metadata.Claim{Format: formatName, Pattern: "@corp/*"}})
	must(t, err)
	for _, name := range []string{"own", "@corp/own", "@corp/absent"} {
		u.NPM(name, "99.0.0", upstreamtest.NPMVersion{})
	}
	m.token(e.everything())
	for _, name := range []string{"own", "@corp/own"} {
		m.run(m.pkg(name, "1.0.0"), "publish")
	}
	m.use("all")
	contains(t, m.run(m.home, "view", "pad", "dist.attestations.url"), e.URL+"/npm/all/-/npm/v1/attestations/pad@1.0.0")
	app := m.project("package.json", strings.Replace(manifest, `"pad"`, `"own":"*","@corp/own":"*","pad"`, 1))
	m.run(app, "install")
	m.forget()
	m.run(app, "ci")
	lock := readLock(t, app).Packages
	for _, name := range append(modules, "own", "@corp/own", "large") {
		p := lock["node_modules/"+name]
		if !strings.HasPrefix(p.Resolved, e.URL+"/npm/all/") || strings.HasSuffix(name, "own") && p.Version != "1.0.0" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for _, absent := range []string{"@corp/absent", "own@99.0.0", "@corp/own@99"} {
		m.fail(m.app(), "npm error code E", "install", absent)
	}
	u.NeverAsked(t, "/npm/own**")
	u.NeverAsked(t, "/npm/@corp**")
	u.NeverAsked(t, "**own-**")
	e.MustFsck(t)
}
