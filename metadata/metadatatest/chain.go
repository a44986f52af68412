package metadatatest

import (
	"errors"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// image is a repository with a package and two versions of it.
func image(e *env) (metadata.Repository, metadata.Package, []metadata.Version) {
	var repo metadata.Repository
	var pkg metadata.Package
	versions := make([]metadata.Version, 2)
	e.update(func(tx metadata.Tx) (err error) {
		if repo, err = tx.Repositories().CreateRepository(metadata.Repository{Name: "images"}); err != nil {
			return err
		}
		if pkg, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: repo.ID, Format: "oci", Key: "app", Name: "app"}); err != nil {
			return err
		}
		for i := range versions {
			d := digest.FromString(string(rune('a' + i)))
			versions[i], err = tx.Versions().CreateVersion(metadata.Version{PackageID: pkg.ID, Name: d.String(), Digest: d, MediaType: "text/x", Announced: i == 0, Seq: int64(i)})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return repo, pkg, versions
}

func testReferences(e *env) {
	_, pkg, versions := image(e)
	for _, v := range versions {
		got := read(e, func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().VersionByID(v.ID) })
		equal(e, "media type", got.MediaType, "text/x")
		equal(e, "announced", got.Announced, v.Announced)
	}
	absent := digest.SHA512.FromString("nowhere")
	list := []metadata.Reference{
		{VersionID: versions[0].ID, PackageID: pkg.ID, Kind: metadata.Child, Digest: versions[1].Digest},
		{VersionID: versions[0].ID, PackageID: pkg.ID, Kind: metadata.Subject, Digest: absent},
		{VersionID: versions[1].ID, PackageID: pkg.ID, Kind: metadata.Subject, Digest: absent},
	}
	for range 2 { // the same again changes nothing
		e.update(func(tx metadata.Tx) error { return tx.References().AddReferences(list) })
	}
	equal(e, "of a version", read(e, func(tx metadata.Tx) ([]metadata.Reference, error) { return tx.References().References(versions[0].ID) }), list[:2])
	names := func(kind string, d digest.Digest) []string {
		out := []string{}
		for _, limit := range []int{0, 1} { // all, and page by page
			out = out[:0]
			for page := (metadata.ReferrerPage{PackageID: pkg.ID, Kind: kind, Digest: d, Limit: limit}); ; {
				list := read(e, func(tx metadata.Tx) ([]metadata.Version, error) { return tx.References().Referrers(page) })
				for _, v := range list {
					out = append(out, v.Name)
					page.AfterID = v.ID
				}
				if len(list) == 0 || limit == 0 {
					break
				}
			}
		}
		return out
	}
	equal(e, "referrers", names(metadata.Subject, absent), []string{versions[0].Name, versions[1].Name})
	equal(e, "parents", names(metadata.Child, versions[1].Digest), []string{versions[0].Name})
	equal(e, "of another kind", names(metadata.Child, absent), []string{})
	gone := versions[0]
	gone.State, gone.EndedSeq = metadata.Deleted, versions[1].Seq+5
	e.update(func(tx metadata.Tx) error { return tx.Versions().UpdateVersion(gone) })
	equal(e, "without the deleted", names(metadata.Subject, absent), []string{versions[1].Name})
	asOf := func(seq int64) (out []string) {
		page := metadata.ReferrerPage{PackageID: pkg.ID, Kind: metadata.Subject, Digest: absent, AsOf: &seq}
		for _, v := range read(e, func(tx metadata.Tx) ([]metadata.Version, error) { return tx.References().Referrers(page) }) {
			out = append(out, v.Name)
		}
		return out
	}
	equal(e, "before the deletion", asOf(gone.EndedSeq-1), []string{versions[0].Name, versions[1].Name})
	equal(e, "after the deletion", asOf(gone.EndedSeq), []string{versions[1].Name})
	equal(e, "before all of it", asOf(min(versions[0].Seq, versions[1].Seq)-1), nil)
}

func testStagings(e *env) {
	repo, _, _ := image(e)
	touch := func(s metadata.Staging) metadata.Staging {
		var out metadata.Staging
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Stagings().TouchStaging(s)
			return err
		})
		return out
	}
	want := metadata.Staging{ID: "one", RepositoryID: repo.ID, Owner: "user:1", UserID: 7, Scope: "maven/com.acme:lib"}
	first := touch(want)
	want.Revision, want.CreatedAt, want.UpdatedAt = 1, e.now(), e.now()
	equal(e, "made", first, want)
	e.clock.Add(time.Minute)
	touch(metadata.Staging{ID: "one", RepositoryID: 1, Owner: "other", Scope: "other"})
	want.Revision, want.UpdatedAt = 2, e.now()
	equal(e, "touched", read(e, func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("one") }), want)
	missing(e, "id", func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("two") })
	equal(e, "by scope", read(e, func(tx metadata.Tx) ([]metadata.Staging, error) {
		return tx.Stagings().Stagings(metadata.StagingQuery{RepositoryID: repo.ID, Scope: want.Scope})
	}), []metadata.Staging{want})
	idle := func(before time.Time) int {
		return len(read(e, func(tx metadata.Tx) ([]metadata.Staging, error) {
			return tx.Stagings().Stagings(metadata.StagingQuery{Before: before, Limit: 10})
		}))
	}
	equal(e, "idle", []int{idle(e.now()), idle(e.now().Add(time.Second))}, []int{0, 1})
	testStagedFiles(e)
	testStagingsOf(e)
	testCrowdedStaging(e)
}

