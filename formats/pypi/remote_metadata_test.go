package pypi

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/ledger"
)

// TestMetadataAlone: core metadata of a wheel that is not here costs the metadata, not the wheel.
func TestMetadataAlone(t *testing.T) {
	t.Parallel()
	e, u := newMirror(t)
	f := u.PyPI("pad", "1.0")[0]
	as := formatstest.As(e.ReadToken("mirror"))
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		q := formatstest.Request{Method: method, Path: prefix + "mirror/files/" + f.SHA256() + "/" + path.Base(f.Path) + metadataSuffix}
		if res := e.Do(as, q); res.Status != http.StatusOK {
			t.Errorf("%s: %v", method, res)
		}
	}
	u.AskedOnce(t, http.MethodGet, f.Path+metadataSuffix)
	u.NeverAsked(t, f.Path)
}

// TestMetadataOfCachedWheel is upstreams.md acceptance 54 for core metadata: that of a wheel which is here is made from the wheel, for callers for
// whom nothing is fetched and while the registry is away, as far as it is what the registry announces.
func TestMetadataOfCachedWheel(t *testing.T) {
	t.Parallel()
	e, u := newMirrorOn(t, formatstest.Options{AnonymousRead: true})
	member := formatstest.As(e.ReadToken("mirror"))
	odd := dist{name: "odd", version: "1.0"} // its metadata is not what the registry announces
	files := map[string]*upstreamtest.File{"pad": u.PyPI("pad", "1.0")[0], "odd": u.PyPI("odd", "1.0", upstreamtest.PyPIFile{Content: odd.wheel(t)})[0], "never": u.PyPI("never", "1.0")[0]}
	entered := func() []registry.Event {
		t.Helper()
		list, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"cache.entered"}})
		must(t, err)
		return list
	}
	do := func(as formatstest.As, method, project, suffix string) formatstest.Response {
		f := files[project]
		return e.Do(as, formatstest.Request{Method: method, Path: prefix + "mirror/files/" + f.SHA256() + "/" + path.Base(f.Path) + suffix})
	}
	for project := range files {
		if res := e.Do(member, formatstest.Request{Method: http.MethodGet, Path: prefix + "mirror/simple/" + project + "/"}); res.Status != http.StatusOK {
			t.Fatal(res)
		}
		if project == "never" {
			continue
		}
		if res := do(member, http.MethodGet, project, ""); res.Status != http.StatusOK {
			t.Fatal(res)
		}
	}
	before := entered()
	u.Reset()
	want := map[string]int{"pad": http.StatusOK, "odd": http.StatusUnauthorized, "never": http.StatusUnauthorized}
	for project, status := range want {
		if res := do(formatstest.Anonymous, http.MethodHead, project, metadataSuffix); res.Status != status {
			t.Errorf("HEAD of %s: %v, want %d", project, res, status)
		}
	}
	if now := entered(); len(now) != len(before) {
		t.Errorf("a HEAD is in the log: %+v", now[len(before):])
	}
	for range 2 {
		for project, status := range want {
			res := do(formatstest.Anonymous, http.MethodGet, project, metadataSuffix)
			if res.Status != status {
				t.Errorf("%s: %v, want %d", project, res, status)
			}
			if project == "pad" {
				contains(t, string(res.Body), "Name: pad\n", "Version: 1.0\n")
			}
		}
	}
	u.NeverAsked(t, "**")
	if now := entered(); len(now) != len(before)+1 || !strings.Contains(string(now[len(now)-1].Data), `.whl.metadata`) {
		t.Errorf("the log has %+v of it", now[len(before):])
	}
	contains(t, string(do(member, http.MethodGet, "odd", metadataSuffix).Body), "Summary: made by upstreamtest")
	e.MustFsck(t)
}

// TestAnonymousClients: callers without credentials install what is here, whatever else of it another client had no use for, and also while the
// registry is away.
func TestAnonymousClients(t *testing.T) {
	t.Parallel()
	e, u := newMirrorOn(t, formatstest.Options{Local: true, AnonymousRead: true})
	m := newMachine(t, e, pipNewest, uvClient, poetry)
	for _, c := range []string{pipNewest, uvClient, poetry} {
		m.does(c, "install cached wheels without credentials")
	}
	member := formatstest.As(e.ReadToken("mirror"))
	var cached []string
	for _, name := range []string{"by-pip", "by-uv", "by-poetry"} {
		f := u.PyPI(name, "1.0")[0]
		for _, path := range []string{prefix + "mirror/simple/" + name + "/", prefix + "mirror/files/" + f.SHA256() + "/" + path.Base(f.Path)} {
			if res := e.Do(member, formatstest.Request{Method: http.MethodGet, Path: path}); res.Status != http.StatusOK {
				t.Fatal(res)
			}
		}
		cached = append(cached, f.Path)
	}
	u.Reset()
	u.Origin.Down()
	u.CDN.Down()
	index := e.URL + "/pypi/mirror/simple/"
	pip, uv := m.venv(), m.venv()
	m.run(m.home, m.pip(pipNewest, pip, "install", "-i", index, "by-pip")...)
	m.run(m.home, m.uv("pip", "install", "--python", uv, "--default-index", index, "by-uv")...)
	app := m.poetryProject(index, "by-poetry")
	m.run(app, m.module(poetry, "poetry", "lock")...)
	lock, err := os.ReadFile(filepath.Join(app, "poetry.lock"))
	must(t, err)
	contains(t, string(lock), "name = \"by-poetry\"\nversion = \"1.0\"")
	for venv, module := range map[string]string{pip: "by_pip", uv: "by_uv"} {
		if got := m.installed(venv, module); got != "1.0" {
			t.Errorf("%s is %s", module, got)
		}
	}
	for _, path := range cached {
		u.NeverAsked(t, path)
	}
	e.MustFsck(t)
}
