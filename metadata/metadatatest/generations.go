package metadatatest

import (
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// testGenerations: a look-up finds the same as before unless the generation of a part that it depends on has moved, and a
// publish moves the generation of its own package only.
func testGenerations(e *env) {
	store, ok := e.store.(metadata.Versioned)
	if !ok {
		return
	}
	r := e.repository("main")
	p, other := e.pkg(r, "npm", "a"), e.pkg(r, "npm", "b")
	v, w := e.version(p, "1"), e.version(p, "2")
	e.setTag(v, "latest", 1)

	looks := map[string]struct {
		parts []metadata.Part
		find  func(tx metadata.Tx) string
	}{
		"repository": {[]metadata.Part{metadata.RepositoryRows}, func(tx metadata.Tx) string { return found(tx.Repositories().Repository("main")) }},
		"upstreams": {[]metadata.Part{metadata.RepositoryRows}, func(tx metadata.Tx) string {
			list, err := tx.Upstreams().Upstreams()
			claims, err2 := tx.Upstreams().Claims()
			origins, err3 := tx.Upstreams().Origins()
			return found(fmt.Sprint(list, claims, origins), errors.Join(err, err2, err3))
		}},
		"rules": {[]metadata.Part{metadata.RepositoryRows}, func(tx metadata.Tx) string {
			list, err := tx.Policies().Rules()
			return found(fmt.Sprint(list), err)
		}},
		"name origin": {[]metadata.Part{metadata.PackageNames}, func(tx metadata.Tx) string {
			return found(tx.Names().NameOrigin(r.ID, "npm", "a"))
		}},
		"package": {[]metadata.Part{metadata.RepositoryRows, metadata.Part(p.ID)}, func(tx metadata.Tx) string {
			return found(tx.Packages().Package("main", "npm", "a"))
		}},
		"version by tag": {[]metadata.Part{metadata.RepositoryRows, metadata.Part(p.ID)}, func(tx metadata.Tx) string {
			return found(tx.Versions().VersionByTag("main", "npm", "a", "latest"))
		}},
		"names": {[]metadata.Part{metadata.RepositoryRows, metadata.PackageNames}, func(tx metadata.Tx) string {
			list, err := tx.Packages().Packages(metadata.PackageQuery{RepositoryID: r.ID})
			return found(names(list, func(p metadata.Package) string { return p.Key }), err)
		}},
	}
	state := func() map[string]string {
		out := make(map[string]string)
		e.view(func(tx metadata.Tx) error {
			for what, l := range looks {
				out[what] = l.find(tx)
			}
			return nil
		})
		return out
	}
	step := func(what string, fn func(tx metadata.Tx) error) {
		e.Helper()
		before, at := state(), store.Generation()
		e.clock.Add(1e6)
		e.update(fn)
		if store.Generation() <= at {
			e.Errorf("%s: the generation stays", what)
		}
		for name, now := range state() {
			moved := false
			for _, part := range looks[name].parts {
				moved = moved || store.GenerationOf(part) > at
			}
			if now != before[name] && !moved {
				e.Errorf("%s changes what %s finds, and no generation says so", what, name)
			}
		}
	}
	before := store.Generation()
	step("UpdateVersion", func(tx metadata.Tx) error {
		v.Reason, v.State = "old", metadata.Deprecated
		return tx.Versions().UpdateVersion(v)
	})
	step("UpdatePackage", func(tx metadata.Tx) error { return tx.Packages().UpdatePackage(p) })
	step("SetTag", func(tx metadata.Tx) error {
		_, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "latest", VersionID: w.ID, SeqFrom: 2})
		return err
	})
	step("RemoveTag", func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "latest", 3) })
	step("a first SetTag", func(tx metadata.Tx) error {
		_, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "latest", VersionID: w.ID, SeqFrom: 4})
		return err
	})
	step("CreateVersion", func(tx metadata.Tx) error {
		_, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: "3"})
		return err
	})
	for _, part := range []metadata.Part{metadata.RepositoryRows, metadata.PackageNames, metadata.Part(other.ID)} {
		if store.GenerationOf(part) > before {
			e.Errorf("what was written to one package counts for part %d", part)
		}
	}
	step("SetDigest", func(tx metadata.Tx) error { return tx.Versions().SetDigest(w.ID, digest.FromString("x")) })
	step("CreatePackage", func(tx metadata.Tx) error {
		_, err := tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: "npm", Key: "c", Name: "c"})
		return err
	})
	step("CreateRepository", func(tx metadata.Tx) error {
		_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "other"})
		return err
	})
	var u metadata.Upstream
	step("CreateUpstream", func(tx metadata.Tx) (err error) {
		u, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "u", Type: metadata.UpstreamRemote})
		return err
	})
	step("UpdateUpstream", func(tx metadata.Tx) error {
		u.URL = "https://example.com"
		return tx.Upstreams().UpdateUpstream(u)
	})
	step("NoteOrigin", func(tx metadata.Tx) error {
		return tx.Names().NoteOrigin(metadata.NameOrigin{RepositoryID: r.ID, Format: "npm", Key: "a", UpstreamID: u.ID}, false)
	})
	step("MoveOrigins", func(tx metadata.Tx) error { return tx.Names().MoveOrigins(u.ID, u.ID) })
	step("RemoveUpstream", func(tx metadata.Tx) error { return tx.Upstreams().RemoveUpstream(u.ID) })
	step("CreateClaim", func(tx metadata.Tx) error {
		_, err := tx.Upstreams().CreateClaim(metadata.Claim{Format: "npm", Pattern: "x"})
		return err
	})
	step("PutOrigin", func(tx metadata.Tx) error {
		return tx.Upstreams().PutOrigin(metadata.Origin{RepositoryID: r.ID, Format: "npm", Key: "a", Origin: "both"})
	})
	step("CreateRule", func(tx metadata.Tx) error {
		_, err := tx.Policies().CreateRule(metadata.Rule{RepositoryID: r.ID, Action: "deny", Match: "pkg:npm/a"})
		return err
	})
	step("UpdateRepository", func(tx metadata.Tx) error {
		r.Settings = []byte(`{}`)
		return tx.Repositories().UpdateRepository(r)
	})
	step("DeleteRepository", func(tx metadata.Tx) error { return tx.Repositories().DeleteRepository(r.ID) })
	step("a name used again", func(tx metadata.Tx) error {
		_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: "main"})
		return err
	})
}

