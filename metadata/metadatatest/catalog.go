package metadatatest

import (
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

func testRepositories(e *env) {
	want := metadata.Repository{Name: "main", Description: "ours", Settings: []byte(`{"x":1}`)}
	e.update(func(tx metadata.Tx) error {
		r, err := tx.Repositories().CreateRepository(want)
		if err != nil {
			return err
		}
		if r.ID == 0 {
			e.Error("no ID")
		}
		want.ID, want.CreatedAt = r.ID, tx.Now()
		equal(e, "created", r, want)
		return nil
	})
	get := func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Repository("main") }
	equal(e, "read", read(e, get), want)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
		return err
	})
	missing(e, "unknown", func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Repository("Main") })

	want.Description, want.Settings = "", nil
	e.update(func(tx metadata.Tx) error { return tx.Repositories().UpdateRepository(want) })
	equal(e, "updated", read(e, get), want)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Repositories().UpdateRepository(metadata.Repository{ID: 99}) })

	p := e.pkg(want, "npm", "x")
	e.update(func(tx metadata.Tx) error { return tx.Repositories().DeleteRepository(want.ID) })
	missing(e, "deleted", get)
	missing(e, "package of a deleted one", func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().Package("main", "npm", "x") })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Repositories().DeleteRepository(want.ID) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Repositories().UpdateRepository(want) })
	equal(e, "history", read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(p.ID) }).Repository, "main")

	for _, name := range []string{"main", ""} {
		equal(e, "uncleared by "+name, read(e, func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Uncleared(name) }).ID, want.ID)
	}
	missing(e, "uncleared of another name", func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Uncleared("x") })
	e.update(func(tx metadata.Tx) error { return tx.Repositories().Cleared(want.ID) })
	missing(e, "cleared", func(tx metadata.Tx) (metadata.Repository, error) { return tx.Repositories().Uncleared("") })

	again := e.repository("main")
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Repositories().Cleared(again.ID) })
	if again.ID == want.ID {
		e.Error("the name's second repository has the ID of the first")
	}
	equal(e, "named", read(e, func(tx metadata.Tx) ([]int64, error) { return tx.Repositories().RepositoriesNamed("main") }), []int64{want.ID, again.ID})
	equal(e, "named by nobody", read(e, func(tx metadata.Tx) ([]int64, error) { return tx.Repositories().RepositoriesNamed("x") }), nil)
	missing(e, "package of the former one", func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().Package("main", "npm", "x") })
}

func testRepositoryPages(e *env) {
	for _, n := range []string{"c", "a", "e", "b", "d"} {
		e.repository(n)
	}
	gone := e.repository("bb")
	e.update(func(tx metadata.Tx) error { return tx.Repositories().DeleteRepository(gone.ID) })
	list := func(p metadata.Page) []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Repository, error) { return tx.Repositories().Repositories(p) }),
			func(r metadata.Repository) string { return r.Name })
	}
	equal(e, "all", list(metadata.Page{}), []string{"a", "b", "c", "d", "e"})
	equal(e, "first", list(metadata.Page{Limit: 2}), []string{"a", "b"})
	equal(e, "next", list(metadata.Page{After: "b", Limit: 2}), []string{"c", "d"})
	equal(e, "between", list(metadata.Page{After: "bz", Limit: 9}), []string{"c", "d", "e"})
	equal(e, "end", list(metadata.Page{After: "e", Limit: 2}), nil)
}

