package metadatatest

import (
	"errors"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

func testUsers(e *env) {
	want := metadata.User{Name: "ann", PasswordHash: "$hash", Grants: []metadata.Grant{
		{Repository: "team-*", Actions: []string{"read", "publish", "admin"}}, {Repository: "*", Actions: []string{"read"}}, {Repository: "none"},
		{Environment: "prod-*", Actions: []string{"deploy"}, Role: "deployer"}, {Repository: "x", Role: "publisher"},
	}}
	create := func(u metadata.User) metadata.User {
		var out metadata.User
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Users().CreateUser(u)
			return err
		})
		return out
	}
	got := create(want)
	want.ID, want.CreatedAt = got.ID, e.now()
	equal(e, "created", got, want)
	get := func(tx metadata.Tx) (metadata.User, error) { return tx.Users().User("ann") }
	equal(e, "read", read(e, get), want)
	equal(e, "by id", read(e, func(tx metadata.Tx) (metadata.User, error) { return tx.Users().UserByID(want.ID) }), want)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Users().CreateUser(want)
		return err
	})
	missing(e, "name", func(tx metadata.Tx) (metadata.User, error) { return tx.Users().User("Ann") })
	missing(e, "id", func(tx metadata.Tx) (metadata.User, error) { return tx.Users().UserByID(99) })

	want.PasswordHash, want.Disabled, want.Grants = "", true, []metadata.Grant{{Repository: "x", Actions: []string{"tag"}}}
	e.update(func(tx metadata.Tx) error { return tx.Users().UpdateUser(want) })
	equal(e, "updated", read(e, get), want)
	want.Grants = nil
	e.update(func(tx metadata.Tx) error { return tx.Users().UpdateUser(want) })
	equal(e, "without grants", read(e, get), want)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Users().UpdateUser(metadata.User{ID: 99}) })
	want.LoginAt = e.now()
	e.update(func(tx metadata.Tx) error { return tx.Users().NoteLogin(want.ID) })
	equal(e, "logged in", read(e, get), want)
	e.update(func(tx metadata.Tx) error { return tx.Users().UpdateUser(metadata.User{ID: want.ID, Disabled: true}) }) // which leaves the login
	equal(e, "changed after its login", read(e, get), want)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Users().NoteLogin(99) })

	two := []metadata.Grant{{Repository: "a", Actions: []string{"read"}}, {Repository: "a", Actions: []string{"read", "tag"}}}
	cid, bob := create(metadata.User{Name: "cid", Grants: two}), create(metadata.User{Name: "bob", Grants: two})
	list := func(p metadata.Page) []metadata.User {
		return read(e, func(tx metadata.Tx) ([]metadata.User, error) { return tx.Users().Users(p) })
	}
	equal(e, "all", list(metadata.Page{}), []metadata.User{want, bob, cid})
	equal(e, "page", list(metadata.Page{Limit: 2}), []metadata.User{want, bob})
	equal(e, "next", list(metadata.Page{After: "bob", Limit: 2}), []metadata.User{cid})

	service := create(metadata.User{Name: "dot", Kind: metadata.Service})
	equal(e, "kind", read(e, func(tx metadata.Tx) (metadata.User, error) { return tx.Users().User("dot") }).Kind, metadata.Service)
	service.Disabled, service.DeletedAt = true, e.now()
	e.update(func(tx metadata.Tx) error { return tx.Users().UpdateUser(service) })
	equal(e, "deleted", read(e, func(tx metadata.Tx) (metadata.User, error) { return tx.Users().User("dot") }), service)
	equal(e, "without the deleted one", list(metadata.Page{After: "bob"}), []metadata.User{cid})
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Users().CreateUser(metadata.User{Name: "dot"})
		return err
	})
}

