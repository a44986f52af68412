package pypi

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// newMirror is a server with a repository "mirror" that answers from a registry elsewhere, and "all", which answers from "main" and
// from that one. No answer may name the registry's address.
func newMirror(t *testing.T) (*env, *upstreamtest.Server) {
	t.Helper()
	return newMirrorOn(t, formatstest.Options{Local: true})
}

// newMirrorOn is newMirror with options of its server.
func newMirrorOn(t *testing.T, o formatstest.Options) (*env, *upstreamtest.Server) {
	t.Helper()
	u := upstreamtest.New(t, upstreamtest.Options{})
	leaks := formatstest.NoLeaks(t, u.Origin.Addr, u.CDN.Addr)
	if wrap := o.Wrap; wrap != nil {
		o.Wrap = func(next http.Handler) http.Handler { return leaks.Wrap(wrap(next)) }
	} else {
		o.Wrap = leaks.Wrap
	}
	e := newEnv(t, o)
	_, err := e.Core.CreateRepository(e.Admin, "mirror", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, []upstreams.NewUpstream{
		{Name: "up", Type: metadata.UpstreamRemote, Format: formatName, URL: u.PyPIURL(), Settings: upstreams.Settings{Redirects: []string{"127.0.0.1"}}}})})
	must(t, err)
	var members []upstreams.NewUpstream
	for _, name := range []string{"main", "mirror"} {
		members = append(members, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: name, Settings: upstreams.Settings{Through: true, Writes: name == "main"}})
	}
	_, err = e.Core.CreateRepository(e.Admin, "all", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, members)})
	must(t, err)
	return e, u
}

// TestPyPIMirror: pip and uv install wheels and source distributions from a registry elsewhere, beside private ones, and again while it
// is down; a name that is published or reserved here comes from here alone.
func TestPyPIMirror(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	m := newMachine(t, e, pipNewest, uvClient)
	m.does(pipNewest, "install through a mirror, beside private projects")
	m.does(uvClient, "install and lock through a mirror, a reserved name at two indexes")
	u.PyPI("My.Pkg", "1.0", upstreamtest.PyPIFile{Metadata: []string{"Requires-Dist: from-source", "Requires-Dist: large-one"}, RequiresPython: ">=3.6"})
	u.PyPI("from-source", "2.0", upstreamtest.PyPIFile{Sdist: true, Size: 100_000})
	u.PyPI("large-one", "3.0", upstreamtest.PyPIFile{Size: 2 << 20})
	for _, name := range []string{"own", "corp-absent"} {
		u.PyPI(name, "99.0")
	}
	e.wheel(dist{name: "own", version: "1.0"})
	_, err := e.Upstreams.AddClaim(e.Admin, upstreams.Claim{Repository: "main", Claim: metadata.Claim{Format: formatName, Pattern: "Corp_*"}})
	must(t, err)

	index := func(repository string) string {
		return strings.Replace(m.index(e.ReadToken(repository)), "/pypi/main/", "/pypi/"+repository+"/", 1)
	}
	mirror, all := index("mirror"), index("all")
	has := func(venv string, modules ...string) {
		t.Helper()
		for i := 0; i < len(modules); i += 2 {
			if got := m.installed(venv, modules[i]); got != modules[i+1] {
				t.Errorf("%s is %s, want %s", modules[i], got, modules[i+1])
			}
		}
	}
	const isolated = "--no-build-isolation"
	pip, uv := m.venv(), m.venv()
	m.run(m.home, m.pip(pipNewest, pip, "install", isolated, "-i", mirror, "my-pkg")...)
	m.run(m.home, m.uv("pip", "install", isolated, "--python", uv, "--default-index", all, "my-pkg", "own")...)
	has(uv, "my_pkg", `1.0`, "from_source", "2.0", "large_one", "3.0", "own", "1.0")
	for _, f := range u.Matching("GET", "**/files/**") {
		u.AskedOnce(t, "GET", f.Path)
	}

	project := filepath.Dir(m.write(t.TempDir(), "pyproject.toml", []byte("[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"my-pkg\", \"own\"]\n")))
	m.run(project, m.uv("lock", isolated, "--python", m.python, "--default-index", all)...)
	lock, err := os.ReadFile(filepath.Join(project, "uv.lock"))
	must(t, err)
	contains(t, string(lock), e.Addr+"/pypi/all/", "from_source-2.0.tar.gz", "own-1.0-py3-none-any.whl")
	lacks(t, string(lock), u.Origin.Addr)
	lacks(t, string(lock), u.CDN.Addr)

	// uv stays at the index that reserves a name, and goes on to the next one for any other.
	for _, media := range []string{"application/vnd.pypi.simple.v1+json", "text/html"} {
		res := e.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/pypi/all/simple/corp-absent/"}.With("Accept", media))
		if res.Status != http.StatusOK || strings.Contains(string(res.Body), "99.0") {
			t.Errorf("a reserved name: %v", res)
		}
	}
	two := func(name string) []string {
		return m.uv("pip", "install", "--python", uv, "--index", all, "--default-index", u.PyPIURL(), name)
	}
	m.fail(m.home, "corp-absent", two("corp-absent")...)
	m.fail(m.home, "corp-absent", m.pip(pipNewest, pip, "install", "-i", all, "corp-absent")...)
	m.fail(m.home, "own", m.pip(pipNewest, pip, "install", "-i", all, "own==99.0")...)
	for _, name := range []string{"own", "corp-absent"} {
		u.NeverAsked(t, upstreamtest.PyPIPath(name))
	}
	u.NeverAsked(t, "**99.0**")

	u.Origin.Down()
	u.CDN.Down()
	m.run(m.home, m.pip(pipNewest, pip, "install", "--no-cache-dir", "--force-reinstall", isolated, "-i", all, "my-pkg", "own")...)
	has(pip, "my_pkg", "1.0", "from_source", "2.0", "large_one", "3.0", "own", "1.0")
	m.run(project, m.uv("sync", "--frozen", "--no-cache", isolated, "--no-install-project", "--python", m.python, "--default-index", all)...)
	e.MustFsck(t)
}

