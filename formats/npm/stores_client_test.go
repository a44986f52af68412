package npm

import (
	"os"
	"path/filepath"
	"testing"

	"slipway/formats/formatstest"
)

// TestNpmStores publishes, installs elsewhere and refuses a changed republish over every kind of store.
func TestNpmStores(t *testing.T) {
	formatstest.Downloads(t, func(t *testing.T, o formatstest.Options) {
		e := newEnv(t, o)
		m := newMachine(t, e, npm11)
		m.token(e.everything())
		dir := m.pkg("@acme/web", "1.0.0")
		contains(t, m.run(dir, "publish"), "+ @acme/web@1.0.0")
		must(t, os.WriteFile(filepath.Join(dir, "index.js"), []byte("changed"), 0o644))
		m.fail(dir, "You cannot publish over the previously published versions: 1.0.0.", "publish")

		elsewhere := newMachine(t, e, npm11)
		elsewhere.token(e.ReadToken("main"))
		app := elsewhere.app()
		elsewhere.run(app, "install", "@acme/web", "--no-audit")
		if got, err := os.ReadFile(filepath.Join(app, "node_modules/@acme/web/index.js")); err != nil || string(got) != "module.exports = '@acme/web 1.0.0'\n" {
			t.Errorf("installed %q, %v", got, err)
		}
		status := "200"
		if o.Site.RedirectBytes > 0 {
			status = "307"
		}
		if e.logged("npm.tarball", status) == 0 {
			t.Errorf("no tarball was answered with %s", status)
		}
		e.MustFsck(t)
	})
}
