package pypi

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// routine is what a client does in TestClientVersions.
type routine struct {
	client, scenario string
	run              func(m *machine, r routine)
}

// TestClientVersions: each client that is in use publishes, resolves and installs, as far as it can, with its defaults.
func TestClientVersions(t *testing.T) {
	e := newEnv(t, formatstest.Options{Local: true})
	e.wheel(dist{name: "shelf", version: "1.0", header: []string{"Requires-Dist: book>=1"}})
	e.wheel(dist{name: "book", version: "1.1"})
	routines := []routine{
		{twineOldest, "publish", (*machine).twineRoutine},
		{poetryOld, "publish, lock, install", (*machine).poetryRoutine},
		{pdm, "publish, lock, install", (*machine).pdmRoutine},
		{hatch, "publish, an environment", (*machine).hatchRoutine},
		{flit, "build, publish", (*machine).flitRoutine},
		{pipenv, "lock, install by the lockfile", (*machine).pipenvRoutine},
	}
	for _, pip := range pips {
		routines = append(routines, routine{pip, "install", (*machine).pipRoutine})
	}
	for _, r := range routines {
		t.Run(r.client, func(t *testing.T) {
			t.Parallel() // each waits for its client most of the time
			m := newMachine(t, e, r.client)
			m.vars = []string{"SLIPWAY_TOKEN=" + e.publisher()}
			m.does(r.client, r.scenario)
			r.run(m, r)
		})
	}
}

// programs are the names of clients, by the name of the module that each is.
var programs = map[string]string{"pip": "pip", "twine": "twine", "poetry": "Poetry", "pdm": "PDM", "hatch": "Hatch", "flit": "Flit", "pipenv": "Pipenv"}

// does notes what a test does with a client.
func (m *machine) does(client, scenario string) {
	m.t.Helper()
	if !formatstest.RecordsClients() {
		return
	}
	module, _, _ := strings.Cut(client, "-")
	name, argv := programs[module], m.module(client, module, "--version")
	if client == uvClient {
		name, argv = "uv", m.uv("--version")
	}
	formatstest.RecordClient(m.t, name, regexp.MustCompile(`\d+\.[\w.]+`).FindString(m.run(m.home, argv...)), scenario)
}

func (m *machine) pipRoutine(r routine) {
	venv := m.venv()
	m.run(m.home, m.pip(r.client, venv, "install", "-i", m.index(m.env.reader()), "shelf")...)
	m.hasShelf(venv)
}

// hasShelf: an environment has what TestClientVersions installs.
func (m *machine) hasShelf(venv string) {
	m.t.Helper()
	if got := m.installed(venv, "shelf") + " " + m.installed(venv, "book"); got != "1.0 1.1" {
		m.t.Errorf("installed %q", got)
	}
}

// project makes a project with a distribution of the name by-<client> in dist, and these lines in pyproject.toml.
func (m *machine) project(r routine, lines string) string {
	m.t.Helper()
	d := dist{name: r.project(), version: "1.0"}
	dir := m.t.TempDir()
	m.write(dir, "pyproject.toml", []byte("[project]\nname = \""+d.name+"\"\nversion = \"1.0\"\ndescription = \"A test.\"\nrequires-python = \">=3.9\"\n"+lines))
	m.write(filepath.Join(dir, "dist"), d.wheelName(), d.wheel(m.t))
	m.write(filepath.Join(dir, "dist"), d.sdistName(), d.sdist(m.t))
	return dir
}

func (r routine) project() string { return "by-" + strings.NewReplacer(".", "-").Replace(r.client) }

// published: the server has both files that the client published.
func (m *machine) published(r routine) {
	m.t.Helper()
	if page := m.env.page(r.project()); len(page.Files) != 2 {
		m.t.Errorf("published %+v", page.Files)
	}
}

func (m *machine) twineRoutine(r routine) {
	dir := m.project(r, "")
	m.run(dir, m.twine(r.client, m.env.publisher(), files(m.t, filepath.Join(dir, "dist"))...)...)
	m.published(r)
}

