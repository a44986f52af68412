package metadatatest

import (
	"cmp"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

func testUpstreams(e *env) {
	r, other, gone := e.repository("main"), e.repository("other"), e.repository("gone")
	create := func(u metadata.Upstream) metadata.Upstream {
		var out metadata.Upstream
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Upstreams().CreateUpstream(u)
			return err
		})
		u.ID, u.CreatedAt = out.ID, e.now()
		equal(e, "created", out, u)
		return out
	}
	list := func() []metadata.Upstream {
		return read(e, func(tx metadata.Tx) ([]metadata.Upstream, error) { return tx.Upstreams().Upstreams() })
	}
	count := func() int {
		return read(e, func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Repository("main") }).Upstreams
	}
	equal(e, "none", list(), nil)
	remote := create(metadata.Upstream{RepositoryID: r.ID, Position: 1, Name: "remote", Type: metadata.UpstreamRemote, Format: "npm",
		URL: "https://registry.example.com/", Settings: []byte(`{"x":1}`), Secret: []byte{1, 2}})
	member := create(metadata.Upstream{RepositoryID: r.ID, Name: "other", Type: metadata.UpstreamRepository, MemberID: other.ID})
	lost := create(metadata.Upstream{RepositoryID: gone.ID, Name: "other", Type: metadata.UpstreamRepository, MemberID: other.ID})
	equal(e, "by position", list(), []metadata.Upstream{member, remote, lost})
	equal(e, "count", count(), 2)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "remote"})
		return err
	})

	remote.Position, remote.URL, remote.Settings, remote.Secret = -1, "https://other.example.com/", nil, nil
	e.update(func(tx metadata.Tx) error { return tx.Upstreams().UpdateUpstream(remote) })
	e.update(func(tx metadata.Tx) error { return tx.Repositories().DeleteRepository(gone.ID) })
	equal(e, "updated, without those of a deleted repository", list(), []metadata.Upstream{remote, member})
	e.update(func(tx metadata.Tx) error { return tx.Upstreams().RemoveUpstream(member.ID) })
	equal(e, "removed", list(), []metadata.Upstream{remote})
	equal(e, "count after one was removed", count(), 1)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Upstreams().RemoveUpstream(member.ID) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Upstreams().UpdateUpstream(member) })
	if again := create(metadata.Upstream{RepositoryID: r.ID, Name: "other", Type: metadata.UpstreamRepository, MemberID: other.ID}); again.ID == member.ID {
		e.Error("a removed upstream's id was given again")
	}
}

func testClaims(e *env) {
	create := func(c metadata.Claim) metadata.Claim {
		var out metadata.Claim
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Upstreams().CreateClaim(c)
			return err
		})
		c.ID, c.CreatedAt = out.ID, e.now()
		equal(e, "created", out, c)
		return out
	}
	list := func() []metadata.Claim {
		return read(e, func(tx metadata.Tx) ([]metadata.Claim, error) { return tx.Upstreams().Claims() })
	}
	b := create(metadata.Claim{RepositoryID: 7, Format: "npm", Pattern: "@acme/*", CreatedBy: "ann"})
	a := create(metadata.Claim{Format: "npm", Pattern: "@acme/*", CreatedBy: "bob"})
	equal(e, "all", list(), []metadata.Claim{a, b})
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Upstreams().CreateClaim(metadata.Claim{Format: "npm", Pattern: "@acme/*"})
		return err
	})
	e.update(func(tx metadata.Tx) error { return tx.Upstreams().DeleteClaim(a.ID) })
	equal(e, "after one was deleted", list(), []metadata.Claim{b})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Upstreams().DeleteClaim(a.ID) })
}

func testOrigins(e *env) {
	r := e.repository("main")
	list := func() []metadata.Origin {
		return read(e, func(tx metadata.Tx) ([]metadata.Origin, error) { return tx.Upstreams().Origins() })
	}
	put := func(o metadata.Origin) { e.update(func(tx metadata.Tx) error { return tx.Upstreams().PutOrigin(o) }) }
	want := metadata.Origin{RepositoryID: r.ID, Format: "npm", Key: "lodash", Origin: "both", Upstream: "u", Reason: "a patch", SetBy: "ann",
		SetAt: e.now(), ExpiresAt: e.now().Add(time.Hour)}
	put(want)
	equal(e, "stored", list(), []metadata.Origin{want})
	want.Origin, want.Upstream, want.Reason, want.SetBy, want.ExpiresAt = "upstream", "", "", "bob", time.Time{}
	put(want)
	equal(e, "replaced", list(), []metadata.Origin{want})
	e.update(func(tx metadata.Tx) error { return tx.Upstreams().DeleteOrigin(want) })
	equal(e, "deleted", list(), nil)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Upstreams().DeleteOrigin(want) })
}

