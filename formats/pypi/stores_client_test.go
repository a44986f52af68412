package pypi

import (
	"testing"

	"slipway/formats/formatstest"
)

// TestClientStores uploads with twine and uv, installs elsewhere with both pips and uv, and refuses a changed upload, over
// every kind of store.
func TestClientStores(t *testing.T) {
	oldest := oldestPip(t)
	formatstest.Downloads(t, func(t *testing.T, o formatstest.Options) {
		e := newEnv(t, o)
		m := newMachine(t, e, twineNew, uvClient, pipNewest, oldest)
		first := dist{name: "my-pkg", version: "1.0", header: []string{"Requires-Dist: uv-dep"}}
		dir := m.dists(first)
		m.write(dir, first.sdistName(), first.sdist(t))
		m.run(dir, m.twine(twineNew, e.publisher(), files(t, dir)...)...)
		dep := m.dists(dist{name: "uv-dep", version: "1.0"})
		m.run(dep, append(m.uv("publish", "--publish-url", e.URL+"/pypi/main/", "--username", "__token__", "--password", e.publisher()), files(t, dep)...)...)
		changed := files(t, m.dists(dist{name: "my-pkg", version: "1.0", seed: []byte("changed")}))[0]
		m.fail(dir, "File already exists: my_pkg-1.0-py3-none-any.whl", m.twine(twineNew, e.publisher(), "--verbose", changed)...)

		index := m.index(e.reader())
		for _, install := range []func(m *machine, venv string) []string{
			func(m *machine, venv string) []string {
				return m.pip(pipNewest, venv, "install", "-i", index, "my-pkg")
			},
			func(m *machine, venv string) []string { return m.pip(oldest, venv, "install", "-i", index, "my-pkg") },
			func(m *machine, venv string) []string {
				return m.uv("pip", "install", "--python", venv, "--index-url", index, "my-pkg")
			},
		} {
			elsewhere := newMachine(t, e)
			venv := elsewhere.venv()
			elsewhere.run(elsewhere.home, install(elsewhere, venv)...)
			if got := elsewhere.installed(venv, "my_pkg") + " " + elsewhere.installed(venv, "uv_dep"); got != "1.0 1.0" {
				t.Errorf("installed %q", got)
			}
		}
		status := "200"
		if o.Site.RedirectBytes > 0 {
			status = "307"
		}
		if e.logged("pypi.file", status) == 0 {
			t.Errorf("no file was answered with %s", status)
		}
		e.MustFsck(t)
	})
}