// testCrowdedStaging ends stagings of three files in several transactions: they have ended with the first.
func testCrowdedStaging(e *env) {
	b, repo := e.blob("of a crowd"), e.repository("crowded")
	begin := func(id string, paths ...string) (s metadata.Staging) {
		e.update(func(tx metadata.Tx) (err error) {
			s, err = tx.Stagings().TouchStaging(metadata.Staging{ID: id, RepositoryID: repo.ID, UserID: 9, Scope: "crowd"})
			for i := 0; i < len(paths) && err == nil; i++ {
				err = tx.Stagings().PutStagedFile(metadata.StagedFile{StagingID: id, Format: "maven", Package: "p", Version: "1", Path: paths[i], Blob: b})
			}
			return err
		})
		return s
	}
	count := func(ask func(tx metadata.Tx) (int64, error)) (n int64) {
		e.update(func(tx metadata.Tx) (err error) { n, err = ask(tx); return err })
		return n
	}
	drop := func(id string) int64 {
		return count(func(tx metadata.Tx) (int64, error) { return tx.Stagings().DropStaging(id, 2) })
	}
	finish := func(id string) int64 {
		return count(func(tx metadata.Tx) (int64, error) { return tx.Stagings().FinishStaging(id, 2) })
	}
	files := func(id string) int {
		return len(read(e, func(tx metadata.Tx) ([]metadata.StagedFile, error) { return tx.Stagings().StagedFiles(id) }))
	}
	found := func(q metadata.StagingQuery) int {
		return len(read(e, func(tx metadata.Tx) ([]metadata.Staging, error) { return tx.Stagings().Stagings(q) }))
	}
	everywhere := func() []int {
		of := read(e, func(tx metadata.Tx) (int64, error) { return tx.Stagings().StagingsOf(9) })
		return []int{found(metadata.StagingQuery{RepositoryID: repo.ID, Scope: "crowd"}), found(metadata.StagingQuery{Open: true, In: repo.ID}), int(of)}
	}
	begin("many", "a", "b", "c")
	equal(e, "found by scope, by repository, by user", everywhere(), []int{1, 1, 1})
	equal(e, "dropped at first", []int64{finish("many"), drop("many"), int64(files("many"))}, []int64{0, 2, 1})
	missing(e, "what is being dropped", func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("many") })
	equal(e, "found while it is dropped", everywhere(), []int{0, 0, 0})
	equal(e, "idle while it is dropped", found(metadata.StagingQuery{Before: e.now().Add(time.Second)}), 1)
	equal(e, "then", []int64{finish("many"), int64(files("many")), int64(found(metadata.StagingQuery{Before: e.now().Add(time.Second)}))}, []int64{1, 0, 0})
	equal(e, "release", read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(b.Digest) }).ReleasedAt, e.now())

	begin("many", "a", "b", "c")
	drop("many")
	equal(e, "begun anew", begin("many", "d").Revision, int64(1))
	equal(e, "its files", []int64{finish("many"), int64(files("many"))}, []int64{0, 1})

	begin("many", "a", "b")
	equal(e, "at the end", count(func(tx metadata.Tx) (int64, error) { return tx.Stagings().EndStaging("many", []byte("done"), 2) }), int64(2))
	equal(e, "behind the end", []int64{finish("many"), finish("many"), int64(files("many"))}, []int64{1, 0, 0})
	equal(e, "outcome", string(read(e, func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("many") }).Outcome), "done")
	equal(e, "dropped at once", []int64{drop("many"), int64(found(metadata.StagingQuery{Before: e.now().Add(time.Second)}))}, []int64{0, 0})
}

