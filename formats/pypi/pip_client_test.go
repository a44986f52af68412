package pypi

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// eachPip runs a scenario with the newest pip and the oldest.
func eachPip(t *testing.T, scenario string, fn func(t *testing.T, m *machine, pip string)) {
	for _, pip := range []string{pipNewest, oldestPip(t)} {
		t.Run(pip, func(t *testing.T) {
			m := newMachine(t, newEnv(t, formatstest.Options{Local: true}), pip)
			m.does(pip, scenario)
			fn(t, m, pip)
		})
	}
}

// TestPipInstall is acceptance 1, 2, 4, 6 and 12.
func TestPipInstall(t *testing.T) {
	eachPip(t, "install, names, refusals", func(t *testing.T, m *machine, pip string) {
		e := m.env
		e.wheel(dist{name: "My.Pkg", version: "1.0", header: []string{"Requires-Dist: dep-one>=1"}})
		e.wheel(dist{name: "My.Pkg", version: "2.0", header: []string{"Requires-Python: >=3.99"}})
		e.wheel(dist{name: "dep-one", version: "1!2.0"})
		e.wheel(dist{name: "local", version: "1.0+cu118"})
		index := m.index(e.reader())
		venv := m.venv()
		m.run(m.home, m.pip(pip, venv, "install", "-i", index, "my-pkg")...)
		if got := m.installed(venv, "my_pkg") + " " + m.installed(venv, "dep_one"); got != "1.0 1!2.0" {
			t.Errorf("installed %q", got)
		}
		accept := e.logged("pypi.project", "301")
		m.run(m.home, m.pip(pip, venv, "install", "--force-reinstall", "--no-deps", "-i", strings.TrimSuffix(index, "/"), "My_.Pkg", "local==1.0+cu118")...)
		if got := e.logged("pypi.project", "301") - accept; got > 1 {
			t.Errorf("%d redirects", got)
		}
		if got := m.installed(venv, "local"); got != "1.0+cu118" {
			t.Errorf("installed %q", got)
		}
		missing := e.logged("pypi.project", "404")
		m.fail(m.home, "from versions: none", m.pip(pip, venv, "install", "-i", index, "nosuch")...)
		if got := e.logged("pypi.project", "404") - missing; got != 1 {
			t.Errorf("%d answers 404", got)
		}
		m.fail(m.home, "from versions: none", m.pip(pip, m.venv(), "install", "-i", m.index("slp_wrong"), "my-pkg")...)
		if e.logged("pypi.project", "401") == 0 {
			t.Error("a wrong token was not refused")
		}
		e.MustFsck(t)
	})
}

// TestLatin1Password is Y1 with real clients: requests, under pip and twine, sends a password in ISO-8859-1.
func TestLatin1Password(t *testing.T) {
	m := newMachine(t, newEnv(t, formatstest.Options{Local: true}), pipNewest, twineNew)
	e := m.env
	e.AddUser(t, "ann", formatstest.AccentedPassword, access.Grant{Repository: "main", Actions: []access.Action{access.Read, access.Publish}})
	upload := func(password string) []string {
		return m.module(twineNew, "twine", "upload", "--non-interactive", "--disable-progress-bar", "--repository-url", e.URL+"/pypi/main/",
			"-u", "ann", "-p", password, files(t, m.dists(dist{name: "umlaut", version: "1.0"}))[0])
	}
	m.run(m.home, upload(formatstest.AccentedPassword)...)
	m.fail(m.home, "401", upload("wröng")...)
	index := strings.Replace(e.URL, "http://", "http://"+url.UserPassword("ann", formatstest.AccentedPassword).String()+"@", 1) + "/pypi/main/simple/"
	venv := m.venv()
	m.run(m.home, m.pip(pipNewest, venv, "install", "-i", index, "umlaut")...)
	if got := m.installed(venv, "umlaut"); got != "1.0" {
		t.Errorf("installed %q", got)
	}
}

