package npm

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

// mirror is a server whose repository "mirror" answers from a registry that the test controls.
func mirror(t *testing.T) (*formatstest.Server, *upstreamtest.Server) {
	t.Helper()
	u := upstreamtest.New(t, upstreamtest.Options{})
	s := formatstest.NewServer(t, formatstest.Options{}, New())
	s.Remote("mirror", formatName, u.NPMURL())
	return s, u
}

func fetch(t *testing.T, s *formatstest.Server, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token("*", "read"))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestRemote: a package of a remote is listed and delivered, asked for once, and served while the remote is down.
func TestRemote(t *testing.T) {
	s, u := mirror(t)
	tarball := u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{Tags: []string{"latest"}})

	code, body := fetch(t, s, "/npm/mirror/left-pad")
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	var doc struct {
		Tags     map[string]string `json:"dist-tags"`
		Versions map[string]struct {
			Dist struct{ Tarball, Integrity string }
		}
		Time map[string]string
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Tags["latest"] != "1.1.0" || len(doc.Versions) != 2 || doc.Versions["1.0.0"].Dist.Integrity != tarball.Integrity() || doc.Time["1.0.0"] == "" {
		t.Errorf("%s", body)
	}
	if strings.Contains(body, u.Origin.Addr) || strings.Contains(body, u.CDN.Addr) {
		t.Error("the document names the remote's address")
	}
	path := strings.TrimPrefix(doc.Versions["1.0.0"].Dist.Tarball, s.URL)
	for range 2 {
		if code, got := fetch(t, s, path); code != http.StatusOK || got != string(tarball.Bytes()) {
			t.Fatalf("%s: %d, %d bytes: %.200s", path, code, len(got), got)
		}
	}
	u.AskedOnce(t, "GET", "**.tgz")
	u.Origin.Down()
	if code, got := fetch(t, s, path); code != http.StatusOK || got != string(tarball.Bytes()) {
		t.Errorf("while the remote is down: %d, %d bytes", code, len(got))
	}
	if code, body := fetch(t, s, "/npm/mirror/left-pad"); code != http.StatusOK {
		t.Errorf("the document while the remote is down: %d %s", code, body)
	}
	if code, body := fetch(t, s, "/npm/mirror/other"); code != http.StatusServiceUnavailable {
		t.Errorf("what is not cached: %d %s", code, body)
	}
	s.MustFsck(t)
}