func testGroups(e *env) {
	var ann, bob metadata.User
	e.update(func(tx metadata.Tx) (err error) {
		if ann, err = tx.Users().CreateUser(metadata.User{Name: "ann"}); err != nil {
			return err
		}
		bob, err = tx.Users().CreateUser(metadata.User{Name: "bob"})
		return err
	})
	create := func(g metadata.Group) metadata.Group {
		var out metadata.Group
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Groups().CreateGroup(g)
			return err
		})
		return out
	}
	want := metadata.Group{Name: "ops", Description: "on call", Grants: []metadata.Grant{
		{Environment: "*", Role: "deployer"}, {Repository: "main", Actions: []string{"read", "tag"}}}}
	want = metadata.Group{ID: create(want).ID, Name: want.Name, Description: want.Description, CreatedAt: e.now(), Grants: want.Grants}
	get := func(tx metadata.Tx) (metadata.Group, error) { return tx.Groups().Group("ops") }
	equal(e, "read", read(e, get), want)
	missing(e, "name", func(tx metadata.Tx) (metadata.Group, error) { return tx.Groups().Group("Ops") })
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Groups().CreateGroup(metadata.Group{Name: "ops"})
		return err
	})
	dev := create(metadata.Group{Name: "dev"})

	of := func(u metadata.User) []metadata.Group {
		return read(e, func(tx metadata.Tx) ([]metadata.Group, error) { return tx.Groups().GroupsOf(u.ID) })
	}
	members := func(g metadata.Group) []string {
		return read(e, func(tx metadata.Tx) ([]string, error) { return tx.Groups().Members(g.ID) })
	}
	equal(e, "of nobody", of(ann), nil)
	for range 2 {
		e.update(func(tx metadata.Tx) error {
			return errors.Join(tx.Groups().AddMember(want.ID, bob.ID), tx.Groups().AddMember(want.ID, ann.ID), tx.Groups().AddMember(dev.ID, ann.ID))
		})
	}
	equal(e, "members", members(want), []string{"ann", "bob"})
	equal(e, "groups of ann", of(ann), []metadata.Group{want, dev})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Groups().AddMember(99, ann.ID) })
	e.update(func(tx metadata.Tx) error { return tx.Groups().RemoveMember(want.ID, ann.ID) })
	equal(e, "groups of ann", of(ann), []metadata.Group{dev})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Groups().RemoveMember(want.ID, ann.ID) })

	want.Description, want.Grants = "", []metadata.Grant{{Repository: "x", Role: "own"}}
	e.update(func(tx metadata.Tx) error { return tx.Groups().UpdateGroup(want) })
	equal(e, "updated", read(e, get), want)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Groups().UpdateGroup(metadata.Group{ID: 99}) })
	list := func(p metadata.Page) []metadata.Group {
		return read(e, func(tx metadata.Tx) ([]metadata.Group, error) { return tx.Groups().Groups(p) })
	}
	equal(e, "all", list(metadata.Page{}), []metadata.Group{dev, want})
	equal(e, "page", list(metadata.Page{After: "dev", Limit: 1}), []metadata.Group{want})

	e.update(func(tx metadata.Tx) error { return tx.Groups().DeleteGroup(want.ID) })
	missing(e, "deleted", get)
	equal(e, "groups of bob", of(bob), nil)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Groups().DeleteGroup(want.ID) })
	again := create(metadata.Group{Name: "ops"})
	equal(e, "its name is free, without grants", read(e, get), again)
}

func testRoles(e *env) {
	put := func(r metadata.Role) metadata.Role {
		var out metadata.Role
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Roles().PutRole(r)
			return err
		})
		return out
	}
	want := metadata.Role{Name: "tagger", Description: "x", Actions: []string{"read", "tag"}, CreatedAt: e.now()}
	equal(e, "made", put(metadata.Role{Name: "tagger", Description: "x", Actions: []string{"read", "tag"}}), want)
	get := func(tx metadata.Tx) (metadata.Role, error) { return tx.Roles().Role("tagger") }
	e.clock.Add(time.Minute)
	want.Description, want.Actions = "", []string{"tag"}
	equal(e, "changed", put(metadata.Role{Name: "tagger", Actions: []string{"tag"}}), want)
	equal(e, "read", read(e, get), want)
	first := put(metadata.Role{Name: "a"})
	equal(e, "all", read(e, func(tx metadata.Tx) ([]metadata.Role, error) { return tx.Roles().Roles() }), []metadata.Role{first, want})

	holder := func(tx metadata.Tx) (string, error) {
		kind, name, err := tx.Roles().RoleHolder("tagger")
		return kind + " " + name, err
	}
	missing(e, "no holder", holder)
	grants := []metadata.Grant{{Repository: "main", Role: "tagger"}}
	var ann metadata.User
	var tok metadata.Token
	e.update(func(tx metadata.Tx) (err error) {
		if ann, err = tx.Users().CreateUser(metadata.User{Name: "ann"}); err != nil {
			return err
		}
		tok, err = tx.Tokens().CreateToken(metadata.Token{UserID: ann.ID, Name: "ci", Hash: sumOf("x"), Grants: grants})
		return err
	})
	equal(e, "held by a token", read(e, holder), "token ci")
	e.update(func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(tok.ID) })
	missing(e, "held by a revoked token", holder)
	ann.Grants = grants
	e.update(func(tx metadata.Tx) error { return tx.Users().UpdateUser(ann) })
	equal(e, "held by a user", read(e, holder), "user ann")

	e.update(func(tx metadata.Tx) error { return tx.Roles().DeleteRole("tagger") })
	missing(e, "deleted", get)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Roles().DeleteRole("tagger") })
}

