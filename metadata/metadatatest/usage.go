package metadatatest

import (
	"time"

	"slipway/metadata"
)

// testUsages stores what packages hold, finds those that changed, and lists them in their orders.
func testUsages(e *env) {
	main, other := e.repository("main"), e.repository("other")
	list := map[string]metadata.Package{}
	for _, name := range []string{"a", "b", "c"} {
		e.clock.Add(time.Second)
		p := e.pkg(main, "npm", name)
		list[name] = p
	}
	e.pkg(main, "raw", "d")
	e.pkg(other, "npm", "e")
	v := e.version(list["a"], "1")
	e.version(list["a"], "2")
	e.update(func(tx metadata.Tx) error {
		v.Size = 7
		return tx.Versions().UpdateVersion(v)
	})
	counted := read(e, func(tx metadata.Tx) (metadata.PackageUsage, error) {
		p, err := tx.Packages().PackageByID(list["a"].ID)
		if err != nil {
			return metadata.PackageUsage{}, err
		}
		p.VersionCount = 2
		return tx.Usages().CountPackage(p)
	})
	second := read(e, func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().Version(list["a"].ID, "2") })
	equal(e, "counted", counted, metadata.PackageUsage{PackageID: list["a"].ID, Versions: 2, Bytes: 7 + second.Size})
	e.file(v, "f", e.blob("twelve bytes"), 3)
	cached := read(e, func(tx metadata.Tx) (metadata.PackageUsage, error) {
		p := list["a"]
		p.Origin = metadata.OriginCached
		return tx.Usages().CountPackage(p)
	})
	equal(e, "what came from a remote", cached, metadata.PackageUsage{PackageID: list["a"].ID, Cached: true, Versions: list["a"].VersionCount, Bytes: 12})

	for i, name := range []string{"b", "a", "c"} {
		e.update(func(tx metadata.Tx) error {
			return tx.Usages().PutPackageUsage(list[name], metadata.PackageUsage{Versions: 1, Bytes: int64(10 * (i + 1)), Cached: name == "c"})
		})
	}
	e.update(func(tx metadata.Tx) error { // again
		return tx.Usages().PutPackageUsage(list["b"], metadata.PackageUsage{Versions: 3, Bytes: 20})
	})
	equal(e, "stored", read(e, func(tx metadata.Tx) (map[int64]metadata.PackageUsage, error) {
		return tx.Usages().PackageUsage([]int64{list["b"].ID, list["c"].ID, 999})
	}), map[int64]metadata.PackageUsage{list["b"].ID: {PackageID: list["b"].ID, Versions: 3, Bytes: 20}, list["c"].ID: {PackageID: list["c"].ID, Versions: 1, Bytes: 30, Cached: true}})
	equal(e, "none", len(read(e, func(tx metadata.Tx) (map[int64]metadata.PackageUsage, error) { return tx.Usages().PackageUsage(nil) })), 0)

	ordered := func(q metadata.PackageOrder) (out string, last *metadata.PackagePlace) {
		q.RepositoryID, q.Format = main.ID, "npm"
		e.view(func(tx metadata.Tx) error {
			list, places, err := tx.Usages().OrderedPackages(q)
			for i, p := range list {
				out += p.Key
				last = &places[i]
			}
			return err
		})
		return out, last
	}
	for by, want := range map[string]string{metadata.LargestPackages: "cba", metadata.NewestPackages: "cba"} {
		all, _ := ordered(metadata.PackageOrder{By: by, Limit: 10})
		equal(e, by, all, want)
		first, last := ordered(metadata.PackageOrder{By: by, Limit: 2})
		rest, _ := ordered(metadata.PackageOrder{By: by, After: last, Limit: 2})
		equal(e, by+", by pages", first+" "+rest, want[:2]+" "+want[2:])
	}

	changed := func(since time.Time, after int64, limit int) (out string) {
		for _, p := range read(e, func(tx metadata.Tx) ([]metadata.Package, error) {
			return tx.Usages().ChangedPackages(metadata.ChangedQuery{RepositoryID: main.ID, Format: "npm", Since: since, AfterID: after, Limit: limit})
		}) {
			out += p.Key
		}
		return out
	}
	at := func(name string) metadata.Package {
		return read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(list[name].ID) })
	}
	equal(e, "changed", changed(time.Time{}, 0, 10), "abc")
	equal(e, "some", changed(time.Time{}, 0, 2), "ab")
	equal(e, "changed since", changed(at("b").UpdatedAt, 0, 10), "bc")
	equal(e, "changed behind", changed(at("b").UpdatedAt, list["b"].ID, 10), "c")

	usage := func(r metadata.Repository) []metadata.Usage {
		return read(e, func(tx metadata.Tx) ([]metadata.Usage, error) { return tx.Usages().Usage(r.ID) })
	}
	until := e.now()
	for _, u := range []metadata.Usage{{RepositoryID: main.ID, Format: "raw"}, {RepositoryID: main.ID, Format: "npm"}, {RepositoryID: main.ID, Format: "npm", Packages: 2, Versions: 3, Bytes: 50, CachedBytes: 30, Until: until}} {
		e.update(func(tx metadata.Tx) error { return tx.Usages().PutUsage(u) })
	}
	equal(e, "of a repository", usage(main), []metadata.Usage{{RepositoryID: main.ID, Repository: "main", Format: "npm", Packages: 2, Versions: 3, Bytes: 50, CachedBytes: 30, Until: until},
		{RepositoryID: main.ID, Repository: "main", Format: "raw"}})
	equal(e, "of another", len(usage(other)), 0)

	total := func(after int64, limit int) metadata.BlobTotal {
		return read(e, func(tx metadata.Tx) (metadata.BlobTotal, error) { return tx.Usages().BlobTotal(after, limit) })
	}
	b := e.blob("more")
	equal(e, "blobs", total(0, 10), metadata.BlobTotal{Blobs: 2, Bytes: 16, Last: b.ID})
	equal(e, "the first", total(0, 1).Bytes, int64(12))
	equal(e, "none", total(b.ID, 10), metadata.BlobTotal{})
}

