package pypi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry/policy"
)

const day = 24 * time.Hour

// aged publishes pad elsewhere: 1.0 and 1.1 are old, 2.0 is an hour old. gone has an old version only. The file of 2.0 is returned.
func aged(u *upstreamtest.Server) (young *upstreamtest.File) {
	u.PyPI("pad", "1.0", upstreamtest.PyPIFile{Uploaded: time.Now().Add(-60 * day)})
	u.PyPI("pad", "1.1", upstreamtest.PyPIFile{Uploaded: time.Now().Add(-30 * day)})
	young = u.PyPI("pad", "2.0", upstreamtest.PyPIFile{Uploaded: time.Now().Add(-time.Hour)})[0]
	u.PyPI("gone", "1.0", upstreamtest.PyPIFile{Uploaded: time.Now().Add(-60 * day)})
	return young
}

// TestRulesClients is upstreams.md acceptance 41 and 47: under a minimum age the clients install the newest version that is old enough, by a
// file's address the young one is refused with the reason, and of a project of which a rule denies every version they see that it has none.
func TestRulesClients(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	young := aged(u)
	e.SetRemote("mirror", `{"cooldown":"168h"}`)
	e.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:pypi/gone", Reason: "it steals keys"})
	m := newMachine(t, e, pipNewest, uvClient, poetry)
	for _, c := range []string{pipNewest, uvClient} {
		m.does(c, "a version that is too young, its file, a denied name")
	}
	m.does(poetry, "a version that is too young")
	index := strings.Replace(m.index(e.ReadToken("mirror")), "/main/", "/mirror/", 1)
	file := strings.TrimSuffix(index, "simple/") + "files/" + young.SHA256() + "/" + filepath.Base(young.Path)
	pip, uv := m.venv(), m.venv()
	installPip := func(what string) []string { return m.pip(pipNewest, pip, "install", "-i", index, what) }
	installUV := func(what string) []string {
		return m.uv("pip", "install", "--python", uv, "--default-index", index, what)
	}

	m.run(m.home, installPip("pad")...)
	m.run(m.home, installUV("pad")...)
	for _, venv := range []string{pip, uv} {
		if got := m.installed(venv, "pad"); got != "1.1" {
			t.Errorf("installed %s", got)
		}
	}
	m.fail(m.home, "(from versions: 1.0, 1.1)", installPip("pad==2.0")...)
	m.fail(m.home, "there is no version of pad==2.0", installUV("pad==2.0")...)
	m.fail(m.home, "403 Client Error: held until ", installPip("pad @ "+file)...)
	m.fail(m.home, "held until ", installUV("pad @ "+file)...)
	m.fail(m.home, "from versions: none", installPip("gone")...)
	m.fail(m.home, "there are no versions of gone", installUV("gone")...)

	app := m.poetryProject(index, "pad")
	m.run(app, m.module(poetry, "poetry", "lock")...)
	lock, err := os.ReadFile(filepath.Join(app, "poetry.lock"))
	must(t, err)
	contains(t, string(lock), "name = \"pad\"\nversion = \"1.1\"")
}

// TestClientGates is upstreams.md acceptance 43: by the clients' own bounds of time they pick through a mirror what they pick from the index itself.
func TestClientGates(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	aged(u)
	m := newMachine(t, e, pipNewest, uvClient)
	bound := time.Now().Add(-7 * day).UTC().Format(time.RFC3339)
	m.does(pipNewest, "--uploaded-prior-to, through a mirror")
	m.does(uvClient, "--exclude-newer, through a mirror")
	index := strings.Replace(m.index(e.ReadToken("mirror")), "/main/", "/mirror/", 1)
	pip, uv := m.venv(), m.venv()
	m.run(m.home, m.pip(pipNewest, pip, "install", "-i", index, "--uploaded-prior-to", bound, "pad")...)
	m.run(m.home, m.uv("pip", "install", "--python", uv, "--default-index", index, "--exclude-newer", bound, "pad")...)
	for _, venv := range []string{pip, uv} {
		if got := m.installed(venv, "pad"); got != "1.1" {
			t.Errorf("installed %s", got)
		}
	}
}

// poetryProject is a project of Poetry that needs a project of an index.
func (m *machine) poetryProject(index, name string) string {
	m.t.Helper()
	return filepath.Dir(m.write(m.t.TempDir(), "pyproject.toml", []byte("[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\""+name+"\"]\n"+
		"[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = \"mirror\"\nurl = \""+index+"\"\npriority = \"primary\"\n")))
}
