package npm

import (
	"os"
	"path/filepath"
	"testing"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
)

// TestGroupWrites: npm and pnpm publish, deprecate, tag and unpublish through a repository whose upstream takes writes, and install
// private and public packages together from it.
func TestGroupWrites(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	u.NPM("public", "1.0.0", upstreamtest.NPMVersion{})
	secret := e.Writer()
	m := newMachine(t, e, npm11)
	m.does("publish, deprecate, tag and unpublish through a repository that hands writes on")
	p := newMachine(t, e, pnpm10)
	p.withNpm(npm10)
	for _, c := range []*machine{m, p} {
		c.useAs("all", secret)
	}
	m.run(m.pkg("@acme/web", "1.0.0"), "publish")
	m.run(m.pkg("@acme/web", "1.1.0-beta.1"), "publish", "--tag", "beta")
	p.run(p.pkg("tool", "1.0.0"), "publish", "--no-git-checks")
	m.run(m.home, "deprecate", "tool@1.0.0", "use another")
	contains(t, m.run(m.home, "view", "tool", "deprecated"), "use another")
	m.run(m.home, "dist-tag", "add", "@acme/web@1.0.0", "stable")
	m.run(m.home, "unpublish", "@acme/web@1.1.0-beta.1")
	contains(t, m.run(m.home, "view", "@acme/web", "dist-tags", "--json"), "stable")
	lacks(t, m.run(m.home, "view", "@acme/web", "versions", "--json"), "beta")
	for _, c := range []struct {
		*machine
		add string
	}{{m, "install"}, {p, "add"}} {
		app := c.app()
		c.run(app, c.add, "@acme/web", "tool", "public")
		for _, name := range []string{"@acme/web", "tool", "public"} {
			if _, err := os.Stat(filepath.Join(app, "node_modules", name, "index.js")); err != nil {
				t.Error(err)
			}
		}
	}
	for _, name := range []string{"tool", "@acme/web"} {
		if _, err := e.Catalog.Package(e.Admin, registry.Name{Repository: "main", Format: formatName, Package: name}); err != nil {
			t.Error(err)
		}
	}
	e.MustFsck(t)
}