// TestPipHashes installs with checked hashes, also from source, and downloads.
func TestPipHashes(t *testing.T) {
	eachPip(t, "checked hashes, from source, download", func(t *testing.T, m *machine, pip string) {
		e := m.env
		content := map[string][]byte{"checked-1.0-py3-none-any.whl": e.wheel(dist{name: "checked", version: "1.0"})}
		lock := fmt.Sprintf("checked==1.0 --hash=sha256:%x\n", sha256.Sum256(content["checked-1.0-py3-none-any.whl"]))
		projects := []string{"checked"}
		if pip != "pip-19.2.3" { // it knows no build backend inside of the source distribution, and another would need the network
			sdist := e.sdist(dist{name: "from-source", version: "1.0", backend: true})
			content["from_source-1.0.tar.gz"] = sdist
			lock += fmt.Sprintf("from-source==1.0 --hash=sha256:%x\n", sha256.Sum256(sdist))
			projects = append(projects, "from-source")
		}
		index := m.index(e.reader())
		venv := m.venv()
		m.run(m.home, m.pip(pip, venv, "install", "--require-hashes", "-i", index, "-r", m.write(m.home, "locked.txt", []byte(lock)))...)
		for _, p := range projects {
			if got := m.installed(venv, strings.ReplaceAll(p, "-", "_")); got != "1.0" {
				t.Errorf("%s: installed %q", p, got)
			}
		}
		wrong := m.write(m.home, "wrong.txt", fmt.Appendf(nil, "checked==1.0 --hash=sha256:%064d\n", 1))
		m.fail(m.home, "DO NOT MATCH", m.pip(pip, m.venv(), "install", "--require-hashes", "-i", index, "-r", wrong)...)
		m.run(m.home, m.pip(pip, venv, append([]string{"download", "--no-deps", "-d", "got", "-i", index}, projects...)...)...)
		for name, want := range content {
			if got, err := os.ReadFile(filepath.Join(m.home, "got", name)); err != nil || string(got) != string(want) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	})
}

// TestPipYank is acceptance 5.
func TestPipYank(t *testing.T) {
	eachPip(t, "yanked versions", func(t *testing.T, m *machine, pip string) {
		e := m.env
		e.wheel(dist{name: "yanked", version: "1.0"})
		e.wheel(dist{name: "yanked", version: "1.1"})
		e.want(http.StatusNoContent, "", e.Do(formatstest.Admin, formatstest.Request{
			Method: http.MethodPut, Path: "/pypi/main/api/Yanked/1.1.0/yank", Body: []byte(`{"reason":"it <broke> & burned"}`)}))
		index := m.index(e.reader())
		venv := m.venv()
		m.run(m.home, m.pip(pip, venv, "install", "-i", index, "yanked")...)
		if got := m.installed(venv, "yanked"); got != "1.0" {
			t.Errorf("installed %q", got)
		}
		out := m.run(m.home, m.pip(pip, venv, "install", "-i", index, "yanked==1.1")...)
		contains(t, out, "it <broke> & burned")
		if got := m.installed(venv, "yanked"); got != "1.1" {
			t.Errorf("installed %q", got)
		}
		e.want(http.StatusNoContent, "", e.do(formatstest.Admin, http.MethodDelete, "/api/yanked/1.1/yank"))
		venv = m.venv()
		m.run(m.home, m.pip(pip, venv, "install", "-i", index, "yanked")...)
		if got := m.installed(venv, "yanked"); got != "1.1" {
			t.Errorf("installed %q", got)
		}
	})
}

// TestPipMetadata is acceptance 8 and 13: a resolution reads core metadata and no wheel, and what was just published is found by a
// client that has the former page in its cache.
func TestPipMetadata(t *testing.T) {
	m := newMachine(t, newEnv(t, formatstest.Options{Local: true}), pipNewest)
	m.does(pipNewest, "core metadata, conditional requests")
	e := m.env
	e.wheel(dist{name: "app", version: "1.0", header: []string{"Requires-Dist: lib>=1"}})
	e.wheel(dist{name: "lib", version: "1.0"})
	index := m.index(e.reader())
	venv := m.venv()
	out := m.run(m.home, m.pip(pipNewest, venv, "install", "--dry-run", "--report", "-", "-i", index, "app")...)
	contains(t, out, "Would install app-1.0 lib-1.0")
	if got := fmt.Sprint(e.logged("pypi.metadata", "200"), e.logged("pypi.file", "200")); got != "2 0" {
		t.Errorf("requests for metadata and for wheels: %s, want 2 0", got)
	}
	m.run(m.home, m.pip(pipNewest, venv, "install", "-i", index, "app")...)
	e.wheel(dist{name: "lib", version: "1.1"})
	m.run(m.home, m.pip(pipNewest, venv, "install", "-U", "-i", index, "lib")...)
	if got := m.installed(venv, "lib"); got != "1.1" {
		t.Errorf("installed %q", got)
	}
	contains(t, m.run(m.home, m.pip(pipNewest, venv, "index", "versions", "-i", index, "lib")...), "1.1, 1.0")
	m.run(m.home, m.pip(pipNewest, m.venv(), "install", "--uploaded-prior-to", "2999-01-01", "-i", index, "lib")...)
}

// TestPipNetrc is acceptance 53 in part: credentials from a .netrc file also reach the files.
func TestPipNetrc(t *testing.T) {
	eachPip(t, "a .netrc file", func(t *testing.T, m *machine, pip string) {
		m.env.wheel(dist{name: "private", version: "1.0"})
		must(t, os.WriteFile(filepath.Join(m.home, ".netrc"), []byte("machine 127.0.0.1 login ci password "+m.env.reader()+"\n"), 0o600))
		venv := m.venv()
		m.run(m.home, m.pip(pip, venv, "install", "-i", m.env.URL+"/pypi/main/simple/", "private")...)
		if got := m.installed(venv, "private"); got != "1.0" {
			t.Errorf("installed %q", got)
		}
	})
}