// testStagingsOf looks through stagings of two repositories, and drops those of one.
func testStagingsOf(e *env) {
	b := e.blob("staged")
	one, two := e.repository("one"), e.repository("two")
	for i, s := range []metadata.Staging{{ID: "c", RepositoryID: one.ID, Owner: "user:7"}, {ID: "a", RepositoryID: one.ID}, {ID: "ended", RepositoryID: one.ID},
		{ID: "b", RepositoryID: two.ID}, {ID: "other", RepositoryID: two.ID, Scope: "publish"}} {
		e.update(func(tx metadata.Tx) error {
			_, err := tx.Stagings().TouchStaging(s)
			if err == nil {
				err = tx.Stagings().PutStagedFile(metadata.StagedFile{StagingID: s.ID, Format: "maven", Package: "p", Version: "1", Path: "x", Blob: b})
			}
			if err == nil && s.ID == "ended" {
				_, err = tx.Stagings().EndStaging(s.ID, []byte("done"), 2)
			}
			return err
		})
		if i > 0 { // the first two at one time
			e.clock.Add(time.Minute)
		}
	}
	open := func(p metadata.StagingQuery) []string {
		p.NotScope = "publish"
		return names(read(e, func(tx metadata.Tx) ([]metadata.Staging, error) { return tx.Stagings().Stagings(p) }),
			func(s metadata.Staging) string { return s.ID })
	}
	first := read(e, func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("a") })
	equal(e, "under way", open(metadata.StagingQuery{Open: true}), []string{"a", "c", "b"})
	equal(e, "a page", open(metadata.StagingQuery{Open: true, Limit: 2}), []string{"a", "c"})
	equal(e, "behind a place", open(metadata.StagingQuery{Open: true, AfterUpdated: first.UpdatedAt, AfterID: "a"}), []string{"c", "b"})
	equal(e, "of one repository", open(metadata.StagingQuery{Open: true, RepositoryID: one.ID}), []string{"a", "c"})
	equal(e, "of one owner", open(metadata.StagingQuery{Open: true, Owner: "user:7", OwnerUser: 7}), []string{"c"})
	equal(e, "in one repository", open(metadata.StagingQuery{Open: true, In: one.ID}), []string{"a", "c"})
	equal(e, "ended too", open(metadata.StagingQuery{RepositoryID: one.ID, Limit: 3}), []string{"a", "c", "ended"})
	drop := func(repository int64, most int) (n int64) {
		e.update(func(tx metadata.Tx) (err error) {
			n, err = tx.Stagings().DropStagings(repository, most)
			return err
		})
		return n
	}
	equal(e, "rows dropped in steps", []int64{drop(one.ID, 1), drop(one.ID, 2), drop(one.ID, 9), drop(one.ID, 9)}, []int64{1, 2, 2, 0})
	equal(e, "of the other repository", open(metadata.StagingQuery{Open: true}), []string{"b"})
	missing(e, "an ended one", func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("ended") })
	equal(e, "files of the other repository", len(read(e, func(tx metadata.Tx) ([]metadata.StagedFile, error) { return tx.Stagings().StagedFiles("b") })), 1)
	e.clock.Add(time.Minute)
	equal(e, "the rest", drop(two.ID, 9), 4)
	equal(e, "release", read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(b.Digest) }).ReleasedAt, e.now())
}

