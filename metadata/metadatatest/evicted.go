package metadatatest

import (
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// testEvicted evicts files of a remote, and brings them back.
func testEvicted(e *env) {
	p := e.main()
	v := e.version(p, "1")
	repository := read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(p.ID) }).RepositoryID
	var up metadata.Upstream
	e.update(func(tx metadata.Tx) (err error) {
		up, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: repository, Name: "remote", Type: metadata.UpstreamRemote})
		return err
	})
	files := map[string]metadata.File{}
	for i, path := range []string{"a", "b", "c"} {
		b := e.blob(path)
		e.file(v, path, b, int64(i))
		e.update(func(tx metadata.Tx) (err error) {
			if files[path], err = tx.Files().File(v.ID, path); err != nil {
				return err
			}
			return tx.Caches().PutCachedFile(metadata.CachedFile{VersionID: v.ID, Path: path, Digest: b.Digest, UpstreamID: up.ID, EnteredAt: tx.Now()})
		})
	}
	shared := e.version(p, "2")
	e.file(shared, "c", files["c"].Blob, 9) // published
	used := func(path string, at time.Time) metadata.CachedFile {
		return metadata.CachedFile{VersionID: v.ID, Path: path, UsedAt: at}
	}
	now := e.now()
	e.update(func(tx metadata.Tx) error {
		return tx.Evictions().UseFiles([]metadata.CachedFile{used("b", now.Add(-time.Hour)), used("a", now), used("none", now)})
	})
	unused := func(q metadata.UnusedQuery) (out []string) {
		q.UpstreamID = up.ID
		for _, c := range read(e, func(tx metadata.Tx) ([]metadata.CachedEntry, error) { return tx.Evictions().Unused(q) }) {
			if c.Version.Name != "1" || c.Package != p.Name || c.Format != p.Format || c.Size != 1 {
				e.Errorf("unused: %+v", c)
			}
			out = append(out, c.Path)
		}
		return out
	}
	later := now.Add(time.Second)
	equal(e, "unused, oldest first, without what is published too", unused(metadata.UnusedQuery{Before: later}), []string{"b", "a"})
	equal(e, "for an hour", unused(metadata.UnusedQuery{Before: now}), []string{"b"})
	equal(e, "the second", unused(metadata.UnusedQuery{Before: later, After: used("b", now.Add(-time.Hour)), Limit: 1}), []string{"a"})
	size := func(tx metadata.Tx) (int64, error) { return tx.Evictions().CachedBytes(up.ID) }
	equal(e, "bytes", read(e, size), 2)

	only := func(path string) (out []string) {
		for _, c := range read(e, func(tx metadata.Tx) ([]metadata.CachedEntry, error) {
			return tx.Evictions().OnlyCached(files[path].Blob.ID)
		}) {
			out = append(out, c.Path)
		}
		return out
	}
	equal(e, "held by what came from remotes alone", only("a"), []string{"a"})
	equal(e, "published too", only("c"), nil)
	e.update(func(tx metadata.Tx) error {
		return tx.Caches().PutIndex(metadata.UpstreamIndex{UpstreamID: up.ID, Format: p.Format, Key: p.Key, Body: files["a"].Blob, State: metadata.IndexOK})
	})
	equal(e, "an index too", only("a"), nil)
	e.update(func(tx metadata.Tx) error { return tx.Caches().DropIndex(up.ID, p.Format, p.Key) })
	changed := func(f metadata.CachedFile) {
		e.update(func(tx metadata.Tx) error { return tx.Evictions().ChangeFile(f) })
	}
	changed(metadata.CachedFile{VersionID: v.ID, Path: "a", Changed: "sha256 0"})
	equal(e, "with other bytes at the remote", only("a"), nil)
	changed(metadata.CachedFile{VersionID: v.ID, Path: "a"})
	equal(e, "as it was", only("a"), []string{"a"})

	evict := func(path string) (freed int64) {
		e.update(func(tx metadata.Tx) (err error) {
			freed, err = tx.Evictions().Evict(v.ID, path)
			return err
		})
		return freed
	}
	equal(e, "freed", evict("b"), 1)
	equal(e, "freed of what something else holds", evict("c"), 0)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		_, err := tx.Evictions().Evict(v.ID, "b")
		return err
	})
	missing(e, "evicted", func(tx metadata.Tx) (metadata.File, error) { return tx.Files().File(v.ID, "b") })
	e.view(func(tx metadata.Tx) error {
		b, err := tx.Blobs().Blob(files["b"].Blob.Digest)
		if err == nil && b.ReleasedAt.IsZero() {
			e.Error("the blob was not released")
		}
		return err
	})
	equal(e, "bytes after", read(e, size), 1)
	gone := files["b"]
	gone.Blob = metadata.Blob{Digest: gone.Blob.Digest, Size: 1, SHA1: gone.Blob.SHA1, MD5: gone.Blob.MD5, SHA512: gone.Blob.SHA512}
	also := files["c"]
	also.Blob = metadata.Blob{Digest: also.Blob.Digest, Size: 1, SHA1: also.Blob.SHA1, MD5: also.Blob.MD5, SHA512: also.Blob.SHA512}
	equal(e, "as they were", read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Evictions().Evicted(v.ID) }), []metadata.File{gone, also})
	equal(e, "its path keeps its digest", read(e, func(tx metadata.Tx) (digest.Digest, error) { return tx.Files().Reserved(v.ID, "b") }), files["b"].Blob.Digest)

	list := func(q metadata.CachedQuery) (out []string) {
		q.RepositoryID = repository
		for _, c := range read(e, func(tx metadata.Tx) ([]metadata.CachedEntry, error) { return tx.Evictions().CachedEntries(q) }) {
			out = append(out, c.Path)
			if c.Upstream != up.Name || c.Version.PURL != v.PURL {
				e.Errorf("%q came from %q, as a file of %q", c.Path, c.Upstream, c.Version.PURL)
			}
		}
		return out
	}
	e.update(func(tx metadata.Tx) error {
		return tx.Evictions().ChangeFile(metadata.CachedFile{VersionID: v.ID, Path: "b", Changed: "sha256 0"})
	})
	e.update(func(tx metadata.Tx) error {
		return tx.Evictions().ChangeFile(metadata.CachedFile{VersionID: v.ID, Path: "a", Changed: "sha256 0", Denied: true})
	})
	for want, q := range map[string]metadata.CachedQuery{
		"abc": {}, "ab": {Limit: 2}, "a": {State: metadata.CachedHere}, "bc": {State: metadata.CachedEvicted}, "b": {State: metadata.CachedChanged}, "a!": {State: metadata.CachedDenied},
		"abc!": {Text: "EFT-P"}, "c": {Text: "c"}, "": {Text: "nothing%"}, "bc!": {After: metadata.CachedPlace{Format: p.Format, Key: p.Key, VersionID: v.ID, Path: "a"}},
	} {
		got := ""
		for _, path := range list(q) {
			got += path
		}
		if len(want) > 0 && want[len(want)-1] == '!' {
			want = want[:len(want)-1]
		}
		equal(e, "listed", got, want)
	}

	e.update(func(tx metadata.Tx) error { return tx.Evictions().Return(v.ID, "b") })
	equal(e, "back", read(e, func(tx metadata.Tx) (metadata.File, error) { return tx.Files().File(v.ID, "b") }).Seq, files["b"].Seq)
	c := read(e, func(tx metadata.Tx) (metadata.CachedFile, error) { return tx.Caches().CachedFile(v.ID, "b") })
	if c.Evicted || c.Changed != "" || !c.UsedAt.Equal(e.now()) {
		e.Errorf("back: %+v", c)
	}
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Evictions().Return(v.ID, "b") })
	e.update(func(tx metadata.Tx) error {
		if err := tx.Trash().Discard(metadata.Discarded{VersionID: v.ID, State: metadata.Published}); err != nil {
			return err
		}
		return tx.Trash().Forget(v.ID)
	})
	equal(e, "evicted when the trash forgets them", len(read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Evictions().Evicted(v.ID) })), 3)
	e.update(func(tx metadata.Tx) error { return tx.Evictions().ForgetFiles(v.ID) })
	equal(e, "forgotten", len(read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Evictions().Evicted(v.ID) })), 0)
}
