package metadatatest

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"slipway/metadata"
)

func (e *env) setTag(v metadata.Version, name string, seq int64) metadata.Tag {
	e.Helper()
	var t metadata.Tag
	e.update(func(tx metadata.Tx) (err error) {
		t, err = tx.Tags().SetTag(metadata.Tag{PackageID: v.PackageID, Name: name, VersionID: v.ID, SetBy: "ann", Reason: "because", SeqFrom: seq})
		return err
	})
	return t
}

func testTags(e *env) {
	p := e.main()
	v1, v2 := e.version(p, "1"), e.version(p, "2")
	elsewhere := e.version(e.pkg(e.repository("other"), "npm", "left-pad"), "1")
	e.setTag(elsewhere, "latest", 1)
	set := e.setTag(v1, "latest", 10)
	want := metadata.Tag{PackageID: p.ID, Name: "latest", VersionID: v1.ID, Version: "1", Digest: v1.Digest, Generation: 1,
		SetAt: e.now(), SetBy: "ann", Reason: "because", SeqFrom: 10}
	equal(e, "set", []any{set.Generation, set.SetAt}, []any{want.Generation, want.SetAt})
	get := func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().Tag(p.ID, "latest") }
	equal(e, "read", read(e, get), want)

	e.clock.Add(time.Second)
	e.setTag(v2, "latest", 11)
	want.VersionID, want.Version, want.Digest, want.Generation, want.SetAt, want.SeqFrom = v2.ID, "2", v2.Digest, 2, e.now(), 11
	equal(e, "moved", read(e, get), want)
	e.setTag(v2, "Beta", 12)
	e.setTag(v1, "old", 13)
	name := func(t metadata.Tag) string { return t.Name + "=" + t.Version }
	equal(e, "all", names(read(e, func(tx metadata.Tx) ([]metadata.Tag, error) { return tx.Tags().Tags(p.ID) }), name),
		[]string{"Beta=2", "latest=2", "old=1"})
	equal(e, "a page", names(read(e, func(tx metadata.Tx) ([]metadata.Tag, error) {
		return tx.Tags().TagPage(p.ID, metadata.Page{After: "Beta", Limit: 1})
	}), name), []string{"latest=2"})
	equal(e, "the rest", names(read(e, func(tx metadata.Tx) ([]metadata.Tag, error) {
		return tx.Tags().TagPage(p.ID, metadata.Page{After: "Beta"})
	}), name), []string{"latest=2", "old=1"})
	equal(e, "some of a version", names(read(e, func(tx metadata.Tx) ([]metadata.Tag, error) { return tx.Tags().SomeTagsOfVersion(v2.ID, 1) }), name),
		[]string{"Beta=2"})
	equal(e, "of a version", names(read(e, func(tx metadata.Tx) ([]metadata.Tag, error) { return tx.Tags().TagsOfVersion(v2.ID) }), name),
		[]string{"Beta=2", "latest=2"})
	missing(e, "name", func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().Tag(p.ID, "beta") })

	e.update(func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "latest", 14) })
	missing(e, "removed", get)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "latest", 15) })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "never", 15) })
	equal(e, "generation after a removal", e.setTag(v1, "latest", 16).Generation, 3)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		_, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "x", VersionID: 99, SeqFrom: 17})
		return err
	})
	equal(e, "the other package's", read(e, func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().Tag(elsewhere.PackageID, "latest") }).Generation, 1)
}

func testTagIntervals(e *env) {
	p := e.main()
	v1, v2 := e.version(p, "1"), e.version(p, "2")
	e.setTag(v1, "production", 10)
	e.setTag(v2, "production", 20)
	e.update(func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "production", 30) })
	e.setTag(v1, "production", 40)
	e.setTag(v2, "production", 40) // in the same entry: the first never held
	for seq, want := range map[int64]string{
		-1: "", 9: "", 10: "1", 11: "1", 19: "1", 20: "2", 29: "2", 30: "", 31: "", 39: "", 40: "2", 1 << 40: "2",
	} {
		at := func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().TagAt(p.ID, "production", seq) }
		if want == "" {
			missing(e, fmt.Sprint("at ", seq), at)
			continue
		}
		equal(e, fmt.Sprint("at ", seq), read(e, at).Version, want)
	}
	past := read(e, func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().TagAt(p.ID, "production", 15) })
	equal(e, "its end", []any{past.SeqTo, past.EndedAt, past.Generation}, []any{int64(20), e.now(), int64(1)})
	if err := e.store.Update(context.Background(), func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "production", 39) }); err == nil {
		e.Error("an interval that ends before it began was taken")
	}
	equal(e, "still there", read(e, func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().Tag(p.ID, "production") }).SeqTo, 0)
}

func testTagHistory(e *env) {
	p := e.main()
	v := e.version(p, "1")
	for i := range int64(7) {
		e.setTag(v, "latest", i)
	}
	e.setTag(v, "other", 9)
	e.update(func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "latest", 10) })
	list := func(pg metadata.Page) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Tag, error) { return tx.Tags().TagHistory(p.ID, "latest", pg) }),
			func(t metadata.Tag) int64 { return t.Generation })
	}
	equal(e, "all", list(metadata.Page{}), []int64{7, 6, 5, 4, 3, 2, 1})
	var got []int64
	for pg := (metadata.Page{Limit: 3}); ; {
		page := list(pg)
		got = append(got, page...)
		if len(page) < pg.Limit {
			break
		}
		pg.After = strconv.FormatInt(page[len(page)-1], 10)
	}
	equal(e, "pages", got, []int64{7, 6, 5, 4, 3, 2, 1})
	err := e.store.View(context.Background(), func(tx metadata.Tx) error {
		_, err := tx.Tags().TagHistory(p.ID, "latest", metadata.Page{After: "x"})
		return err
	})
	if err == nil {
		e.Error("a cursor that is no number was taken")
	}
}

func testFacts(e *env) {
	p := e.main()
	v, other := e.version(p, "1"), e.version(p, "2")
	at := e.now().Add(-time.Hour)
	fact := func(v metadata.Version, key, value string, rank int, seq int64) metadata.Fact {
		return metadata.Fact{VersionID: v.ID, Key: key, Value: value, Source: "npm:gitHead", Rank: rank, Seq: seq, At: at}
	}
	e.update(func(tx metadata.Tx) error {
		return tx.Facts().AddFacts([]metadata.Fact{
			fact(v, "source.ref", "main", 1, 1), fact(v, "source.commit", "a", 1, 1), fact(v, "source.commit", "b", 4, 1),
			fact(other, "source.commit", "z", 4, 1),
		})
	})
	e.update(func(tx metadata.Tx) error {
		return tx.Facts().AddFacts([]metadata.Fact{fact(v, "source.commit", "c", 1, 2), {VersionID: v.ID, Key: "build.id", Value: "7"}})
	})
	e.update(func(tx metadata.Tx) error { return tx.Facts().AddFacts(nil) })
	equal(e, "facts", read(e, func(tx metadata.Tx) ([]metadata.Fact, error) { return tx.Facts().Facts(v.ID) }), []metadata.Fact{
		{VersionID: v.ID, Key: "build.id", Value: "7", At: e.now()},
		fact(v, "source.commit", "b", 4, 1), fact(v, "source.commit", "c", 1, 2), fact(v, "source.commit", "a", 1, 1),
		fact(v, "source.ref", "main", 1, 1),
	})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Facts().AddFacts([]metadata.Fact{{VersionID: 99, Key: "x"}}) })
}
