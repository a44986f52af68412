package metadatatest

import (
	"time"

	"slipway/metadata"
)

func testTrash(e *env) {
	p := e.main()
	v, other := e.version(p, "1"), e.version(p, "2")
	one, two := e.blob("one"), e.blob("two")
	e.file(v, "b", one, 3)
	e.file(v, "a", two, 4)
	e.file(other, "a", two, 5)
	files := func(id int64) []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.File, error) {
			return tx.Files().Files(metadata.FileQuery{VersionID: id})
		}),
			func(f metadata.File) string { return f.Path })
	}
	kept := func() []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Trash().DiscardedFiles(v.ID) }),
			func(f metadata.File) string { return f.Path + f.Blob.Digest.Encoded()[:4] })
	}
	free := func(deleted time.Time) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Blob, error) {
			return tx.Collection().Unreferenced(e.now().Add(time.Hour), deleted, 0, 0)
		}), func(b metadata.Blob) int64 { return b.ID })
	}
	look := func(tx metadata.Tx) (metadata.Discarded, error) { return tx.Trash().Discarded(v.ID) }
	missing(e, "nothing is discarded", look)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Trash().Recover(v.ID, 6, 7) })

	e.clock.Add(time.Minute)
	e.update(func(tx metadata.Tx) error {
		return tx.Trash().Discard(metadata.Discarded{VersionID: v.ID, State: metadata.Yanked, Reason: "broken"})
	})
	at := e.now()
	equal(e, "discarded", read(e, look), metadata.Discarded{VersionID: v.ID, State: metadata.Yanked, Reason: "broken", At: at})
	equal(e, "files", files(v.ID), nil)
	equal(e, "files of another version", files(other.ID), []string{"a"})
	equal(e, "kept files", kept(), []string{"a" + two.Digest.Encoded()[:4], "b" + one.Digest.Encoded()[:4]})
	equal(e, "unreferenced while it is kept", free(at), nil)
	equal(e, "unreferenced later", free(at.Add(1000)), []int64{one.ID})
	before := func(t time.Time) []int64 {
		return read(e, func(tx metadata.Tx) ([]int64, error) { return tx.Trash().DiscardedBefore(t, 10) })
	}
	equal(e, "discarded before", before(at), nil)
	equal(e, "discarded by then", before(at.Add(time.Microsecond)), []int64{v.ID})

	e.update(func(tx metadata.Tx) error { return tx.Trash().Recover(v.ID, 6, 7) })
	equal(e, "recovered", files(v.ID), []string{"a", "b"})
	missing(e, "recovered", look)
	e.update(func(tx metadata.Tx) error {
		return tx.Trash().Discard(metadata.Discarded{VersionID: v.ID, State: metadata.Published})
	})
	for range 2 {
		e.update(func(tx metadata.Tx) error { return tx.Trash().Forget(v.ID) })
	}
	equal(e, "forgotten", kept(), nil)
	missing(e, "forgotten", look)
	var gone bool
	e.update(func(tx metadata.Tx) (err error) {
		gone, err = tx.Collection().Condemn(one, e.now().Add(time.Hour))
		return err
	})
	equal(e, "condemned", gone, true)
}
