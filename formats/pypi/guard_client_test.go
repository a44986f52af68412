package pypi

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/access"
)

// TestGuardClients is upstreams.md acceptance 31, 32 and 34: of a project that is published here pip, uv and Poetry take what is published,
// also where the registry elsewhere comes first and without credentials; a reserved name is not there, and uv does not look for it at its next
// index; and nothing of either is asked for elsewhere. What twine and uv upload under a name that came from elsewhere is refused in words that
// they print, until an administrator lets both be.
func TestGuardClients(t *testing.T) {
	t.Parallel()
	e, u := newMirrorOn(t, formatstest.Options{Local: true, AnonymousRead: true})
	m := newMachine(t, e, pipNewest, uvClient, poetry, twineNew)
	for _, c := range []string{pipNewest, uvClient, poetry, twineNew} {
		m.does(c, "private, reserved and cached names")
	}
	e.Group("last", "mirror", "main")
	e.Claim("main", formatName, "Corp_*")
	for _, name := range []string{"corp-secret", "corp-absent"} {
		u.PyPI(name, "99.0")
	}
	e.wheel(dist{name: "corp-secret", version: "1.0"})
	cached := u.PyPI("pad", "1.0")[0]
	index := e.URL + "/pypi/last/simple/"
	pip, uv := m.venv(), m.venv()
	install := func(name string) (byPip, byUV []string) {
		return m.pip(pipNewest, pip, "install", "-i", index, name),
			m.uv("pip", "install", "--python", uv, "--index", index, "--default-index", u.PyPIURL(), name)
	}
	byPip, byUV := install("Corp_Secret")
	m.run(m.home, byPip...)
	m.run(m.home, byUV...)
	for _, venv := range []string{pip, uv} {
		if got := m.installed(venv, "corp_secret"); got != "1.0" {
			t.Errorf("installed %s", got)
		}
	}
	app := m.poetryProject(index, "corp-secret")
	m.run(app, m.module(poetry, "poetry", "lock")...)
	lock, err := os.ReadFile(filepath.Join(app, "poetry.lock"))
	must(t, err)
	contains(t, string(lock), "name = \"corp-secret\"\nversion = \"1.0\"")
	byPip, byUV = install("corp.absent")
	m.fail(m.home, "from versions: none", byPip...)
	m.fail(m.home, "there are no versions of corp-absent", byUV...)
	m.fail(m.poetryProject(index, "corp-absent"), "corp-absent (*) which doesn't match any versions", m.module(poetry, "poetry", "lock")...)
	for _, name := range []string{"corp-secret", "corp-absent"} {
		u.NeverAsked(t, upstreamtest.PyPIPath(name))
	}
	u.NeverAsked(t, "**99.0**")

	publisher := e.Token("mirror", access.Read, access.Publish)
	file := "/pypi/mirror/files/" + cached.SHA256() + "/" + path.Base(cached.Path)
	if res := e.Do(formatstest.As(publisher), formatstest.Request{Method: http.MethodGet, Path: prefix + "mirror/simple/pad/"}); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	for _, path := range []string{file + ".metadata", file} { // what pip gets; below it asks without credentials, for which nothing is fetched
		if res := e.Do(formatstest.As(publisher), formatstest.Request{Method: http.MethodGet, Path: path}); res.Status != http.StatusOK {
			t.Fatal(res)
		}
	}
	dir := m.dists(dist{name: "pad", version: "9.0"})
	upload := m.module(twineNew, "twine", "upload", "--non-interactive", "--repository-url", e.URL+"/pypi/mirror/", "-u", "any", "-p", publisher, files(t, dir)[0])
	const refused = "pad comes from an upstream of repository"
	m.fail(dir, refused, upload...)
	m.fail(dir, refused, m.uv("publish", "--publish-url", e.URL+"/pypi/mirror/", "--username", "__token__", "--password", publisher, files(t, dir)[0])...)
	e.LetBoth("mirror", formatName, "pad")
	m.run(dir, upload...)
	index = e.URL + "/pypi/mirror/simple/"
	for _, c := range []struct{ what, version string }{{"pad", "9.0"}, {"pad<9", "1.0"}} { // in this order: 1.0 would do for both
		byPip, _ := install(c.what)
		m.run(m.home, byPip...)
		if got := m.installed(pip, "pad"); got != c.version {
			t.Errorf("of %s: %s", c.what, got)
		}
	}
	e.MustFsck(t)
}
