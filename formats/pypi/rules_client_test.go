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
	u.Origin.Down()
	u.CDN.Down()
	m.fail(m.home, "503 "+away, installUV("later")...)
}

// away is what is said while the registry elsewhere is.
const away = "not cached here, and upstream up can't be asked now"

// TestRefusalsShown is upstreams.md 4.8 for the clients that take seconds for each run: what they print of a version that no page lists, of a
// file, of a project of which a rule denies every version, and of one that is not here while the registry elsewhere is away.
// docs/protocols/pypi.md has it as a table.
func TestRefusalsShown(t *testing.T) {
	t.Parallel()
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		t.Skip("its clients take a minute; make test LONG=1")
	}
	e, u := newMirror(t)
	young := aged(u)
	e.SetRemote("mirror", `{"cooldown":"168h"}`)
	e.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:pypi/gone", Reason: "it steals keys"})
	old := oldestPip(t)
	m := newMachine(t, e, pipNewest, old, poetry, pdm)
	index := strings.Replace(m.index(e.ReadToken("mirror")), "/main/", "/mirror/", 1)
	file := "pad @ " + strings.TrimSuffix(index, "simple/") + "files/" + young.SHA256() + "/" + filepath.Base(young.Path)
	venv := m.activate()
	pip := func(version string) func(what string) []string {
		return func(what string) []string {
			return m.pip(version, venv, "install", "--no-cache-dir", "--trusted-host", "127.0.0.1", "-i", index, what)
		}
	}
	type shown struct {
		client                   string
		install                  func(what string) []string // in the home; nil: as the project that project makes
		project                  func(what string) string
		lock                     []string
		number, file, name, down string // "": it can't be asked for that
	}
	clients := []shown{
		{old, pip(old), nil, nil, "(from versions: 1.0, 1.1)", "", "from versions: none", "from versions: none"},
		{pipNewest, pip(pipNewest), nil, nil, "", "", "", "from versions: none"}, // the rest is TestRulesClients's
		{poetry, nil, func(what string) string { return m.poetryProject(index, what) }, m.module(poetry, "poetry", "lock"),
			"pad (2.0) which doesn't match any versions", "403 Client Error: held until ", "gone (*) which doesn't match any versions", "503 Server Error: " + away},
		{pdm, nil, func(what string) string { return m.pdmProject(index, what) }, m.module(pdm, "pdm", "lock"),
			"Unable to find a resolution", "403 held until ", "Unable to find candidates for gone", "Unable to find candidates for later"},
	}
	ask := func(c shown, words, what string) {
		t.Helper()
		switch {
		case words == "":
		case c.install != nil:
			m.fail(m.home, words, c.install(what)...)
		default:
			m.fail(c.project(what), words, c.lock...)
		}
	}
	for _, c := range clients {
		m.does(c.client, "what it prints of refusals")
		ask(c, c.number, "pad==2.0")
		ask(c, c.file, file)
		ask(c, c.name, "gone")
	}
	u.Origin.Down()
	u.CDN.Down()
	for _, c := range clients {
		ask(c, c.down, "later")
	}
}

// pdmProject is a project of PDM that needs something of an index.
func (m *machine) pdmProject(index, what string) string {
	m.t.Helper()
	return filepath.Dir(m.write(m.t.TempDir(), "pyproject.toml", []byte("[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\""+what+"\"]\n"+
		"[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = \"pypi\"\nurl = \""+index+"\"\n")))
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