func testPackagesNamed(e *env) {
	a, b, c := e.repository("a"), e.repository("b"), e.repository("c")
	want := []metadata.Package{e.pkg(a, "npm", "x"), e.pkg(b, "npm", "x")}
	want[0].Repository, want[1].Repository = a.Name, b.Name
	e.pkg(c, "npm", "x")
	e.pkg(a, "npm", "y")
	e.pkg(a, "pypi", "x")
	got := read(e, func(tx metadata.Tx) ([]metadata.Package, error) {
		return tx.Packages().PackagesNamed([]int64{b.ID, a.ID, 99}, "npm", "x")
	})
	slices.SortFunc(got, func(a, b metadata.Package) int { return cmp.Compare(a.ID, b.ID) })
	equal(e, "named x in two repositories", got, want)
}

func testCachedFiles(e *env) {
	p := e.main()
	v := e.version(p, "1")
	u := read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(p.ID) })
	var up metadata.Upstream
	e.update(func(tx metadata.Tx) (err error) {
		up, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: u.RepositoryID, Name: "remote", Type: metadata.UpstreamRemote})
		return err
	})
	put := func(f metadata.CachedFile) {
		e.update(func(tx metadata.Tx) error { return tx.Caches().PutCachedFile(f) })
	}
	get := func(tx metadata.Tx) (metadata.CachedFile, error) { return tx.Caches().CachedFile(v.ID, "b") }
	missing(e, "none", get)
	want := metadata.CachedFile{VersionID: v.ID, Path: "b", Digest: digest.FromString("b"), UpstreamID: up.ID, URL: "https://example.com/b", ETag: `"x"`,
		LastModified: "yesterday", Verified: "sha1", PublishedAt: e.now().Add(-time.Hour), FirstSeenAt: e.now().Add(-time.Minute), EnteredAt: e.now(), EnteredBy: "ann", CheckedAt: e.now()}
	put(want)
	want.UsedAt = e.now()
	equal(e, "stored", read(e, get), want)
	want.Digest, want.ETag, want.PublishedAt = digest.FromString("other"), "", time.Time{}
	put(want)
	equal(e, "replaced", read(e, get), want)
	first := want
	first.Path = "a"
	put(first)
	here := e.blob("other")
	entered := read(e, func(tx metadata.Tx) ([]metadata.Entered, error) {
		return tx.Caches().EnteredFiles(u.RepositoryID, u.Format, u.Key)
	})
	equal(e, "entered", len(entered), 2)
	for i, path := range []string{"a", "b"} {
		f := entered[i]
		if f.Version != "1" || f.VersionID != v.ID || f.Path != path || f.Digest != want.Digest || f.UpstreamID != up.ID || f.Blob.ID != here.ID || f.Blob.Size != here.Size {
			e.Errorf("entered: %+v", f)
		}
	}
	equal(e, "of a version", read(e, func(tx metadata.Tx) ([]metadata.CachedFile, error) { return tx.Caches().CachedFiles(v.ID) }), []metadata.CachedFile{first, want})
}