func testTokens(e *env) {
	var ann, bob metadata.User
	e.update(func(tx metadata.Tx) (err error) {
		if ann, err = tx.Users().CreateUser(metadata.User{Name: "ann", Grants: []metadata.Grant{{Repository: "*", Actions: []string{"admin"}}}}); err != nil {
			return err
		}
		bob, err = tx.Users().CreateUser(metadata.User{Name: "bob"})
		return err
	})
	create := func(t metadata.Token) metadata.Token {
		var out metadata.Token
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Tokens().CreateToken(t)
			return err
		})
		return out
	}
	want := metadata.Token{UserID: ann.ID, Name: "ci", Hash: sumOf("secret"), Hint: "slp_ab", ExpiresAt: e.now().Add(time.Hour),
		Grants: []metadata.Grant{{Repository: "main", Actions: []string{"read", "publish"}}, {Repository: "x"}}}
	want.ID = create(want).ID
	want.CreatedAt, want.User, want.Hash = e.now(), "ann", nil // the hash is compared and never read
	equal(e, "read", read(e, func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().Token(want.ID) }), want)
	equal(e, "by hash", read(e, func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().TokenByHash(sumOf("secret")) }), want)
	missing(e, "hash", func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().TokenByHash(sumOf("other")) })
	missing(e, "no hash", func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().TokenByHash(nil) })
	missing(e, "id", func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().Token(99) })
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error {
		_, err := tx.Tokens().CreateToken(metadata.Token{UserID: bob.ID, Hash: sumOf("secret")})
		return err
	})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		_, err := tx.Tokens().CreateToken(metadata.Token{UserID: 99, Hash: sumOf("x")})
		return err
	})
	b := create(metadata.Token{UserID: bob.ID, Name: "b", Hash: sumOf("b")})
	c := create(metadata.Token{UserID: ann.ID, Name: "c", Hash: sumOf("c")})

	list := func(user, after int64, n int) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Token, error) { return tx.Tokens().Tokens(user, after, n) }),
			func(t metadata.Token) int64 { return t.ID })
	}
	equal(e, "all", list(0, 0, 0), []int64{want.ID, b.ID, c.ID})
	equal(e, "page", list(0, want.ID, 1), []int64{b.ID})
	equal(e, "of ann", list(ann.ID, 0, 9), []int64{want.ID, c.ID})
	equal(e, "of ann, page", list(ann.ID, want.ID, 9), []int64{c.ID})
	equal(e, "whole", read(e, func(tx metadata.Tx) ([]metadata.Token, error) { return tx.Tokens().Tokens(0, 0, 1) }), []metadata.Token{want})

	child := create(metadata.Token{UserID: bob.ID, ParentID: b.ID, MakerID: ann.ID, Kind: metadata.SessionToken, Name: "child", Hash: sumOf("child")})
	equal(e, "child", read(e, func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().Token(child.ID) }),
		metadata.Token{ID: child.ID, UserID: bob.ID, User: "bob", ParentID: b.ID, MakerID: ann.ID, Kind: metadata.SessionToken, Name: "child", CreatedAt: e.now()})
	below := func(parent int64) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Token, error) { return tx.Tokens().TokensMadeWith(parent) }),
			func(t metadata.Token) int64 { return t.ID })
	}
	equal(e, "made with b", below(b.ID), []int64{child.ID})
	equal(e, "made with c", below(c.ID), nil)
	equal(e, "made with none", below(0), nil)
	testEndedSessions(e, bob, ann, b, child)
	note := func(at time.Time, from string) {
		e.update(func(tx metadata.Tx) error {
			return tx.Tokens().NoteUse(want.ID, metadata.Use{UsedAt: at, UsedFrom: from})
		})
	}
	want.Use = metadata.Use{UsedAt: e.now(), UsedFrom: "192.0.2.1"}
	note(want.UsedAt, want.UsedFrom)
	note(e.now().Add(-time.Second), "192.0.2.9")
	equal(e, "used", read(e, func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().Token(want.ID) }), want)
	e.clock.Add(time.Minute)
	want.RevokedAt = e.now()
	for range 2 {
		e.update(func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(want.ID) })
		equal(e, "revoked", read(e, func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().Token(want.ID) }), want)
		e.clock.Add(time.Minute)
	}
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(99) })
}