// testFileGenerations: the same for look-ups of files.
func testFileGenerations(e *env) {
	store, ok := e.store.(metadata.Versioned)
	if !ok {
		return
	}
	r := e.repository("main")
	p := e.pkg(r, "npm", "a")
	v, w := e.version(p, "1"), e.version(p, "2")
	one, two := e.blob("one"), e.blob("two")
	var u metadata.Upstream
	e.update(func(tx metadata.Tx) (err error) {
		u, err = tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "u", Type: metadata.UpstreamRemote})
		return err
	})
	const path = "a.tgz"
	find := func() (out string) {
		e.view(func(tx metadata.Tx) error {
			for _, id := range []int64{v.ID, w.ID} {
				out += found(tx.Files().File(id, path))
			}
			out += found(tx.Files().FileAt(p.ID, path))
			return nil
		})
		return out
	}
	step := func(what string, changes bool, fn func(tx metadata.Tx) error) {
		e.Helper()
		before, at := find(), store.Generation()
		e.clock.Add(1e6)
		e.update(fn)
		moved := store.GenerationOf(metadata.FileRows) > at || store.GenerationOf(metadata.Part(p.ID)) > at
		if changed := find() != before; changed && !moved {
			e.Errorf("%s changes what is found, and no generation says so", what)
		} else if changed != changes {
			e.Errorf("%s changes what is found: %t", what, changed)
		}
	}
	file := func(v metadata.Version, b metadata.Blob, seq int64) metadata.File {
		return metadata.File{VersionID: v.ID, PackageID: p.ID, Path: path, Blob: b, Seq: seq}
	}
	step("AddFile", true, func(tx metadata.Tx) error { return tx.Files().AddFile(file(v, one, 1)) })
	step("AddFile to another version", true, func(tx metadata.Tx) error { return tx.Files().AddFile(file(w, two, 2)) })
	step("PutBlob of the same with a sum", true, func(tx metadata.Tx) error {
		one.SHA1 = sumOf("one")[:20]
		_, err := tx.Blobs().PutBlob(one)
		return err
	})
	step("ReplaceFile", true, func(tx metadata.Tx) error {
		f := file(w, one, 3)
		f.PackageID = 0
		return tx.Files().ReplaceFile(f)
	})
	step("RemoveFile", true, func(tx metadata.Tx) error { return tx.Files().RemoveFile(w.ID, path) })
	step("AddFile again", true, func(tx metadata.Tx) error { return tx.Files().AddFile(file(w, two, 4)) })
	step("Discard", true, func(tx metadata.Tx) error {
		return tx.Trash().Discard(metadata.Discarded{VersionID: w.ID, State: metadata.Published})
	})
	step("Recover", true, func(tx metadata.Tx) error { return tx.Trash().Recover(w.ID, 5, 6) })
	step("RemoveFiles", true, func(tx metadata.Tx) error { return tx.Files().RemoveFiles(w.ID) })
	step("PutCachedFile", false, func(tx metadata.Tx) error {
		return tx.Caches().PutCachedFile(metadata.CachedFile{VersionID: v.ID, Path: path, Digest: one.Digest, UpstreamID: u.ID, EnteredAt: tx.Now()})
	})
	step("Evict", true, func(tx metadata.Tx) error {
		_, err := tx.Evictions().Evict(v.ID, path)
		return err
	})
	step("Return", true, func(tx metadata.Tx) error { return tx.Evictions().Return(v.ID, path) })
}

