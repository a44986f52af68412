package pypi

import (
	"strings"
	"testing"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
)

// TestGroupWrites: twine and uv publish through a repository whose upstream takes writes, and pip and uv install private and public
// projects together from it.
func TestGroupWrites(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	m := newMachine(t, e, pipNewest, uvClient, twineNew)
	m.does(twineNew, "upload through a repository that hands writes on")
	m.does(uvClient, "publish through a repository that hands writes on")
	u.PyPI("public-one", "1.0", upstreamtest.PyPIFile{})
	secret := e.Writer()
	dir := m.dists(dist{name: "by-twine", version: "1.0", header: []string{"Requires-Dist: by-uv", "Requires-Dist: public-one"}})
	m.run(dir, m.module(twineNew, "twine", "upload", "--non-interactive", "--repository-url", e.URL+"/pypi/all/", "-u", "any", "-p", secret, files(t, dir)[0])...)
	dir = m.dists(dist{name: "by-uv", version: "2.0"})
	m.run(dir, m.uv("publish", "--publish-url", e.URL+"/pypi/all/", "--username", "__token__", "--password", secret, files(t, dir)[0])...)
	index := strings.Replace(m.index(secret), "/pypi/main/", "/pypi/all/", 1)
	for _, install := range []func(venv string) []string{
		func(venv string) []string { return m.pip(pipNewest, venv, "install", "-i", index, "by-twine") },
		func(venv string) []string {
			return m.uv("pip", "install", "--python", venv, "--default-index", index, "by-twine")
		},
	} {
		venv := m.venv()
		m.run(m.home, install(venv)...)
		if got := m.installed(venv, "by_twine") + " " + m.installed(venv, "by_uv") + " " + m.installed(venv, "public_one"); got != "1.0 2.0 1.0" {
			t.Errorf("installed %q", got)
		}
	}
	if _, err := e.Catalog.Package(e.Admin, registry.Name{Repository: "main", Format: formatName, Package: "by-uv"}); err != nil {
		t.Error(err)
	}
	e.MustFsck(t)
}
