package npm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// TestNpmGroup: npm installs from a repository that answers from two others, which it may not read by themselves, and installs again by
// the lockfile; what is published to one of them is there at once.
func TestNpmGroup(t *testing.T) {
	e, m := oneNpm(t)
	m.does("install through a repository that answers from others")
	m.run(m.pkg("left", "1.0.0"), "publish")
	use := func(repository, secret string) {
		rc := filepath.Join(m.home, ".npmrc")
		m.token(secret)
		raw, err := os.ReadFile(rc)
		must(t, err)
		must(t, os.WriteFile(rc, []byte(strings.ReplaceAll(string(raw), "/npm/main/", "/npm/"+repository+"/")), 0o600))
		m.forget()
	}
	use("other", e.Token("other", access.Admin))
	m.run(m.pkg("@acme/right", "2.0.0"), "publish")
	var list []upstreams.NewUpstream
	for _, name := range []string{"main", "other"} {
		list = append(list, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: name, Settings: upstreams.Settings{Through: true}})
	}
	_, err := e.Core.CreateRepository(e.Admin, "all", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, list)})
	must(t, err)

	use("all", e.ReadToken("all"))
	app := m.app()
	m.run(app, "install", "left", "@acme/right")
	m.forget()
	m.run(app, "ci")
	for _, name := range []string{"left", "@acme/right"} {
		if _, err := os.Stat(filepath.Join(app, "node_modules", name, "index.js")); err != nil {
			t.Error(err)
		}
	}
	use("other", e.Token("other", access.Admin))
	m.run(m.pkg("left", "1.1.0"), "publish")
	use("all", e.ReadToken("all"))
	contains(t, m.run(app, "view", "left", "versions", "--json"), "1.0.0", "1.1.0")
	m.run(app, "install", "left@1.1.0")
	e.MustFsck(t)
}