func testPackages(e *env) {
	r := e.repository("main")
	want := metadata.Package{RepositoryID: r.ID, Repository: "main", Format: "npm", Key: "left-pad", Name: "Left-Pad",
		Latest: "1.0", VersionCount: 2, Descriptor: []byte{0, 1}}
	e.update(func(tx metadata.Tx) error {
		p, err := tx.Packages().CreatePackage(want)
		want.ID, want.Revision, want.CreatedAt, want.UpdatedAt = p.ID, 1, tx.Now(), tx.Now()
		equal(e, "created", p, want)
		return err
	})
	get := func(tx metadata.Tx) (metadata.Package, error) {
		return tx.Packages().Package("main", "npm", "left-pad")
	}
	equal(e, "read", read(e, get), want)
	equal(e, "by id", read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(want.ID) }), want)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Packages().CreatePackage(want)
		return err
	})
	e.pkg(r, "pypi", "left-pad")
	for _, at := range [][3]string{{"other", "npm", "left-pad"}, {"main", "oci", "left-pad"}, {"main", "npm", "Left-Pad"}} {
		missing(e, fmt.Sprint(at), func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().Package(at[0], at[1], at[2]) })
	}
	missing(e, "id", func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(99) })

	e.clock.Add(time.Second)
	want.Latest, want.VersionCount, want.Descriptor = "", 0, nil
	e.update(func(tx metadata.Tx) error {
		changed := want
		changed.Revision, changed.Name, changed.Key = 77, "other", "other"
		want.Revision, want.UpdatedAt = 2, tx.Now()
		return tx.Packages().UpdatePackage(changed)
	})
	equal(e, "updated", read(e, get), want)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Packages().UpdatePackage(metadata.Package{ID: 99}) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		_, err := tx.Packages().CreatePackage(metadata.Package{RepositoryID: 99, Format: "npm", Key: "a", Name: "a"})
		return err
	})
}

func testPackageLike(e *env) {
	r, other := e.repository("main"), e.repository("other")
	e.pkg(r, "npm", "plain")
	e.pkg(r, "npm", "JSONStream")
	e.pkg(r, "npm", "Äpfel")
	e.pkg(other, "npm", "else")
	e.pkg(r, "pypi", "wheel")
	for key, want := range map[string]string{"Plain": "plain", "PLAIN": "plain", "jsonstream": "JSONStream", "JsonStream": "JSONStream", "ÄPfel": "Äpfel"} {
		got := read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageLike(r.ID, "npm", key) })
		equal(e, key, got.Key, want)
	}
	for _, key := range []string{"plain", "JSONStream", "json-stream", "Else", "Wheel", "äpfel", "none"} {
		missing(e, key, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageLike(r.ID, "npm", key) })
	}
}

func testPackageQueries(e *env) {
	r, other := e.repository("main"), e.repository("other")
	for _, at := range [][2]string{{"pypi", "a"}, {"npm", "b"}, {"npm", "a"}, {"npm", "a_b%c"}, {"npm", "aXbYc"}, {"oci", "team/app"}, {"npm", "x!y"}, {"npm", "Äpfel"}} {
		e.pkg(r, at[0], at[1])
	}
	e.pkg(other, "npm", "zzz")
	list := func(q metadata.PackageQuery) []string {
		if q.RepositoryID == 0 {
			q.RepositoryID = r.ID
		}
		return names(read(e, func(tx metadata.Tx) ([]metadata.Package, error) { return tx.Packages().Packages(q) }),
			func(p metadata.Package) string { return p.Format + " " + p.Key })
	}
	all := []string{"npm a", "npm aXbYc", "npm a_b%c", "npm b", "npm x!y", "npm Äpfel", "oci team/app", "pypi a"}
	equal(e, "all", list(metadata.PackageQuery{}), all)
	equal(e, "of the other", list(metadata.PackageQuery{RepositoryID: other.ID}), []string{"npm zzz"})
	equal(e, "format", list(metadata.PackageQuery{Format: "npm"}), all[:6])
	var paged []string
	q := metadata.PackageQuery{Limit: 3}
	for {
		page := read(e, func(tx metadata.Tx) ([]metadata.Package, error) {
			q.RepositoryID = r.ID
			return tx.Packages().Packages(q)
		})
		for _, p := range page {
			paged = append(paged, p.Format+" "+p.Key)
			q.AfterFormat, q.AfterKey = p.Format, p.Key
		}
		if len(page) < q.Limit {
			break
		}
	}
	equal(e, "pages", paged, all)
	equal(e, "page of a format", list(metadata.PackageQuery{Format: "npm", AfterFormat: "npm", AfterKey: "aXbYc", Limit: 2}), all[2:4])
	for part, want := range map[string][]string{
		"B":     {"npm aXbYc", "npm a_b%c", "npm b"},
		"_":     {"npm a_b%c"},
		"%":     {"npm a_b%c"},
		"b%c":   {"npm a_b%c"},
		"!":     {"npm x!y"},
		"*":     nil,
		"XBY":   {"npm aXbYc"},
		"TEAM/": {"oci team/app"},
		"Äp":    {"npm Äpfel"},
	} {
		equal(e, "contains "+part, list(metadata.PackageQuery{Contains: part}), want)
	}
	equal(e, "contains in a format", list(metadata.PackageQuery{Contains: "a", Format: "pypi"}), []string{"pypi a"})
	equal(e, "until", list(metadata.PackageQuery{AfterFormat: "npm", AfterKey: "x!y", UntilFormat: "oci", UntilKey: "team/app"}), all[5:7])
	equal(e, "contains, until", list(metadata.PackageQuery{Contains: "b", UntilFormat: "npm", UntilKey: "a_b%c"}), all[1:3])
	equal(e, "contains in a format, until", list(metadata.PackageQuery{Contains: "b", Format: "npm", UntilFormat: "npm", UntilKey: "a_b%c"}), all[1:3])
	at := func(q metadata.PackageQuery, n int) func(tx metadata.Tx) (string, error) {
		q.RepositoryID = r.ID
		return func(tx metadata.Tx) (string, error) {
			format, key, err := tx.Packages().PackageAt(q, n)
			return format + " " + key, err
		}
	}
	equal(e, "first", read(e, at(metadata.PackageQuery{}, 0)), all[0])
	equal(e, "third of the format", read(e, at(metadata.PackageQuery{Format: "npm", AfterKey: "a"}, 2)), all[3])
	equal(e, "third behind", read(e, at(metadata.PackageQuery{AfterFormat: "npm", AfterKey: "b"}, 2)), all[6])
	missing(e, "behind the last", at(metadata.PackageQuery{}, len(all)))
	equal(e, "contains, second page", list(metadata.PackageQuery{Contains: "b", AfterFormat: "npm", AfterKey: "aXbYc", Limit: 1}), []string{"npm a_b%c"})
}

