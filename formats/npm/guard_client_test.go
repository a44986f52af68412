package npm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/access"
)

// guarding is what a client does in TestGuardClients: how it adds a package and publishes one, and what it prints of a name that is not there.
type guarding struct {
	client, add, absent, publish string
}

var guards = []guarding{
	{npm11, "install --no-audit", "E404", "publish"},
	{pnpm11, "add", "ERR_PNPM_FETCH_404", "publish --no-git-checks"},
	{yarn1, "add --non-interactive", "there is no npm package", "publish --new-version 9.0.0 --no-git-tag-version --non-interactive"},
	{yarn4, "add", "Package not found", "npm publish"},
	{bun, "add", "404", "publish"},
}

// TestGuardClients is upstreams.md acceptance 31, 32 and 34: of a name that is published here the clients install what is published, in
// whichever order the places are, with credentials and without; a reserved name is not there; and nothing of either is asked for elsewhere.
// What they publish under a name that came from elsewhere is refused in words that they print, until an administrator lets both be.
func TestGuardClients(t *testing.T) {
	t.Parallel()
	e, u := newMirrorOn(t, formatstest.Options{Local: true, AnonymousRead: true})
	e.Group("last", "mirror", "main")
	e.Claim("main", formatName, "@CORP/*")
	for _, name := range []string{"@corp/secret", "@corp/absent"} {
		u.NPM(name, "99.0.0", upstreamtest.NPMVersion{})
	}
	e.publish(pub{name: "@corp/secret", version: "1.0.0"})
	u.NPM("pad", "1.0.0", upstreamtest.NPMVersion{})
	publisher := e.Token("mirror", access.Read, access.Publish)
	warm := e.Do(formatstest.As(publisher), formatstest.Request{Method: "GET", Path: "/npm/mirror/pad/-/pad-1.0.0.tgz"})
	e.want(200, "", warm)
	t.Run("clients", func(t *testing.T) {
		for _, g := range guards {
			m := newMachine(t, e, g.client)
			m.does("private, reserved and cached names")
			t.Run(g.client, func(t *testing.T) {
				t.Parallel()
				m.t = t
				g.run(m, publisher)
			})
		}
	})
	u.NeverAsked(t, "/npm/@corp**")

	e.LetBoth("mirror", formatName, "pad")
	m := newMachine(t, e, npm11)
	m.useAs("mirror", publisher)
	m.run(m.pkg("pad", "9.0.0"), "publish")
	contains(t, m.run(m.home, "view", "pad", "versions", "--json"), "1.0.0", "9.0.0")
	app := m.app()
	m.run(app, "install", "--no-audit", "pad", "older@npm:pad@1.0.0")
	picks(t, app, "9.0.0")
	e.MustFsck(t)
}

func (g guarding) run(m *machine, publisher string) {
	app := func() string {
		return m.project("package.json", `{"name":"app","version":"1.0.0","private":true}`, "yarn.lock", "")
	}
	for repository, secret := range map[string]string{"all": m.env.ReadToken("all"), "last": ""} {
		m.useAs(repository, secret)
		m.forget()
		one := app()
		m.run(one, append(strings.Fields(g.add), "@corp/secret")...)
		raw, err := os.ReadFile(filepath.Join(one, "node_modules/@corp/secret/package.json"))
		must(m.t, err)
		contains(m.t, string(raw), `"version":"1.0.0"`)
	}
	m.fail(app(), g.absent, append(strings.Fields(g.add), "@corp/absent")...)
	m.useAs("mirror", publisher)
	dir := m.pkg("pad", "9.0.0")
	if m.client == yarn4 {
		must(m.t, os.WriteFile(filepath.Join(dir, "yarn.lock"), nil, 0o600))
		m.run(dir, "install", "--no-immutable")
	}
	m.fail(dir, "pad comes from an upstream of repository", strings.Fields(g.publish)...)
}
