package npm

import (
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// TestKeptClients is upstreams.md 5.7: npm asks for a package that comes from elsewhere alone once while its document is taken to be right, and
// again when its user wants that; of a package that is published here it gets each change at once.
func TestKeptClients(t *testing.T) {
	t.Parallel()
	var asked formatstest.Asked
	e, u := newMirrorOn(t, formatstest.Options{Local: true, Wrap: asked.Wrap})
	u.NPM("pad", "1.0.0", upstreamtest.NPMVersion{})
	e.publish(pub{name: "own", version: "1.0.0"})
	m := newMachine(t, e, npm11)
	m.does("documents that it keeps")
	m.use("all")
	install := func(want int, version string, flags ...string) {
		t.Helper()
		app := m.app()
		m.run(app, append([]string{"install", "--no-audit", "pad", "own"}, flags...)...)
		if n := asked.Take("/npm/all/pad"); n != want {
			t.Errorf("asked %d times, want %d", n, want)
		}
		if asked.Take("/npm/all/own") == 0 {
			t.Error("what is published here was not asked for")
		}
		picks(t, app, version)
	}
	install(1, "1.0.0")
	u.NPM("pad", "1.1.0", upstreamtest.NPMVersion{})
	e.publish(pub{name: "own", version: "2.0.0"})
	_, err := e.Upstreams.Refresh(e.Admin, registry.Name{Repository: "mirror"})
	registrytest.Must(t, err)
	install(0, "1.0.0")
	install(1, "1.1.0", "--prefer-online")
}