func testVersions(e *env) {
	p := e.main()
	want := metadata.Version{PackageID: p.ID, Name: "1.0.0-rc.1", PURL: "pkg:npm/left-pad@1.0.0-rc.1", State: metadata.Published,
		Reason: "", Digest: digest.FromString("x"), Size: 12, SortKey: []byte{1, 0, 255}, Prerelease: true,
		Descriptor: []byte(`{"name":"left-pad"}`), PublishedAt: e.now().Add(-time.Hour), PublishedBy: "ann", PublisherID: "user:1",
		UpdatedAt: e.now().Add(-time.Minute), Seq: 17}
	e.update(func(tx metadata.Tx) error {
		v, err := tx.Versions().CreateVersion(want)
		want.ID = v.ID
		equal(e, "created", v, want)
		return err
	})
	get := func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().Version(p.ID, want.Name) }
	equal(e, "read", read(e, get), want)
	equal(e, "by id", read(e, func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().VersionByID(want.ID) }), want)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Versions().CreateVersion(want)
		return err
	})
	missing(e, "name", func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().Version(p.ID, "1.0.0-RC.1") })
	missing(e, "package", func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().Version(99, want.Name) })
	missing(e, "id", func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().VersionByID(99) })

	e.clock.Add(time.Second)
	want.State, want.Reason, want.Digest, want.Size, want.Descriptor = metadata.Deleted, "broken", "", 0, nil
	want.SortKey, want.PURL, want.PublishedAt, want.PublishedBy, want.PublisherID, want.Seq = nil, "pkg:x", e.now(), "bob", "user:2", 20
	e.update(func(tx metadata.Tx) error {
		changed := want
		changed.Name, changed.PackageID, changed.UpdatedAt = "other", 99, time.Time{}
		want.UpdatedAt = tx.Now()
		return tx.Versions().UpdateVersion(changed)
	})
	equal(e, "updated tombstone", read(e, get), want)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Versions().UpdateVersion(metadata.Version{ID: 99}) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		_, err := tx.Versions().CreateVersion(metadata.Version{PackageID: 99, Name: "1"})
		return err
	})
	for _, d := range []digest.Digest{digest.SHA512.FromString("x"), digest.SHA384.FromString("x")} {
		e.update(func(tx metadata.Tx) error {
			v := want
			v.Digest = d
			return tx.Versions().UpdateVersion(v)
		})
		equal(e, "digest", read(e, get).Digest, d)
	}
}

