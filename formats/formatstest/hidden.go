package formatstest

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
)

// upTo is a Reader before another one. It shows the versions that were published up to an entry of the log, as a channel over a
// past moment would; -1 shows all.
type upTo struct {
	catalog.Reader
	seq atomic.Int64
}

func (u *upTo) shows(v registry.Version) bool {
	seq := u.seq.Load()
	return seq < 0 || v.Seq <= seq
}

func notThere(about registry.Subject) error {
	return registry.Errorf(registry.NotFound, about, "not here")
}

func (u *upTo) PackageListing(ctx context.Context, at registry.Name, files bool) (catalog.PackageListing, error) {
	c, err := u.Reader.PackageListing(ctx, at, files)
	if err != nil {
		return c, err
	}
	shown := map[int64]registry.Version{}
	c.Versions = slices.DeleteFunc(slices.Clone(c.Versions), func(v registry.Version) bool {
		if u.shows(v) {
			shown[v.ID] = v
			return false
		}
		return true
	})
	if len(shown) == 0 {
		return c, notThere(registry.AboutPackage)
	}
	c.Tags = slices.DeleteFunc(slices.Clone(c.Tags), func(t registry.Tag) bool { _, ok := shown[t.VersionID]; return !ok })
	c.Package.VersionCount, c.Package.Latest = int64(len(shown)), c.Versions[len(c.Versions)-1].Name
	return c, nil
}

func (u *upTo) Package(ctx context.Context, at registry.Name) (registry.Package, error) {
	c, err := u.PackageListing(ctx, at, false)
	return c.Package, err
}

func (u *upTo) PackageOrGroup(ctx context.Context, at registry.Name, prefix string) (registry.Package, bool, error) {
	_, group, err := u.Reader.PackageOrGroup(ctx, at, prefix)
	if err != nil {
		return registry.Package{}, group, err
	}
	p, err := u.Package(ctx, at)
	if registry.KindOf(err) == registry.NotFound {
		return registry.Package{}, group, nil
	}
	return p, group, err
}

func (u *upTo) Packages(ctx context.Context, repository string, q catalog.PackageQuery) ([]registry.Package, error) {
	list, err := u.Reader.Packages(ctx, repository, q)
	for i, p := range list {
		if err != nil {
			break
		}
		list[i], err = u.Package(ctx, registry.Name{Repository: repository, Format: p.Format, Package: p.Key, Display: p.Name})
	}
	return list, err
}

func (u *upTo) Versions(ctx context.Context, at registry.Name, q catalog.VersionQuery) ([]registry.Version, error) {
	list, err := u.Reader.Versions(ctx, at, q)
	return slices.DeleteFunc(list, func(v registry.Version) bool { return !u.shows(v) }), err
}

func (u *upTo) Resolve(ctx context.Context, at registry.Name, ref catalog.Ref) (registry.Version, error) {
	v, err := u.Reader.Resolve(ctx, at, ref)
	if err == nil && !u.shows(v) {
		return registry.Version{}, notThere(registry.AboutVersion)
	}
	return v, err
}

func (u *upTo) VersionDetail(ctx context.Context, at registry.Coordinate) (catalog.VersionDetail, error) {
	d, err := u.Reader.VersionDetail(ctx, at)
	if err == nil && !u.shows(d.Version) {
		return catalog.VersionDetail{}, notThere(registry.AboutVersion)
	}
	return d, err
}

func (u *upTo) File(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	f, err := u.Reader.File(ctx, at, path)
	if err != nil {
		return f, err
	}
	c, err := u.PackageListing(ctx, at.Name, false)
	if err == nil && !slices.ContainsFunc(c.Versions, func(v registry.Version) bool { return v.ID == f.VersionID }) {
		err = notThere(registry.AboutFile)
	}
	return f, err
}

func (u *upTo) Folder(ctx context.Context, at registry.Coordinate, q catalog.FolderQuery) ([]catalog.FolderEntry, error) {
	if _, err := u.Resolve(ctx, at.Name, catalog.Ref{Version: at.Version}); err != nil {
		return nil, err
	}
	return u.Reader.Folder(ctx, at, q)
}

