package metadatatest

import (
	"time"

	"slipway/metadata"
)

func testSessions(e *env) {
	user := func(name string) (u metadata.User) {
		e.update(func(tx metadata.Tx) (err error) {
			u, err = tx.Users().CreateUser(metadata.User{Name: name})
			return err
		})
		return u
	}
	ann, bob := user("ann"), user("bob")
	create := func(u metadata.User, secret string) metadata.Session {
		var out metadata.Session
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Sessions().CreateSession(metadata.Session{UserID: u.ID, Hash: sumOf(secret), Agent: "Firefox on Linux", ExpiresAt: e.now().Add(time.Hour),
				Use: metadata.Use{UsedAt: e.now(), UsedFrom: "192.0.2.1"}})
			return err
		})
		out.User, out.Hash = u.Name, nil // the hash is compared and never read
		return out
	}
	first := create(ann, "first")
	equal(e, "made", first, metadata.Session{ID: first.ID, UserID: ann.ID, User: "ann", Agent: "Firefox on Linux", CreatedAt: e.now(), ExpiresAt: e.now().Add(time.Hour),
		Use: metadata.Use{UsedAt: e.now(), UsedFrom: "192.0.2.1"}})
	byHash := func(secret []byte) func(tx metadata.Tx) (metadata.Session, error) {
		return func(tx metadata.Tx) (metadata.Session, error) { return tx.Sessions().SessionByHash(secret) }
	}
	get := func(id int64) func(tx metadata.Tx) (metadata.Session, error) {
		return func(tx metadata.Tx) (metadata.Session, error) { return tx.Sessions().Session(id) }
	}
	equal(e, "read", read(e, get(first.ID)), first)
	equal(e, "by hash", read(e, byHash(sumOf("first"))), first)
	missing(e, "hash", byHash(sumOf("other")))
	missing(e, "no hash", byHash(nil))
	missing(e, "id", get(99))
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Sessions().CreateSession(metadata.Session{UserID: bob.ID, Hash: sumOf("first")})
		return err
	})

	e.clock.Add(time.Minute)
	other, second := create(bob, "other"), create(ann, "second")
	list := func(user, after int64, n int) []metadata.Session {
		return read(e, func(tx metadata.Tx) ([]metadata.Session, error) { return tx.Sessions().Sessions(user, after, n) })
	}
	equal(e, "all", list(0, 0, 0), []metadata.Session{first, other, second})
	equal(e, "page", list(0, first.ID, 1), []metadata.Session{other})
	equal(e, "of ann", list(ann.ID, 0, 9), []metadata.Session{first, second})
	equal(e, "of ann, page", list(ann.ID, first.ID, 9), []metadata.Session{second})

	use := func(id int64, at time.Time, from string) {
		e.update(func(tx metadata.Tx) error {
			return tx.Sessions().NoteUse(id, metadata.Use{UsedAt: at, UsedFrom: from})
		})
	}
	first.Use = metadata.Use{UsedAt: e.now(), UsedFrom: "2001:db8::1"}
	use(first.ID, first.UsedAt, first.UsedFrom)
	use(first.ID, e.now().Add(-time.Second), "192.0.2.9") // of a replica that was slow to tell
	use(99, e.now(), "")
	equal(e, "used", read(e, get(first.ID)), first)

	e.clock.Add(time.Minute)
	use(other.ID, e.now(), "")
	unused := func(before time.Time, n int) (deleted int64) {
		e.update(func(tx metadata.Tx) (err error) {
			deleted, err = tx.Sessions().DeleteUnused(before, n)
			return err
		})
		return deleted
	}
	equal(e, "none is unused", unused(first.UsedAt, 0), 0)
	equal(e, "unused, at most one", unused(e.now(), 1), 1)
	equal(e, "unused", unused(e.now(), 0), 1)
	equal(e, "left", names(list(0, 0, 0), func(s metadata.Session) int64 { return s.ID }), []int64{other.ID})
	e.update(func(tx metadata.Tx) error { return tx.Sessions().DeleteSession(other.ID) })
	missing(e, "deleted", byHash(sumOf("other")))
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Sessions().DeleteSession(other.ID) })
	if again := create(bob, "again"); again.ID <= second.ID {
		e.Errorf("the id %d of a deleted session is given again", again.ID)
	}
}