func testHighest(e *env) {
	p, other := e.main(), e.pkg(e.repository("other"), "npm", "left-pad")
	e.version(other, "9")
	highest := func(tx metadata.Tx) (string, error) { return tx.Versions().Highest(p.ID) }
	missing(e, "no version", highest)
	for _, step := range []struct {
		v    metadata.Version
		want string
	}{
		{metadata.Version{Name: "1-rc", Prerelease: true}, "1-rc"},
		{metadata.Version{Name: "2-rc", Prerelease: true}, "2-rc"}, // without a release, the highest prerelease
		{metadata.Version{Name: "3", State: metadata.Yanked}, "3"},
		{metadata.Version{Name: "1"}, "1"},
		{metadata.Version{Name: "4", State: metadata.Deleted}, "1"},
		{metadata.Version{Name: "4-rc", Prerelease: true}, "1"},
		{metadata.Version{Name: "2", State: metadata.Deprecated}, "2"},
		{metadata.Version{Name: "b", SortKey: []byte("2")}, "b"}, // of one key, the later name
		{metadata.Version{Name: "0"}, "b"},
		{metadata.Version{Name: "c", Attached: true}, "b"},
	} {
		e.update(func(tx metadata.Tx) error {
			step.v.PackageID = p.ID
			if step.v.SortKey == nil {
				step.v.SortKey = []byte(step.v.Name)
			}
			_, err := tx.Versions().CreateVersion(step.v)
			return err
		})
		equal(e, "with "+step.v.Name, read(e, highest), step.want)
	}
	for _, want := range []string{"2", "1", "0", "4-rc", "3", "2-rc", "1-rc"} { // states and prereleases may change
		e.update(func(tx metadata.Tx) error {
			name, err := highest(tx)
			if err != nil {
				return err
			}
			v, err := tx.Versions().Version(p.ID, name)
			v.State = metadata.Deleted
			return errors.Join(err, tx.Versions().UpdateVersion(v))
		})
		equal(e, "then", read(e, highest), want)
	}
}