func (u *upTo) Tags(ctx context.Context, at registry.Name) ([]registry.Tag, error) {
	c, err := u.PackageListing(ctx, at, false)
	return c.Tags, err
}

func (u *upTo) TagPage(ctx context.Context, at registry.Name, page registry.Page) ([]registry.Tag, error) {
	tags, err := u.Tags(ctx, at)
	tags = slices.DeleteFunc(tags, func(t registry.Tag) bool { return t.Name <= page.After })
	if page.Limit > 0 && len(tags) > page.Limit {
		tags = tags[:page.Limit]
	}
	return tags, err
}

func (u *upTo) Referrers(ctx context.Context, at registry.Name, d digest.Digest, after int64, limit int) ([]registry.Version, error) {
	list, err := u.Reader.Referrers(ctx, at, d, after, limit)
	return slices.DeleteFunc(list, func(v registry.Version) bool { return !u.shows(v) }), err
}

// hidden puts a Reader before the catalog that hides a version: no document of the format names it and no address serves it,
// while the one beside it is served as before. So nothing that a front-end reads bypasses its Reader.
func (s Suite) hidden(t *testing.T) {
	const hiddenVersion = "2.71828.1"
	view := &upTo{}
	view.seq.Store(-1)
	srv := s.serverWith(t, Options{Reader: func(r catalog.Reader) catalog.Reader { view.Reader = r; return view }})
	shown := s.publish(t, srv, "example", "1.0.0", []byte("shown"))
	first := s.only(t, srv)
	_, last, err := srv.Ledger.Events(srv.Admin, ledger.EventQuery{After: -1})
	srv.must(err)
	hidden := s.publish(t, srv, "example", hiddenVersion, []byte("hidden"))
	if res := srv.Do(Admin, s.Download("main", "example", hiddenVersion)); res.Status != http.StatusOK || !bytes.Equal(res.Body, hidden) {
		t.Fatalf("before it is hidden: %v", res)
	}
	named := func(report func(route httpserver.Route, res Response)) (n int) {
		ask := func(route httpserver.Route, q Request) {
			if q.Method != http.MethodGet {
				return
			}
			if res := srv.Do(Admin, q); res.Status == http.StatusOK && bytes.Contains(res.Body, []byte(hiddenVersion)) {
				n++
				report(route, res)
			}
		}
		s.examples(t, srv, "main", ask)
		if s.Listing != nil {
			ask(httpserver.Route{Name: "listing"}, s.Listing("main", "example"))
		}
		return n
	}
	view.seq.Store(last)
	named(func(route httpserver.Route, res Response) {
		t.Errorf("%s names the hidden version: %v", route.Name, res)
	})
	if res := srv.Do(Admin, s.Download("main", "example", hiddenVersion)); res.Status != http.StatusNotFound {
		t.Errorf("the hidden version: %v, want 404", res)
	}
	if res := srv.Do(Admin, s.Download("main", "example", "1.0.0")); res.Status != http.StatusOK || !bytes.Equal(res.Body, shown) {
		t.Errorf("the version beside it: %v", res)
	}
	// Documents are remembered by the package's revision, so what was rendered while the version was hidden has to go first.
	srv.must(srv.Publisher.Declare(srv.Admin, first, registry.Declared{Custom: map[string]string{"seen": "yes"}}))
	view.seq.Store(-1)
	if named(func(httpserver.Route, Response) {}) == 0 {
		t.Error("no document names the version when it is not hidden: the test proves nothing")
	}
}

// readsFirst: a publish reads what it needs before its first log entry, as a store with several writers wants it.
func (s Suite) readsFirst(t *testing.T) {
	var reads atomic.Int64
	srv := s.serverWith(t, Options{Core: []registrytest.Option{registrytest.LateReads(&reads)}})
	reads.Store(0)
	for _, version := range []string{"1.0.0", "2.0.0", "1.5.0"} {
		s.publish(t, srv, "example", version, []byte(version))
	}
	if n := reads.Load(); n > 0 {
		t.Errorf("%d queries of three publishes come after their first log entry", n)
	}
}
