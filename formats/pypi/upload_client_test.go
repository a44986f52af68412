package pypi

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// TestTwine is acceptance 27 to 30, 37 and 38.
func TestTwine(t *testing.T) {
	for _, twine := range []string{twineNew, twineOld} {
		t.Run(twine, func(t *testing.T) {
			m := newMachine(t, newEnv(t, formatstest.Options{Local: true}), twine, pipNewest)
			m.does(twine, "upload, again, changed, refusals")
			e := m.env
			token := e.publisher()
			first := dist{name: "my-pkg", version: "1.0", header: []string{"Requires-Python: >=3.8"}}
			dir := m.dists(first)
			m.write(dir, first.sdistName(), first.sdist(t))
			all := files(t, dir)
			m.run(dir, m.twine(twine, token, all...)...)
			page := e.page("my-pkg")
			if len(page.Files) != 2 || page.Files[0].RequiresPython != ">=3.8" || page.Files[0].CoreMetadata == nil || page.Files[1].CoreMetadata != nil {
				t.Errorf("page: %+v", page)
			}
			events := fmt.Sprint(e.events())
			m.run(dir, m.twine(twine, token, all...)...)
			if got := fmt.Sprint(e.events()); got != events || events != "[artifact.published 1.0 artifact.files_added 1.0]" {
				t.Errorf("events %s, then %s", events, got)
			}
			m.run(dir, m.module(twine, "twine", "upload", "--non-interactive", "--repository-url", e.URL+"/pypi/main", "-u", "any", "-p", token, all[0])...)
			m.run(dir, m.module(twine, "twine", "upload", "--non-interactive", "--repository-url", e.URL+"/pypi/main/legacy/", "-u", "any", "-p", token, all[0])...)
			changed := files(t, m.dists(dist{name: "my-pkg", version: "1.0", seed: []byte("changed")}))[0]
			m.fail(dir, "File already exists: my_pkg-1.0-py3-none-any.whl", m.twine(twine, token, changed)...)
			if twine == twineOld {
				contains(t, m.run(dir, m.twine(twine, token, "--skip-existing", changed)...), "Skipping")
			}
			other := m.dists(dist{name: "other", version: "1.0"})
			m.fail(other, "401", m.twine(twine, "slp_wrong", files(t, other)...)...)
			m.fail(other, `may not publish in repository "main"`, m.twine(twine, e.reader(), files(t, other)...)...)
			venv := m.venv()
			m.run(m.home, m.pip(pipNewest, venv, "install", "-i", m.index(e.reader()), "my-pkg")...)
			if got := m.installed(venv, "my_pkg"); got != "1.0" {
				t.Errorf("installed %q", got)
			}
			e.MustFsck(t)
		})
	}
}

// TestTwineMany is acceptance 34: no bound of the form's parts that a real wheel meets.
func TestTwineMany(t *testing.T) {
	m := newMachine(t, newEnv(t, formatstest.Options{}), twineNew)
	var header []string
	for i := range 3000 {
		header = append(header, fmt.Sprintf("Requires-Dist: dep%d; extra == 'e%d'", i, i), fmt.Sprintf("Provides-Extra: e%d", i))
	}
	dir := m.dists(dist{name: "many", version: "1.0", header: header})
	m.run(dir, m.twine(twineNew, m.env.publisher(), files(t, dir)...)...)
}