// testKeepings finds what needs a blob.
func testKeepings(e *env) {
	p := e.main()
	v, deleted := e.version(p, "1"), e.version(p, "2")
	b := e.blob("kept")
	keepings := func(limit int) []metadata.Keeping {
		return read(e, func(tx metadata.Tx) ([]metadata.Keeping, error) { return tx.Usages().Keepings(b.ID, limit) })
	}
	equal(e, "nothing", len(keepings(10)), 0)
	e.file(v, "a", b, 3)
	e.file(v, "b", b, 4)
	e.file(deleted, "c", b, 5)
	until := e.now().Add(time.Hour)
	var up metadata.Upstream
	repository := read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(p.ID) }).RepositoryID
	e.update(func(tx metadata.Tx) (err error) {
		if err := tx.Trash().Discard(metadata.Discarded{VersionID: deleted.ID, State: metadata.Published}); err != nil {
			return err
		}
		if _, err := tx.Stagings().TouchStaging(metadata.Staging{ID: "s", RepositoryID: repository, Owner: "user:1", Scope: "x"}); err != nil {
			return err
		}
		if err := tx.Stagings().PutStagedFile(metadata.StagedFile{StagingID: "s", Format: "npm", Package: "new", Version: "3", Path: "d", Blob: b}); err != nil {
			return err
		}
		upload := metadata.UploadSession{ID: "u", RepositoryID: repository}
		if err := tx.Uploads().CreateUpload(upload); err != nil {
			return err
		}
		upload.Offset, upload.Blob = b.Size, b.Digest
		if err := tx.Uploads().UpdateUpload(upload, 0, ""); err != nil {
			return err
		}
		if up, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: repository, Name: "remote", Type: metadata.UpstreamRemote}); err != nil {
			return err
		}
		if err := tx.Caches().PutIndex(metadata.UpstreamIndex{UpstreamID: up.ID, Format: "npm", Key: "elsewhere", Body: b, State: metadata.IndexOK}); err != nil {
			return err
		}
		return tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: "main/x", Until: until})
	})
	equal(e, "all", keepings(10), []metadata.Keeping{
		{Kind: metadata.KeptByFile, Repository: "main", Format: "npm", Package: "left-pad", Version: "1", Path: "a"}, {Kind: metadata.KeptByFile, Repository: "main", Format: "npm", Package: "left-pad", Version: "1", Path: "b"},
		{Kind: metadata.KeptByDeleted, Repository: "main", Format: "npm", Package: "left-pad", Version: "2", Path: "c"}, {Kind: metadata.KeptByStaged, Repository: "main", Format: "npm", Package: "new", Version: "3", Path: "d"},
		{Kind: metadata.KeptByUpload, Repository: "main"}, {Kind: metadata.KeptByIndex, Repository: "main", Format: "npm", Package: "elsewhere"}, {Kind: metadata.KeptByLease, Until: until}})
	equal(e, "the first of each kind", len(keepings(1)), 6)
	e.clock.Add(2 * time.Hour)
	equal(e, "without the lease that is over", len(keepings(10)), 6)
}