// TestPromoted: a version that only a registry elsewhere has is fetched and promoted. Its name stays the registry's: other versions are
// served beside it, and it can't be published over. It stays when the registry's repository goes.
func TestPromoted(t *testing.T) {
	e, u := newMirror(t)
	u.NPM("pad", "1.0.0", upstreamtest.NPMVersion{})
	u.NPM("pad", "2.0.0", upstreamtest.NPMVersion{})
	u.NPM("pad", "3.0.0", upstreamtest.NPMVersion{})
	named := func(repository string) registry.Name {
		return registry.Name{Repository: repository, Format: formatName, Package: "pad", Display: "pad"}
	}
	at := named("mirror")
	pkg, v, err := e.Upstreams.Promote(e.Admin, at.At("1.0.0"), "main", nil)
	must(t, err)
	if pkg.Origin != metadata.OriginPromoted || v.Size == 0 {
		t.Errorf("%+v, %+v", pkg, v)
	}
	u.AskedOnce(t, http.MethodGet, "/npm/pad/-/*")
	d, err := e.Catalog.VersionDetail(e.Admin, named("main").At("1.0.0"))
	must(t, err)
	if !slices.ContainsFunc(d.Facts, func(f registry.Fact) bool { return f.Key == upstreams.FactPromotedFrom && f.Value == "mirror" }) {
		t.Errorf("facts: %+v", d.Facts)
	}
	versions := func(repository string) string {
		t.Helper()
		c, err := e.Reader.PackageListing(e.Admin, named(repository), false)
		must(t, err)
		var names []string
		for _, v := range c.Versions {
			names = append(names, v.Name)
		}
		return strings.Join(names, " ")
	}
	if got := versions("all"); got != "1.0.0 2.0.0 3.0.0" {
		t.Errorf("through all: %s", got)
	}
	// Also where the first place that has a name answers alone.
	_, err = e.Upstreams.Change(e.Admin, "all", "main", func(v upstreams.Settings) (upstreams.Settings, error) {
		v.Mode = upstreams.First
		return v, nil
	})
	must(t, err)
	if got := versions("all"); got != "1.0.0 2.0.0 3.0.0" {
		t.Errorf("through all, the first place first: %s", got)
	}
	if _, err := publishOver(e, "main"); registry.KindOf(err) != registry.Denied {
		t.Errorf("published over: %v", err)
	}
	if _, err := publishOver(e, "all"); registry.KindOf(err) != registry.Denied {
		t.Errorf("published over, through all: %v", err)
	}
	must(t, e.Upstreams.Remove(e.Admin, "all", "mirror"))
	if got := versions("all"); got != "1.0.0" {
		t.Errorf("without the mirror: %s", got)
	}
	must(t, e.Upstreams.SetOrigin(e.Admin, named("main"), metadata.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
	_, err = publishOver(e, "main")
	must(t, err)
	if pkg, err := e.Catalog.Package(e.Admin, named("main")); err != nil || pkg.Origin != "" {
		t.Errorf("with both: %+v, %v", pkg, err)
	}
	if _, _, err := e.Upstreams.Promote(e.Admin, at.At("2.0.0"), "main", nil); err != nil {
		t.Errorf("beside what is published, with both: %v", err)
	}
	must(t, e.Upstreams.ClearOrigin(e.Admin, named("main")))
	if _, _, err := e.Upstreams.Promote(e.Admin, at.At("3.0.0"), "main", nil); registry.KindOf(err) != registry.Conflict {
		t.Errorf("beside what is published: %v", err)
	}
	e.MustFsck(t)
}

// publishOver publishes pad 9.0.0 into a repository.
func publishOver(e *env, repository string) (publish.Result, error) {
	p, err := e.Publisher.Begin(e.Admin, registry.Name{Repository: repository, Format: formatName, Package: "pad", Display: "pad"})
	if err != nil {
		return publish.Result{}, err
	}
	return p.Commit(e.Admin, publish.Release{Version: "9.0.0", PURL: "pkg:npm/pad@9.0.0", SortKey: []byte("9")})
}

// TestDeletedStaysAway: a version of a registry elsewhere that is deleted here is not listed and not fetched again, until it is restored.
func TestDeletedStaysAway(t *testing.T) {
	s, u := mirror(t)
	u.NPM("pad", "1.0.0", upstreamtest.NPMVersion{})
	u.NPM("pad", "2.0.0", upstreamtest.NPMVersion{})
	u.NPMTag("pad", "next", "2.0.0")
	tarball := "/npm/mirror/pad/-/pad-2.0.0.tgz"
	if status, text := fetch(t, s, tarball); status != http.StatusOK {
		t.Fatal(text)
	}
	at := registry.Name{Repository: "mirror", Format: formatName, Package: "pad"}.At("2.0.0")
	if err := s.Publisher.Delete(s.Admin, at, "malware"); err != nil {
		t.Fatal(err)
	}
	u.Reset()
	if status, text := fetch(t, s, tarball); status != http.StatusNotFound || !strings.Contains(text, "was deleted") {
		t.Errorf("the tarball: %d %s", status, text)
	}
	u.NeverAsked(t, "/npm/pad/-/**")
	if status, text := fetch(t, s, "/npm/mirror/pad"); status != http.StatusOK || strings.Contains(text, `"2.0.0"`) || !strings.Contains(text, `"latest":"1.0.0"`) {
		t.Errorf("the packument: %d %s", status, text)
	} else if strings.Contains(text, `"next"`) {
		t.Errorf("a tag names what is deleted: %s", text)
	}
	if c, err := s.Reader.PackageListing(s.Admin, at.Name, false); err != nil || c.Package.Latest != "1.0.0" || len(c.Versions) != 1 {
		t.Errorf("the newest version is %q of %d: %v", c.Package.Latest, len(c.Versions), err)
	}
	if _, _, err := s.Publisher.Restore(s.Admin, at, "a mistake"); err != nil {
		t.Fatal(err)
	}
	if status, text := fetch(t, s, tarball); status != http.StatusOK {
		t.Errorf("restored: %s", text)
	}
	if status, text := fetch(t, s, "/npm/mirror/pad"); status != http.StatusOK || !strings.Contains(text, `"2.0.0"`) {
		t.Errorf("the packument, restored: %d %s", status, text)
	}

	// Where deleted coordinates may be used again, a deleted version may come again as well.
	must(t, s.Publisher.Delete(s.Admin, at, "malware"))
	_, err := s.Core.UpdateRepository(s.Admin, "mirror", registry.RepositoryChange{Settings: map[string]any{registry.AllowReuse.Name: true}})
	must(t, err)
	if status, text := fetch(t, s, "/npm/mirror/pad"); status != http.StatusOK || !strings.Contains(text, `"2.0.0"`) {
		t.Errorf("the packument, with allow_reuse: %d %s", status, text)
	}
	if status, text := fetch(t, s, tarball); status != http.StatusOK {
		t.Errorf("with allow_reuse: %d %s", status, text)
	}
	s.MustFsck(t)
}

// TestWritesOverCached: a name that came to a repository from a registry elsewhere can't be published through it to the upstream that takes
// its writes, until an administrator allows both.
func TestWritesOverCached(t *testing.T) {
	e, u := newMirror(t)
	u.NPM("pad", "1.0.0", upstreamtest.NPMVersion{})
	_, err := e.Upstreams.Add(e.Admin, "mirror", upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: "main", Settings: upstreams.Settings{Writes: true}})
	must(t, err)
	if _, err := e.Reader.File(catalog.Whole(e.Admin), registry.Name{Repository: "mirror", Format: formatName, Package: "pad"}.At("1.0.0"), "pad-1.0.0.tgz"); err != nil {
		t.Fatal(err)
	}
	if _, err := publishOver(e, "mirror"); registry.KindOf(err) != registry.Denied || !strings.Contains(err.Error(), "slipway origin set mirror npm pad both") {
		t.Errorf("over a cached name: %v", err)
	}
	must(t, e.Upstreams.SetOrigin(e.Admin, registry.Name{Repository: "mirror", Format: formatName, Package: "pad"}, metadata.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
	if _, err := publishOver(e, "mirror"); err != nil {
		t.Errorf("with both: %v", err)
	}
}