// testEndedSessions ends the sessions of bob, whose tokens are other, which is none, and the session first.
func testEndedSessions(e *env, bob, ann metadata.User, other, first metadata.Token) {
	var second, kept, later metadata.Token
	login := func(t *metadata.Token, name string) {
		e.update(func(tx metadata.Tx) (err error) {
			*t, err = tx.Tokens().CreateToken(metadata.Token{UserID: bob.ID, Kind: metadata.SessionToken, Name: name, Hash: sumOf(name)})
			return err
		})
	}
	login(&second, "second")
	login(&kept, "kept")
	e.clock.Add(time.Minute)
	at := e.now()
	e.update(func(tx metadata.Tx) error { return tx.Users().EndSessions(bob.ID, kept.ID) })
	login(&later, "later")
	ended := func(user int64, n int) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Token, error) { return tx.Tokens().Ended(user, n) }),
			func(t metadata.Token) int64 { return t.ID })
	}
	revoked := func(t metadata.Token) time.Time {
		return read(e, func(tx metadata.Tx) (metadata.Token, error) { return tx.Tokens().Token(t.ID) }).RevokedAt
	}
	ending := func() []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.User, error) { return tx.Users().Ending(9) }), func(u metadata.User) string { return u.Name })
	}
	equal(e, "ended of bob", ended(bob.ID, 0), []int64{first.ID, second.ID})
	equal(e, "a page of them", ended(bob.ID, 1), []int64{first.ID})
	equal(e, "ended of ann", ended(ann.ID, 0), nil)
	equal(e, "who has some", ending(), []string{"bob"})
	equal(e, "when", []time.Time{revoked(first), revoked(second), revoked(kept), revoked(later), revoked(other)}, []time.Time{at, at, {}, {}, {}})
	e.clock.Add(time.Minute)
	e.update(func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(first.ID) })
	equal(e, "left", ended(bob.ID, 0), []int64{second.ID})
	equal(e, "revoked by itself", revoked(first), e.now())
	e.update(func(tx metadata.Tx) error {
		return errors.Join(tx.Tokens().RevokeToken(second.ID), tx.Users().SessionsEnded(bob.ID))
	})
	equal(e, "none has any", ending(), nil)
	equal(e, "none is left", ended(bob.ID, 0), nil)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Users().EndSessions(99, 0) })
}

