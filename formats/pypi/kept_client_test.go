package pypi

import (
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// TestKeptClients is upstreams.md 5.7: uv asks for a project that comes from elsewhere alone once while its page is taken to be right, and again
// with --refresh; pip asks each time. Of a project that is published here both get each change at once.
func TestKeptClients(t *testing.T) {
	t.Parallel()
	var asked formatstest.Asked
	e, u := newMirrorOn(t, formatstest.Options{Local: true, AnonymousRead: true, Wrap: asked.Wrap})
	m := newMachine(t, e, pipNewest, uvClient)
	m.does(pipNewest, "documents that it keeps")
	m.does(uvClient, "documents that it keeps")
	e.SetRemote("mirror", `{"anonymous_fetch":true}`)
	u.PyPI("pad", "1.0")
	e.wheel(dist{name: "own", version: "1.0"})
	index := e.URL + "/pypi/all/simple/"
	uv := func(want int, pad, own string, flags ...string) {
		t.Helper()
		venv := m.venv()
		m.run(m.home, append(m.uv("pip", "install", "--python", venv, "--default-index", index, "pad", "own"), flags...)...)
		if n := asked.Take("/pypi/all/simple/pad/"); n != want {
			t.Errorf("asked %d times, want %d", n, want)
		}
		if asked.Take("/pypi/all/simple/own/") == 0 {
			t.Error("what is published here was not asked for")
		}
		for name, want := range map[string]string{"pad": pad, "own": own} {
			if got := m.installed(venv, name); got != want {
				t.Errorf("%s %s, want %s", name, got, want)
			}
		}
	}
	uv(1, "1.0", "1.0")
	u.PyPI("pad", "1.1")
	e.wheel(dist{name: "own", version: "2.0"})
	_, err := e.Upstreams.Refresh(e.Admin, registry.Name{Repository: "mirror"})
	registrytest.Must(t, err)
	uv(0, "1.0", "2.0")
	uv(1, "1.1", "2.0", "--refresh")
	for range 2 {
		venv := m.venv()
		m.run(m.home, m.pip(pipNewest, venv, "install", "-i", index, "pad")...)
		if asked.Take("/pypi/all/simple/pad/") == 0 || m.installed(venv, "pad") != "1.1" {
			t.Error("pip has an old page")
		}
	}
}