// poetryRoutine has the tables of Poetry 1, which reads no [project].
func (m *machine) poetryRoutine(r routine) {
	run := func(dir string, args ...string) { m.run(dir, m.module(r.client, "poetry", args...)...) }
	table := "[tool.poetry]\nname = \"" + r.project() + "\"\nversion = \"1.0\"\ndescription = \"A test.\"\nauthors = []\n"
	dir := m.project(r, table)
	run(dir, "config", "repositories.main-upload", m.env.URL+"/pypi/main/")
	for _, name := range []string{"main", "main-upload"} {
		run(dir, "config", "http-basic."+name, "ci", m.env.publisher())
	}
	run(dir, "publish", "-r", "main-upload")
	m.published(r)

	app := m.t.TempDir()
	m.write(app, "pyproject.toml", []byte(table+"package-mode = false\n[tool.poetry.dependencies]\npython = \">=3.9\"\nshelf = \"^1\"\n"+
		"[[tool.poetry.source]]\nname = \"main\"\nurl = \""+m.env.URL+"/pypi/main/simple/\"\npriority = \"primary\"\n"))
	run(app, "lock")
	venv := m.activate()
	run(app, "install")
	m.hasShelf(venv)
}

// activate makes a virtual environment that the clients to come find.
func (m *machine) activate() string {
	m.t.Helper()
	python := m.venv()
	m.vars = append(m.vars, "VIRTUAL_ENV="+filepath.Dir(filepath.Dir(python)))
	return python
}

func (m *machine) pdmRoutine(r routine) {
	url := strings.Replace(m.index("TOKEN"), "TOKEN", "${SLIPWAY_TOKEN}", 1)
	dir := m.project(r, "dependencies = [\"shelf\"]\n[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = \"pypi\"\nurl = \""+url+"\"\n")
	venv := m.activate()
	m.run(dir, m.module(r.client, "pdm", "publish", "--no-build", "--repository", m.env.URL+"/pypi/main/", "--username", "ci", "--password", m.env.publisher())...)
	m.published(r)
	m.run(dir, m.module(r.client, "pdm", "lock")...)
	m.run(dir, m.module(r.client, "pdm", "sync")...)
	m.hasShelf(venv)
}

func (m *machine) hatchRoutine(r routine) {
	dir := m.project(r, "[tool.hatch.envs.default]\nskip-install = true\ninstaller = \"uv\"\ndependencies = [\"shelf\"]\n")
	m.run(dir, m.module(r.client, "hatch", "publish", "--no-prompt", "--repo", m.env.URL+"/pypi/main/", "--user", "ci", "--auth", m.env.publisher())...)
	m.published(r)
	m.vars = append(m.vars, "UV_DEFAULT_INDEX="+m.index(m.env.reader()), "HATCH_ENV_TYPE_VIRTUAL_UV_PATH="+filepath.Join(m.dir, r.client, "bin", "uv"))
	out := m.run(dir, m.module(r.client, "hatch", "run", "python", "-c", "import shelf, book; print(shelf.version, book.version)")...)
	contains(m.t, out, "1.0 1.1")
}

func (m *machine) flitRoutine(r routine) {
	dir := m.project(r, "[build-system]\nrequires = [\"flit_core\"]\nbuild-backend = \"flit_core.buildapi\"\n")
	m.write(dir, strings.ReplaceAll(r.project(), "-", "_")+".py", []byte("\"\"\"A test.\"\"\"\nversion = \"1.0\"\n"))
	m.vars = append(m.vars, "FLIT_INDEX_URL="+m.env.URL+"/pypi/main/", "FLIT_USERNAME=ci", "FLIT_PASSWORD="+m.env.publisher())
	m.run(dir, m.module(r.client, "flit", "publish")...)
	m.published(r)
}

func (m *machine) pipenvRoutine(r routine) {
	dir := m.t.TempDir()
	url := strings.Replace(m.index("TOKEN"), "TOKEN", "${SLIPWAY_TOKEN}", 1)
	m.write(dir, "Pipfile", []byte("[[source]]\nname = \"main\"\nurl = \""+url+"\"\nverify_ssl = true\n[packages]\nshelf = \"*\"\n"))
	m.vars = append(m.vars, "PIPENV_VENV_IN_PROJECT=1", "PIPENV_NOSPIN=1")
	m.run(dir, m.module(r.client, "pipenv", "lock")...)
	lock, err := os.ReadFile(filepath.Join(dir, "Pipfile.lock"))
	must(m.t, err)
	contains(m.t, string(lock), url)
	m.run(dir, m.module(r.client, "pipenv", "sync")...)
	m.hasShelf(filepath.Join(dir, ".venv", "bin", "python"))
}