// TestUV is acceptance 15, 16 and 31, with uv's own words for a refusal.
func TestUV(t *testing.T) {
	m := newMachine(t, newEnv(t, formatstest.Options{Local: true}), uvClient)
	m.does(uvClient, "publish, check-url, install, lock, sync")
	e := m.env
	token := e.publisher()
	publish := func(token string, args ...string) []string {
		return append(m.uv("publish", "--publish-url", e.URL+"/pypi/main/", "--username", "__token__", "--password", token), args...)
	}
	first := dist{name: "uv-pkg", version: "1.0", header: []string{"Requires-Dist: uv-dep"}}
	dir := m.dists(first, dist{name: "uv-dep", version: "1.0"})
	m.write(dir, first.sdistName(), first.sdist(t))
	m.run(dir, publish(token, files(t, dir)...)...)
	m.run(dir, publish(token, files(t, dir)...)...)
	check := append([]string{"--check-url", m.index(e.reader())}, files(t, dir)...)
	contains(t, m.run(dir, publish(token, check...)...), "already exists, skipping")
	changed := files(t, m.dists(dist{name: "uv-pkg", version: "1.0", seed: []byte("changed")}))[0]
	m.fail(dir, "File already exists: uv_pkg-1.0-py3-none-any.whl", publish(token, changed)...)
	m.fail(dir, "match", publish(token, "--check-url", m.index(e.reader()), changed)...)
	m.fail(dir, "401", publish("slp_wrong", changed)...)
	m.fail(dir, `may not publish in repository "main"`, publish(e.reader(), changed)...)

	venv := m.venv()
	index := m.index(e.reader())
	for range 2 {
		m.run(m.home, m.uv("pip", "install", "--python", venv, "--reinstall", "--refresh", "--index-url", index, "uv-pkg")...)
	}
	if got := m.installed(venv, "uv_pkg") + " " + m.installed(venv, "uv_dep"); got != "1.0 1.0" {
		t.Errorf("installed %q", got)
	}
	if e.logged("pypi.metadata", "200") == 0 || e.logged("pypi.project", "304") == 0 {
		t.Errorf("uv asked for metadata %d times and found its page unchanged %d times", e.logged("pypi.metadata", "200"), e.logged("pypi.project", "304"))
	}
	m.fail(m.home, "401", m.uv("pip", "install", "--python", venv, "--reinstall", "--no-cache", "--index-url", m.index("slp_wrong"), "uv-pkg")...)

	project := filepath.Dir(m.write(m.t.TempDir(), "pyproject.toml", []byte("[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"uv-pkg\"]\n")))
	m.run(project, m.uv("sync", "--python", m.python, "--default-index", index)...)
	m.run(project, m.uv("lock", "--check", "--python", m.python, "--default-index", index)...)
	m.run(project, m.uv("sync", "--frozen", "--reinstall", "--no-cache", "--python", m.python, "--default-index", index)...)
	out := m.run(project, m.uv("lock", "--python", m.python, "--default-index", index, "--upgrade", "--exclude-newer", "2999-01-01")...)
	lacks(t, out, "missing an upload date")
}

// TestPoetry is acceptance 33 for poetry.
func TestPoetry(t *testing.T) {
	m := newMachine(t, newEnv(t, formatstest.Options{Local: true}), poetry)
	m.does(poetry, "publish, again, refusals, lock, install")
	e := m.env
	d := dist{name: "poem", version: "1.0"}
	project := filepath.Dir(m.write(m.t.TempDir(), "pyproject.toml", []byte("[project]\nname = \"poem\"\nversion = \"1.0\"\ndescription = \"\"\n")))
	m.write(filepath.Join(project, "dist"), d.wheelName(), d.wheel(t))
	run := func(token string, args ...string) []string {
		return m.module(poetry, "poetry", append([]string{"publish", "-r", "here", "-u", "any", "-p", token}, args...)...)
	}
	m.run(project, m.module(poetry, "poetry", "config", "repositories.here", e.URL+"/pypi/main/")...)
	m.run(project, run(e.publisher())...)
	m.run(project, run(e.publisher())...)
	m.write(filepath.Join(project, "dist"), d.wheelName(), dist{name: "poem", version: "1.0", seed: []byte("changed")}.wheel(t))
	m.fail(project, "409", run(e.publisher())...)
	m.run(project, run(e.publisher(), "--skip-existing")...)
	m.fail(project, "401", run("slp_wrong")...)
	m.fail(project, "403", run(e.reader())...)

	source := "[[tool.poetry.source]]\nname = \"s\"\nurl = \"" + e.URL + "/pypi/main/simple/\"\npriority = \"primary\"\n"
	app := filepath.Dir(m.write(m.t.TempDir(), "pyproject.toml", []byte("[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"poem\"]\n[tool.poetry]\npackage-mode = false\n"+source)))
	// Poetry looks for the credentials of a file by the host and the longest common path: both names have the same one.
	for _, name := range []string{"s", "here"} {
		m.run(app, m.module(poetry, "poetry", "config", "http-basic."+name, "any", e.reader())...)
	}
	wheels := e.logged("pypi.file", "200")
	out := m.run(app, m.module(poetry, "poetry", "lock")...)
	if got := e.logged("pypi.file", "200"); got != wheels {
		t.Errorf("poetry lock fetched %d wheels\n%s", got-wheels, out)
	}
	contains(t, strings.ToLower(m.run(app, m.module(poetry, "poetry", "install")...)), "poem")
	if e.logged("pypi.file", "200") == wheels {
		t.Error("poetry install fetched nothing")
	}
}
