package metadatatest

import (
	"time"

	"slipway/metadata"
)

func testNameOrigins(e *env) {
	r := e.repository("main")
	var a, b metadata.Upstream
	e.update(func(tx metadata.Tx) (err error) {
		if a, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "a", Type: metadata.UpstreamRemote}); err != nil {
			return err
		}
		b, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "b", Type: metadata.UpstreamRemote})
		return err
	})
	note := func(u metadata.Upstream, replace bool) {
		e.clock.Add(1e6)
		e.update(func(tx metadata.Tx) error {
			return tx.Names().NoteOrigin(metadata.NameOrigin{RepositoryID: r.ID, Format: "npm", Key: "x", UpstreamID: u.ID}, replace)
		})
	}
	is := func(what string, u metadata.Upstream, at time.Time) {
		e.Helper()
		equal(e, what, read(e, func(tx metadata.Tx) (metadata.NameOrigin, error) { return tx.Names().NameOrigin(r.ID, "npm", "x") }),
			metadata.NameOrigin{RepositoryID: r.ID, Format: "npm", Key: "x", UpstreamID: u.ID, EnteredAt: at})
	}
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { _, err := tx.Names().NameOrigin(r.ID, "npm", "x"); return err })
	note(a, false)
	first := e.now()
	note(b, false)
	is("the first stays", a, first)
	note(b, true)
	second := e.now()
	is("replaced", b, second)
	e.update(func(tx metadata.Tx) error { return tx.Names().MoveOrigins(b.ID, a.ID) })
	is("moved", a, second)
	e.update(func(tx metadata.Tx) error { return tx.Upstreams().RemoveUpstream(a.ID) })
	note(b, false)
	is("of an upstream that was removed", b, e.now())
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { _, err := tx.Names().NameOrigin(r.ID, "npm", "y"); return err })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { _, err := tx.Names().NameOrigin(r.ID, "pypi", "x"); return err })
}

func testNameUses(e *env) {
	a, b := e.repository("a"), e.repository("b")
	start := e.now()
	put := func(r metadata.Repository, key, caller string, after time.Duration) {
		e.update(func(tx metadata.Tx) error {
			return tx.Names().PutNameUse(metadata.NameUse{RepositoryID: r.ID, Format: "npm", Key: key, Caller: caller, UsedAt: start.Add(after)})
		})
	}
	put(a, "x", "jane", 0)
	put(a, "x", "jane", 2*time.Hour)
	put(b, "x", "jane", time.Hour)
	put(b, "x", "ann", 3*time.Hour)
	put(b, "y", "olaf", 3*time.Hour)
	uses := func(r metadata.Repository, since time.Duration, limit int) []metadata.NameUse {
		return read(e, func(tx metadata.Tx) ([]metadata.NameUse, error) {
			return tx.Names().NameUses(r.ID, "npm", "x", start.Add(since), limit)
		})
	}
	used := func(r metadata.Repository, caller string, after time.Duration) metadata.NameUse {
		return metadata.NameUse{RepositoryID: r.ID, Format: "npm", Key: "x", Caller: caller, UsedAt: start.Add(after)}
	}
	last := []metadata.NameUse{used(a, "jane", 2*time.Hour)}
	both := []metadata.NameUse{used(b, "ann", 3*time.Hour), used(b, "jane", time.Hour)}
	equal(e, "the last use", uses(a, 0, 10), last)
	equal(e, "by caller", uses(b, 0, 10), both)
	equal(e, "a bound", uses(b, 0, 1), both[:1])
	equal(e, "since", uses(b, 150*time.Minute, 10), both[:1])
	drop := func(before time.Duration, limit int) {
		e.update(func(tx metadata.Tx) error { return tx.Names().DropNameUses(start.Add(before), limit) })
	}
	drop(150*time.Minute, 1) // the oldest
	equal(e, "one dropped", uses(b, 0, 10), both[:1])
	equal(e, "the next one stays", uses(a, 0, 10), last)
	drop(150*time.Minute, 10)
	equal(e, "all dropped", uses(a, 0, 10), nil)
	equal(e, "newer ones stay", uses(b, 0, 10), both[:1])
}