// testStagedFiles goes on with the staging "one": its files keep their blobs.
func testStagedFiles(e *env) {
	blobs := make([]metadata.Blob, 2)
	e.update(func(tx metadata.Tx) (err error) {
		for i := range blobs {
			if blobs[i], err = tx.Blobs().PutBlob(metadata.Blob{Digest: digest.FromString(string(rune('x' + i))), Size: 1, SHA512: make([]byte, 63+i)}); err != nil {
				return err
			}
		}
		return nil
	})
	equal(e, "by sha512", read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().BlobBySHA512(make([]byte, 64)) }).ID, blobs[1].ID)
	missing(e, "sha512", func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().BlobBySHA512([]byte("none")) })
	put := func(path string, b metadata.Blob) {
		e.update(func(tx metadata.Tx) error {
			return tx.Stagings().PutStagedFile(metadata.StagedFile{StagingID: "one", Format: "maven", Package: "com.acme:lib", Display: "com.acme:lib",
				Version: "1.0", Path: path, MediaType: "text/x", Attributes: []byte("{}"), Blob: b})
		})
	}
	put("b", blobs[0])
	put("a", blobs[1])
	e.clock.Add(time.Minute)
	put("b", blobs[1]) // replaced
	equal(e, "released", read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(blobs[0].Digest) }).ReleasedAt, e.now())
	files := read(e, func(tx metadata.Tx) ([]metadata.StagedFile, error) { return tx.Stagings().StagedFiles("one") })
	if len(files) != 2 || files[0].Path != "a" || files[1].Path != "b" || files[1].Blob.ID != blobs[1].ID || string(files[0].Attributes) != "{}" {
		e.Errorf("staged files %+v", files)
	}
	at := func(s metadata.StagedFile, paths ...string) []metadata.StagedFile {
		return read(e, func(tx metadata.Tx) ([]metadata.StagedFile, error) { return tx.Stagings().StagedFilesAt(s, paths) })
	}
	equal(e, "staged under some paths", at(files[0], "b", "c", "d"), files[1:])
	equal(e, "staged under no path", len(at(files[0])), 0)
	other := files[0]
	other.Version = "2.0"
	equal(e, "staged of another version", len(at(other, "a", "b")), 0)
	garbage := func() []int64 {
		out := []int64{}
		for _, b := range read(e, func(tx metadata.Tx) ([]metadata.Blob, error) {
			return tx.Collection().Unreferenced(e.now().Add(time.Hour), e.now().Add(time.Hour), 0, 10)
		}) {
			out = append(out, b.ID)
		}
		return out
	}
	equal(e, "garbage", garbage(), []int64{blobs[0].ID})
	e.update(func(tx metadata.Tx) error {
		dead, err := tx.Collection().Condemn(blobs[1], e.now().Add(time.Hour))
		equal(e, "condemned", dead, false)
		return err
	})
	e.clock.Add(time.Minute)
	end := func(tx metadata.Tx, id string, most int) error {
		_, err := tx.Stagings().EndStaging(id, []byte("done"), most)
		return err
	}
	of := func(user int64) int64 {
		return read(e, func(tx metadata.Tx) (int64, error) { return tx.Stagings().StagingsOf(user) })
	}
	equal(e, "by user", []int64{of(7), of(8)}, []int64{1, 0})
	e.update(func(tx metadata.Tx) error { return end(tx, "one", 3) })
	equal(e, "of a user after the end", of(7), 0)
	equal(e, "garbage after the end", garbage(), []int64{blobs[0].ID, blobs[1].ID})
	ended := read(e, func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("one") })
	equal(e, "outcome", string(ended.Outcome)+" "+ended.UpdatedAt.String(), "done "+e.now().String())
	var missed error
	var anew metadata.Staging
	e.update(func(tx metadata.Tx) (err error) {
		missed = end(tx, "two", 1)
		anew, err = tx.Stagings().TouchStaging(metadata.Staging{ID: "one"})
		return err
	})
	if !errors.Is(missed, metadata.ErrNotExist) {
		e.Errorf("end of a missing one: %v", missed)
	}
	ended.Outcome, ended.Revision, ended.CreatedAt = nil, 1, e.now()
	equal(e, "begun anew", anew, ended)
	for range 2 { // dropping a missing staging is no error
		e.update(func(tx metadata.Tx) error { _, err := tx.Stagings().DropStaging("one", 1); return err })
	}
	equal(e, "garbage after the drop", garbage(), []int64{blobs[0].ID, blobs[1].ID})
	missing(e, "dropped", func(tx metadata.Tx) (metadata.Staging, error) { return tx.Stagings().Staging("one") })
}