// TestSkipClients is upstreams.md acceptance 39 by clients: while the place that comes first can't answer, no client takes its project from the next
// one, unless the upstream's settings leave it out, and the answer says so.
func TestSkipClients(t *testing.T) {
	t.Parallel()
	e, first := newMirrorOn(t, formatstest.Options{Local: true, AnonymousRead: true})
	m := newMachine(t, e, pipNewest, uvClient)
	for _, c := range []string{pipNewest, uvClient} {
		m.does(c, "a place that can't answer")
	}
	next := upstreamtest.New(t, upstreamtest.Options{})
	e.Remote("next", formatName, next.PyPIURL())
	e.Group("both", "mirror", "next")
	for _, remote := range []string{"mirror", "next"} {
		e.SetRemote(remote, `{"anonymous_fetch":true}`)
	}
	next.PyPI("example", "1.0")
	next.PyPI("other", "1.0") // nobody got it yet: what was got from the next place stays with that
	first.Origin.Down()
	first.CDN.Down()
	index := e.URL + "/pypi/both/simple/"
	pip, uv := m.venv(), m.venv()
	byPip, byUV := m.pip(pipNewest, pip, "install", "--retries", "0", "-i", index, "example"), m.uv("pip", "install", "--no-cache", "--python", uv, "--default-index", index, "example")
	m.fail(m.home, "from versions: none", byPip...)
	m.fail(m.home, "503", byUV...)
	next.NeverAsked(t, "**")

	_, err := e.Upstreams.Change(e.Admin, "both", "mirror", func(v upstreams.Settings) (upstreams.Settings, error) {
		v.OnFailure = upstreams.FailureSkip
		return v, nil
	})
	must(t, err)
	m.run(m.home, byPip...)
	m.run(m.home, byUV...)
	for _, venv := range []string{pip, uv} {
		if got := m.installed(venv, "example"); got != "1.0" {
			t.Errorf("installed %s", got)
		}
	}
	res := e.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: "/pypi/both/simple/other/"})
	if status := res.Header.Get("Cache-Status"); !strings.HasSuffix(status, `; detail="without up"`) {
		t.Errorf("Cache-Status: %s", status)
	}
	e.MustFsck(t)
}