func testUploads(e *env) {
	r := e.repository("main")
	want := metadata.UploadSession{ID: "0123456789abcdef", RepositoryID: r.ID, Scope: "oci/team/app", Owner: "token:1", UserID: 7, HashState: []byte{0, 1}}
	e.update(func(tx metadata.Tx) error { return tx.Uploads().CreateUpload(want) })
	want.CreatedAt, want.UpdatedAt = e.now(), e.now()
	get := func(tx metadata.Tx) (metadata.UploadSession, error) { return tx.Uploads().Upload(want.ID) }
	equal(e, "read", read(e, get), want)
	of := func(user int64) int64 {
		return read(e, func(tx metadata.Tx) (int64, error) { return tx.Uploads().UploadsOf(user) })
	}
	equal(e, "by user", []int64{of(7), of(8)}, []int64{1, 0})
	in := func(repository int64, after string) []metadata.UploadSession {
		return read(e, func(tx metadata.Tx) ([]metadata.UploadSession, error) {
			return tx.Uploads().UploadsIn(repository, after, 2)
		})
	}
	equal(e, "in the repository", in(r.ID, ""), []metadata.UploadSession{want})
	equal(e, "after it, and in another one", [][]metadata.UploadSession{in(r.ID, want.ID), in(r.ID+1, "")}, [][]metadata.UploadSession{nil, nil})
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error { return tx.Uploads().CreateUpload(want) })
	missing(e, "id", func(tx metadata.Tx) (metadata.UploadSession, error) { return tx.Uploads().Upload("x") })

	e.clock.Add(time.Minute)
	next := want
	next.Offset, next.HashState, next.State = 10, []byte{2}, "stored"
	e.update(func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(next, 0, "") })
	next.UpdatedAt = e.now()
	equal(e, "moved on", read(e, get), next)
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(next, 0, "") })
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(next, 10, "") })
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(metadata.UploadSession{ID: "x"}, 0, "") })

	// The session's blob stays until the session has another blob, or ends.
	whole := metadata.UploadSession{ID: "whole", RepositoryID: r.ID, Offset: 3, Blob: e.blob("abc").Digest}
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		absent := whole
		absent.Blob = digest.FromString("absent")
		return errors.Join(tx.Uploads().CreateUpload(metadata.UploadSession{ID: whole.ID, RepositoryID: r.ID}), tx.Uploads().UpdateUpload(absent, 0, ""))
	})
	for what, end := range map[string]func(tx metadata.Tx) error{
		"others": func(tx metadata.Tx) error {
			return tx.Uploads().UpdateUpload(metadata.UploadSession{ID: whole.ID, Offset: 4, HashState: []byte{1}}, whole.Offset, "")
		},
		"end": func(tx metadata.Tx) error { return tx.Uploads().DeleteUpload(whole.ID) },
	} {
		b := e.blob("abc")
		free := func() int {
			return len(read(e, func(tx metadata.Tx) ([]metadata.Blob, error) {
				return tx.Collection().Unreferenced(e.now().Add(time.Microsecond), e.now(), 0, 0)
			}))
		}
		e.update(func(tx metadata.Tx) error {
			return errors.Join(tx.Uploads().CreateUpload(metadata.UploadSession{ID: whole.ID, RepositoryID: r.ID}), tx.Uploads().UpdateUpload(whole, 0, ""))
		})
		e.clock.Add(time.Minute)
		equal(e, what+": read", read(e, func(tx metadata.Tx) (metadata.UploadSession, error) { return tx.Uploads().Upload(whole.ID) }).Blob, whole.Blob)
		equal(e, what+": kept", free(), 0)
		e.update(func(tx metadata.Tx) error {
			dead, err := tx.Collection().Condemn(b, tx.Now().Add(time.Microsecond))
			equal(e, what+": condemned while it is kept", dead, false)
			return errors.Join(err, end(tx))
		})
		equal(e, what+": free", free(), 1)
		equal(e, what+": released", read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(b.Digest) }).ReleasedAt, e.now())
		e.update(func(tx metadata.Tx) error { return tx.Uploads().DeleteUpload(whole.ID) })
	}

	for _, id := range []string{"c", "b", "a"} {
		e.clock.Add(time.Minute)
		e.update(func(tx metadata.Tx) error {
			return tx.Uploads().CreateUpload(metadata.UploadSession{ID: id, RepositoryID: r.ID})
		})
	}
	stale := func(before time.Time, n int) []string {
		return names(read(e, func(tx metadata.Tx) ([]metadata.UploadSession, error) { return tx.Uploads().StaleUploads(before, n) }),
			func(u metadata.UploadSession) string { return u.ID })
	}
	equal(e, "stale", stale(e.now(), 0), []string{want.ID, "c", "b"})
	equal(e, "the stalest", stale(e.now(), 2), []string{want.ID, "c"})
	equal(e, "none stale", stale(want.CreatedAt, 0), nil)
	for range 2 { // a missing session is no error
		e.update(func(tx metadata.Tx) error { return tx.Uploads().DeleteUpload(want.ID) })
		missing(e, "deleted", get)
	}
}

func testSettings(e *env) {
	get := func(tx metadata.Tx) (string, error) { return tx.Settings().Setting("instance") }
	missing(e, "none", get)
	for _, v := range []string{"a", "", "ü"} {
		e.update(func(tx metadata.Tx) error { return tx.Settings().PutSetting("instance", v) })
		equal(e, "read", read(e, get), v)
	}
}