func testVersionPages(e *env) {
	p, other := e.main(), e.pkg(e.repository("other"), "npm", "left-pad")
	e.version(other, "0")
	e.update(func(tx metadata.Tx) error {
		for i, v := range []struct {
			name, key string
			state     metadata.State
		}{
			{"1.10", "1.10", metadata.Published}, {"1.9", "1.09", metadata.Yanked}, {"b", "1.10", metadata.Published},
			{"2", "2", metadata.Deleted}, {"0", "", metadata.Published}, {"3", "3", metadata.Deprecated},
		} {
			if _, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: v.name, SortKey: []byte(v.key), State: v.state,
				Descriptor: []byte("d"), Seq: int64(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	list := func(q metadata.VersionPage) []metadata.Version {
		q.PackageID = p.ID
		return read(e, func(tx metadata.Tx) ([]metadata.Version, error) { return tx.Versions().Versions(q) })
	}
	name := func(v metadata.Version) string { return v.Name }
	live := []string{"0", "1.9", "1.10", "b", "3"}
	equal(e, "live", names(list(metadata.VersionPage{}), name), live)
	equal(e, "all", names(list(metadata.VersionPage{Deleted: true}), name), []string{"0", "1.9", "1.10", "b", "2", "3"})
	equal(e, "newest first", names(list(metadata.VersionPage{NewestFirst: true}), name), []string{"3", "b", "1.10", "1.9", "0"})
	equal(e, "newest", names(list(metadata.VersionPage{NewestFirst: true, Limit: 1}), name), []string{"3"})
	for _, newest := range []bool{false, true} {
		for _, deleted := range []bool{false, true} {
			q := metadata.VersionPage{NewestFirst: newest, Deleted: deleted}
			want := names(list(q), name)
			var got []string
			for q.Limit = 2; ; {
				page := list(q)
				for _, v := range page {
					got = append(got, v.Name)
					q.AfterSortKey, q.AfterName = v.SortKey, v.Name
				}
				if len(page) < q.Limit {
					break
				}
			}
			equal(e, fmt.Sprintf("pages newest=%v deleted=%v", newest, deleted), got, want)
		}
	}
	for _, bare := range []bool{false, true} {
		for _, v := range list(metadata.VersionPage{NoDescriptors: bare}) {
			if (v.Descriptor == nil) != bare {
				e.Errorf("NoDescriptors %v: descriptor %q", bare, v.Descriptor)
			}
		}
	}
}

func testVersionByDigest(e *env) {
	p, other := e.main(), e.pkg(e.repository("other"), "npm", "left-pad")
	d := digest.FromString("same")
	e.update(func(tx metadata.Tx) error {
		for i, v := range []metadata.Version{
			{PackageID: p.ID, Name: "1"}, {PackageID: p.ID, Name: "2"}, {PackageID: p.ID, Name: "3", State: metadata.Deleted},
			{PackageID: other.ID, Name: "4"},
		} {
			v.Digest, v.Seq = d, int64(10+i)
			if _, err := tx.Versions().CreateVersion(v); err != nil {
				return err
			}
		}
		return nil
	})
	get := func(d digest.Digest) func(tx metadata.Tx) (metadata.Version, error) {
		return func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().VersionByDigest(p.ID, d) }
	}
	equal(e, "newest", read(e, get(d)).Name, "2")
	missing(e, "unknown", get(digest.FromString("other")))
	missing(e, "not a digest", get("latest"))
}

func testFiles(e *env) {
	p := e.main()
	v, a, b := e.version(p, "1"), e.blob("a"), e.blob("bb")
	want := metadata.File{VersionID: v.ID, PackageID: p.ID, Path: "dir/a.tgz", MediaType: "application/gzip", AddedAt: e.now().Add(-time.Hour), Seq: 5, Blob: a}
	e.update(func(tx metadata.Tx) error {
		f := want
		f.Blob = metadata.Blob{ID: a.ID}
		return tx.Files().AddFile(f)
	})
	get := func(tx metadata.Tx) (metadata.File, error) { return tx.Files().File(v.ID, "dir/a.tgz") }
	equal(e, "read", read(e, get), want)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error { return tx.Files().AddFile(want) })
	e.update(func(tx metadata.Tx) error { // by digest, and now
		return tx.Files().AddFile(metadata.File{VersionID: v.ID, PackageID: p.ID, Path: "Z", Blob: metadata.Blob{Digest: b.Digest}})
	})
	files := read(e, func(tx metadata.Tx) ([]metadata.File, error) {
		return tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
	})
	equal(e, "paths", names(files, func(f metadata.File) string { return f.Path }), []string{"Z", "dir/a.tgz"})
	equal(e, "added", files[0].AddedAt, e.now())
	missing(e, "path", func(tx metadata.Tx) (metadata.File, error) { return tx.Files().File(v.ID, "z") })
	for what, f := range map[string]metadata.File{
		"version": {VersionID: 99, PackageID: p.ID, Path: "x", Blob: a},
		"blob":    {VersionID: v.ID, PackageID: p.ID, Path: "x", Blob: metadata.Blob{ID: 99}},
		"digest":  {VersionID: v.ID, PackageID: p.ID, Path: "x", Blob: metadata.Blob{Digest: digest.FromString("?")}},
	} {
		e.Log(what)
		e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Files().AddFile(f) })
	}

	e.clock.Add(time.Second)
	want.Blob, want.MediaType, want.Seq, want.AddedAt = b, "text/plain", 6, e.now()
	e.update(func(tx metadata.Tx) error { return tx.Files().ReplaceFile(want) })
	equal(e, "replaced", read(e, get), want)
	blob := func(b metadata.Blob) metadata.Blob {
		return read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(b.Digest) })
	}
	equal(e, "old blob's release", blob(a).ReleasedAt, e.now())
	equal(e, "new blob's release", blob(b).ReleasedAt, time.Time{})
	e.update(func(tx metadata.Tx) error { return tx.Files().ReplaceFile(want) })
	equal(e, "release by the same bytes", blob(b).ReleasedAt, time.Time{})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		return tx.Files().ReplaceFile(metadata.File{VersionID: v.ID, PackageID: p.ID, Path: "new", Blob: a})
	})

	e.clock.Add(time.Second)
	e.update(func(tx metadata.Tx) error { return tx.Files().RemoveFiles(v.ID) })
	missing(e, "removed", get)
	equal(e, "release", blob(b).ReleasedAt, e.now())
	e.update(func(tx metadata.Tx) error { return tx.Files().RemoveFiles(v.ID) }) // nothing there
}

