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
		return names(read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Trash().DiscardedFiles(v.ID, 0) }),
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
	testMoving(e, p)
	missing(e, "forgotten", look)
	var gone bool
	e.update(func(tx metadata.Tx) (err error) {
		gone, err = tx.Collection().Condemn(one, e.now().Add(time.Hour))
		return err
	})
	equal(e, "condemned", gone, true)
}

// testMoving: the files of a version that is Moving go a few at a time, and wherever they are, the version gets all of them back.
func testMoving(e *env, p metadata.Package) {
	v, b := e.version(p, "many"), e.blob("many")
	for i, path := range []string{"a", "b", "c", "d", "e"} {
		e.file(v, path, b, int64(10+i))
	}
	paths := func(list []metadata.File) []string {
		return names(list, func(f metadata.File) string { return f.Path })
	}
	look := func(what string, files, kept []string, moving []int64) {
		equal(e, what+": files", paths(read(e, func(tx metadata.Tx) ([]metadata.File, error) {
			return tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
		})), files)
		equal(e, what+": kept", paths(read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Trash().DiscardedFiles(v.ID, 4) })), kept)
		equal(e, what+": moving", read(e, func(tx metadata.Tx) ([]int64, error) { return tx.Trash().MovingVersions(0) }), moving)
	}
	discard := func() {
		e.update(func(tx metadata.Tx) error {
			return tx.Trash().Discard(metadata.Discarded{VersionID: v.ID, State: metadata.Published, Moving: true})
		})
	}
	take := func(what string, from func(tx metadata.Tx) func(int64, int) (int64, error), limit int, want int64) {
		var n int64
		e.update(func(tx metadata.Tx) (err error) {
			n, err = from(tx)(v.ID, limit)
			return err
		})
		equal(e, what, n, want)
	}
	move := func(tx metadata.Tx) func(int64, int) (int64, error) { return tx.Trash().MoveFiles }
	forget := func(tx metadata.Tx) func(int64, int) (int64, error) { return tx.Trash().ForgetFiles }

	take("moved of a version that is there", move, 2, 0)
	discard()
	look("discarded", []string{"a", "b", "c", "d", "e"}, nil, []int64{v.ID})
	take("moved", move, 2, 2)
	look("moved in part", []string{"c", "d", "e"}, []string{"a", "b"}, []int64{v.ID})
	e.update(func(tx metadata.Tx) error { return tx.Trash().Recover(v.ID, 20, 21) })
	look("recovered", []string{"a", "b", "c", "d", "e"}, nil, nil)

	discard()
	take("moved", move, 2, 2)
	take("moved", move, 3, 3)
	take("moved at last", move, 3, 0)
	look("moved", nil, []string{"a", "b", "c", "d"}, nil)
	equal(e, "discarded", read(e, func(tx metadata.Tx) (bool, error) {
		d, err := tx.Trash().Discarded(v.ID)
		return d.Moving, err
	}), false)
	back := func(tx metadata.Tx) func(int64, int) (int64, error) { return tx.Trash().ReturnFiles }
	take("returned", back, 2, 2)
	look("returned in part", []string{"a", "b"}, []string{"c", "d", "e"}, []int64{v.ID})
	take("moved again", move, 9, 2)
	take("returned", back, 9, 5)
	look("returned", []string{"a", "b", "c", "d", "e"}, nil, []int64{v.ID})
	take("returned again", back, 9, 0)
	take("moved again", move, 9, 5)
	look("moved again", nil, []string{"a", "b", "c", "d"}, nil)

	take("forgotten", forget, 3, 3)
	look("forgotten in part", nil, []string{"d", "e"}, nil)
	for what, do := range map[string]func(tx metadata.Tx) error{
		"returned":  func(tx metadata.Tx) error { _, err := tx.Trash().ReturnFiles(v.ID, 9); return err },
		"recovered": func(tx metadata.Tx) error { return tx.Trash().Recover(v.ID, 20, 21) },
		"found":     func(tx metadata.Tx) error { _, err := tx.Trash().Discarded(v.ID); return err },
	} {
		e.fails(metadata.ErrNotExist, do)
		look(what+" after some are forgotten", nil, []string{"d", "e"}, nil)
	}
	equal(e, "what is being forgotten was discarded first", read(e, func(tx metadata.Tx) ([]int64, error) { return tx.Trash().DiscardedBefore(time.UnixMicro(1), 0) }), []int64{v.ID})
	e.file(v, "d", b, 25) // the version is made anew, and deleted again
	e.update(func(tx metadata.Tx) error {
		return tx.Trash().Discard(metadata.Discarded{VersionID: v.ID, State: metadata.Published})
	})
	look("discarded again", nil, []string{"d"}, nil)
	take("forgotten", forget, 3, 1)
	missing(e, "forgotten", func(tx metadata.Tx) (metadata.Discarded, error) { return tx.Trash().Discarded(v.ID) })

	e.file(v, "a", b, 30)
	discard()
	e.update(func(tx metadata.Tx) error { return tx.Trash().Forget(v.ID) })
	look("forgotten while it moves", nil, nil, nil)
}