func testUpstreamIndexes(e *env) {
	r := e.repository("main")
	var up metadata.Upstream
	e.update(func(tx metadata.Tx) (err error) {
		up, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "remote", Type: metadata.UpstreamRemote})
		return err
	})
	body := func(text string) metadata.Blob { return e.blob(text) }
	put := func(i metadata.UpstreamIndex) {
		e.update(func(tx metadata.Tx) error { return tx.Caches().PutIndex(i) })
	}
	get := func(key string) func(metadata.Tx) (metadata.UpstreamIndex, error) {
		return func(tx metadata.Tx) (metadata.UpstreamIndex, error) { return tx.Caches().Index(up.ID, "npm", key) }
	}
	missing(e, "none", get("a"))
	first := body("first")
	want := metadata.UpstreamIndex{UpstreamID: up.ID, Format: "npm", Key: "a", Fingerprint: []byte{1}, Body: metadata.Blob{ID: first.ID, Digest: first.Digest},
		Base: "https://example.com/a", Seen: []byte{2, 3}, ETag: `"x"`, LastModified: "yesterday", FetchedAt: e.now(), CheckedAt: e.now().Add(1e3),
		FreshUntil: e.now().Add(2e3), UsedAt: e.now().Add(3e3), BaselineAt: e.now().Add(4e3), State: metadata.IndexOK}
	put(want)
	equal(e, "stored", read(e, get("a")), want)

	unreferenced := func() []metadata.Blob {
		return read(e, func(tx metadata.Tx) ([]metadata.Blob, error) {
			return tx.Collection().Unreferenced(tx.Now().Add(time.Second), tx.Now(), 0, 10)
		})
	}
	condemned := func(b metadata.Blob) bool {
		var dead bool
		e.update(func(tx metadata.Tx) (err error) {
			dead, err = tx.Collection().Condemn(b, tx.Now().Add(time.Second))
			return err
		})
		return dead
	}
	equal(e, "unreferenced with the index", unreferenced(), nil)
	if condemned(first) {
		e.Error("the body of an index was condemned")
	}
	second := body("second")
	former := want
	want.Body, want.Seen, want.State, want.Fingerprint = metadata.Blob{ID: second.ID, Digest: second.Digest}, nil, metadata.IndexGone, []byte{9}
	put(want)
	equal(e, "replaced", read(e, get("a")), want)
	if list := unreferenced(); len(list) != 1 || list[0].ID != former.Body.ID || !list[0].ReleasedAt.Equal(e.now()) {
		e.Errorf("unreferenced after the replacement: %+v", list)
	}
	want.CheckedAt, want.FreshUntil, want.UsedAt = e.now().Add(5e3), e.now().Add(6e3), e.now().Add(7e3)
	e.update(func(tx metadata.Tx) error { return tx.Caches().TouchIndex(want) })
	equal(e, "touched", read(e, get("a")), want)
	bare := want
	bare.Seen = nil
	equal(e, "by body", read(e, func(tx metadata.Tx) ([]metadata.UpstreamIndex, error) { return tx.Caches().IndexesWith(second.ID) }), []metadata.UpstreamIndex{bare})

	drop := func(before time.Time, want int64) {
		e.Helper()
		var n int64
		e.update(func(tx metadata.Tx) (err error) {
			n, err = tx.Caches().DropIndexes(before, 10)
			return err
		})
		equal(e, "dropped", n, want)
	}
	drop(want.UsedAt, 0)
	drop(want.UsedAt.Add(time.Microsecond), 1)
	missing(e, "after the drop", get("a"))
	equal(e, "unreferenced after the drop", len(unreferenced()), 2)

	put(want)
	other := want
	other.Key = "b"
	put(other)
	e.update(func(tx metadata.Tx) error { return tx.Caches().DropIndex(up.ID, "npm", "b") })
	missing(e, "dropped alone", get("b"))
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Caches().DropIndex(up.ID, "npm", "b") })
	e.update(func(tx metadata.Tx) error { return tx.Upstreams().RemoveUpstream(up.ID) })
	missing(e, "of a removed upstream", get("a"))
	equal(e, "unreferenced of a removed upstream", len(unreferenced()), 2)
}

func testSightings(e *env) {
	r := e.repository("main")
	var up metadata.Upstream
	e.update(func(tx metadata.Tx) (err error) {
		up, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "remote", Type: metadata.UpstreamRemote})
		return err
	})
	first := metadata.Sighting{UpstreamID: up.ID, Key: "team/app", Digest: "sha256:00", SeenAt: time.UnixMicro(1_000_001).UTC()}
	get := func(tx metadata.Tx) (metadata.Sighting, error) {
		return tx.Caches().Sighting(up.ID, first.Key, first.Digest)
	}
	missing(e, "not noted", get)
	for _, later := range []time.Duration{0, time.Hour} { // the first one stays
		s := first
		s.SeenAt = s.SeenAt.Add(later)
		e.update(func(tx metadata.Tx) error { return tx.Caches().NoteSighting(s) })
		equal(e, "noted", read(e, get), first)
	}
	e.update(func(tx metadata.Tx) error { return tx.Upstreams().RemoveUpstream(up.ID) })
	missing(e, "of a removed upstream", get)
}
