package pypi

import (
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// TestPyPIGroup: pip and uv install through a repository that answers from another one, which they may not read by itself.
func TestPyPIGroup(t *testing.T) {
	m := newMachine(t, newEnv(t, formatstest.Options{Local: true}), pipNewest, uvClient)
	m.does(pipNewest, "install through a repository that answers from others")
	e := m.env
	e.wheel(dist{name: "My.Pkg", version: "1.0", header: []string{"Requires-Dist: dep-one>=1"}})
	e.wheel(dist{name: "dep-one", version: "2.0"})
	_, err := e.Core.CreateRepository(e.Admin, "all", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, []upstreams.NewUpstream{
		{Type: metadata.UpstreamRepository, Repository: "other"},
		{Type: metadata.UpstreamRepository, Repository: "main", Settings: upstreams.Settings{Through: true}}})})
	if err != nil {
		t.Fatal(err)
	}
	index := strings.Replace(m.index(e.ReadToken("all")), "/pypi/main/", "/pypi/all/", 1)
	for _, install := range []func(venv string) []string{
		func(venv string) []string { return m.pip(pipNewest, venv, "install", "-i", index, "my-pkg") },
		func(venv string) []string {
			return m.uv("pip", "install", "--python", venv, "--default-index", index, "my-pkg")
		},
	} {
		venv := m.venv()
		m.run(m.home, install(venv)...)
		if got := m.installed(venv, "my_pkg") + " " + m.installed(venv, "dep_one"); got != "1.0 2.0" {
			t.Errorf("installed %q", got)
		}
	}
	e.MustFsck(t)
}