func testFilesByPackage(e *env) {
	p, other := e.main(), e.pkg(e.repository("other"), "npm", "left-pad")
	v2, v1, gone, elsewhere := e.version(p, "2"), e.version(p, "1"), e.version(p, "0"), e.version(other, "1")
	a, b, c := e.blob("a"), e.blob("b"), e.blob("c")
	e.file(v1, "z", a, 10)
	e.file(v1, "shared", a, 11)
	e.file(v2, "shared", b, 9)
	e.file(gone, "shared", c, 20)
	e.file(gone, "only", c, 20)
	e.file(elsewhere, "z", a, 30)
	gone.State = metadata.Deleted
	e.update(func(tx metadata.Tx) error { return tx.Versions().UpdateVersion(gone) })

	at := func(f metadata.File) string { return fmt.Sprint(f.VersionID, f.Path) }
	list := func(q metadata.FileQuery) []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Files().Files(q) }), at)
	}
	equal(e, "package", list(metadata.FileQuery{PackageID: p.ID}),
		[]string{fmt.Sprint(v2.ID, "shared"), fmt.Sprint(v1.ID, "shared"), fmt.Sprint(v1.ID, "z")})
	equal(e, "package, bounded", list(metadata.FileQuery{PackageID: p.ID, Limit: 1}), []string{fmt.Sprint(v2.ID, "shared")})
	f := read(e, func(tx metadata.Tx) (metadata.File, error) { return tx.Files().FileAt(p.ID, "shared") })
	equal(e, "newest", f.VersionID, v1.ID)
	equal(e, "its blob", f.Blob, a)
	missing(e, "of a deleted version", func(tx metadata.Tx) (metadata.File, error) { return tx.Files().FileAt(p.ID, "only") })
	missing(e, "path", func(tx metadata.Tx) (metadata.File, error) { return tx.Files().FileAt(p.ID, "Z") })

	has := func(p metadata.Package, b metadata.Blob) bool {
		return read(e, func(tx metadata.Tx) (bool, error) { return tx.Files().HasBlob(p.ID, b.ID) })
	}
	equal(e, "has", []bool{has(p, a), has(p, b), has(other, a), has(other, b)}, []bool{true, true, true, false})

	equal(e, "of a blob", list(metadata.FileQuery{BlobID: a.ID}), []string{fmt.Sprint(v1.ID, "shared"), fmt.Sprint(v1.ID, "z"), fmt.Sprint(elsewhere.ID, "z")})
	equal(e, "of a blob, bounded", len(list(metadata.FileQuery{BlobID: a.ID, Limit: 2})), 2)
	equal(e, "of nothing", len(list(metadata.FileQuery{})), 0)
}

func testReservedPaths(e *env) {
	p := e.main()
	v, a, b := e.version(p, "1"), e.blob("a"), e.blob("b")
	e.file(v, "x", a, 1)
	e.file(v, "y", a, 1)
	reserved := func(tx metadata.Tx) (digest.Digest, error) { return tx.Files().Reserved(v.ID, "x") }
	missing(e, "before", reserved)
	e.clock.Add(time.Second)
	e.update(func(tx metadata.Tx) error { return tx.Files().RemoveFile(v.ID, "x") })
	equal(e, "reserved", read(e, reserved), a.Digest)
	equal(e, "release", read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(a.Digest) }).ReleasedAt, e.now())
	equal(e, "left", len(read(e, func(tx metadata.Tx) ([]metadata.File, error) {
		return tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
	})), 1)
	missing(e, "other path", func(tx metadata.Tx) (digest.Digest, error) { return tx.Files().Reserved(v.ID, "y") })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Files().RemoveFile(v.ID, "x") })
	e.file(v, "x", b, 2)
	missing(e, "after AddFile", reserved)
	e.update(func(tx metadata.Tx) error { return tx.Files().RemoveFile(v.ID, "x") })
	equal(e, "reserved again", read(e, reserved), b.Digest)
}