// testPeopleGenerations: the same for what callers may do, and for leases. A use, and a login, count for neither.
func testPeopleGenerations(e *env) {
	store, ok := e.store.(metadata.Versioned)
	if !ok {
		return
	}
	var u metadata.User
	var g metadata.Group
	var token metadata.Token
	var session metadata.Session
	blob := e.blob("one")
	e.update(func(tx metadata.Tx) (err error) {
		u, err = tx.Users().CreateUser(metadata.User{Name: "ada", PasswordHash: "x"})
		return err
	})
	step := func(what string, part metadata.Part, counts bool, fn func(tx metadata.Tx) error) {
		e.Helper()
		at := store.Generation()
		e.clock.Add(1e6)
		e.update(fn)
		if moved := store.GenerationOf(part) > at; moved != counts {
			e.Errorf("%s counts: %t", what, moved)
		}
	}
	grants := []metadata.Grant{{Repository: "*", Actions: []string{"read"}}}
	step("a first grant", metadata.People, true, func(tx metadata.Tx) error {
		u.Grants = grants
		return tx.Users().UpdateUser(u)
	})
	step("CreateToken", metadata.People, false, func(tx metadata.Tx) (err error) {
		token, err = tx.Tokens().CreateToken(metadata.Token{UserID: u.ID, Name: "t", Hash: []byte("t")})
		return err
	})
	step("NoteUse of a token", metadata.People, false, func(tx metadata.Tx) error {
		return tx.Tokens().NoteUse(token.ID, metadata.Use{UsedAt: tx.Now()})
	})
	step("RevokeToken", metadata.People, true, func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(token.ID) })
	step("CreateSession", metadata.People, false, func(tx metadata.Tx) (err error) {
		session, err = tx.Sessions().CreateSession(metadata.Session{UserID: u.ID, Hash: []byte("s")})
		return err
	})
	step("NoteUse of a session", metadata.People, false, func(tx metadata.Tx) error {
		return tx.Sessions().NoteUse(session.ID, metadata.Use{UsedAt: tx.Now()})
	})
	step("NoteLogin", metadata.People, false, func(tx metadata.Tx) error { return tx.Users().NoteLogin(u.ID) })
	step("DeleteSession", metadata.People, true, func(tx metadata.Tx) error { return tx.Sessions().DeleteSession(session.ID) })
	step("EndSessions", metadata.People, true, func(tx metadata.Tx) error { return tx.Users().EndSessions(u.ID, 0) })
	step("CreateGroup", metadata.People, true, func(tx metadata.Tx) (err error) {
		g, err = tx.Groups().CreateGroup(metadata.Group{Name: "g", Grants: grants})
		return err
	})
	step("AddMember", metadata.People, true, func(tx metadata.Tx) error { return tx.Groups().AddMember(g.ID, u.ID) })
	step("RemoveMember", metadata.People, true, func(tx metadata.Tx) error { return tx.Groups().RemoveMember(g.ID, u.ID) })
	step("DeleteGroup", metadata.People, true, func(tx metadata.Tx) error { return tx.Groups().DeleteGroup(g.ID) })
	step("PutRole", metadata.People, true, func(tx metadata.Tx) error {
		_, err := tx.Roles().PutRole(metadata.Role{Name: "r", Actions: []string{"read"}})
		return err
	})
	step("DeleteRole", metadata.People, true, func(tx metadata.Tx) error { return tx.Roles().DeleteRole("r") })
	step("PutLease", metadata.DroppedLeases, false, func(tx metadata.Tx) error {
		return tx.Leases().PutLease(metadata.Lease{BlobID: blob.ID, Holder: "h", Until: tx.Now().Add(1e9)})
	})
	step("DropBlobLease", metadata.DroppedLeases, true, func(tx metadata.Tx) error { return tx.Leases().DropBlobLease(blob.ID, "h") })
}

// found is the whole result of a look-up as text.
func found[T any](v T, err error) string { return fmt.Sprintf("%+v %v", v, err) }
