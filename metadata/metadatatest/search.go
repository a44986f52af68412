package metadatatest

import (
	"errors"
	"fmt"

	"slipway/metadata"
)

// testSearch searches by every field, for the present and for past states.
func testSearch(e *env) {
	repo, versions := searched(e)
	checkSearch(e, versions, repo.ID)
	testSearchTree(e, repo)
	of := func(versions ...metadata.Condition) metadata.Search {
		return metadata.Search{Where: metadata.Condition{All: versions}, Repositories: crowd(repo.ID)}
	}
	for _, c := range []struct {
		s    metadata.Search
		want int
	}{
		{of(), 2},
		{of(metadata.Condition{Is: &metadata.Test{Field: metadata.FieldTag, Value: "stable"}}), 1},
		{metadata.Search{Repositories: crowd(repo.ID), Versions: crowd(versions[1].ID)}, 1},
	} {
		equal(e, "of very many", len(read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(c.s) })), c.want)
	}
}

// testSearchInCrowd searches for the same among so many other versions that are alike that no test finds few: stores go other ways then.
func testSearchInCrowd(e *env) {
	repo, versions := searched(e)
	other := e.repository("imitations")
	e.update(func(tx metadata.Tx) error {
		b, err := tx.Blobs().Blob(versions[0].Digest)
		if err != nil {
			return err
		}
		for i := range 1_010 {
			if err := imitate(tx, other, i, b); err != nil {
				return err
			}
		}
		return nil
	})
	checkSearch(e, versions, repo.ID, other.ID)
}

// imitate makes a package with five versions, which have all that is searched for.
func imitate(tx metadata.Tx, repo metadata.Repository, n int, b metadata.Blob) error {
	name := fmt.Sprintf("a%dp", n)
	pkg, err := tx.Packages().CreatePackage(metadata.Package{RepositoryID: repo.ID, Format: "oci", Key: name, Name: name})
	if err != nil {
		return err
	}
	var versions []metadata.Version
	for i := range int64(5) {
		v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: pkg.ID, Name: fmt.Sprint(i), Digest: b.Digest, Seq: i})
		if err != nil {
			return err
		}
		versions = append(versions, v)
	}
	pkg.VersionCount = int64(len(versions))
	if err := tx.Packages().UpdatePackage(pkg); err != nil {
		return err
	}
	if err := tx.Files().AddFile(metadata.File{VersionID: versions[0].ID, PackageID: pkg.ID, Path: "x.sigstore", Blob: b, Seq: 4}); err != nil {
		return err
	}
	if _, err := tx.Tags().SetTag(metadata.Tag{PackageID: pkg.ID, Name: "stable", VersionID: versions[0].ID, SeqFrom: 2}); err != nil {
		return err
	}
	return tx.Facts().AddFacts([]metadata.Fact{
		{VersionID: versions[0].ID, Key: "source.commit", Value: "abc_def", Seq: 0}, {VersionID: versions[1].ID, Key: "source.commit", Value: "abc%def", Seq: 4}})
}

// searched makes two versions with all that can be searched for.
func searched(e *env) (metadata.Repository, []metadata.Version) {
	repo, pkg, versions := image(e)
	e.update(func(tx metadata.Tx) error {
		b, err := tx.Blobs().PutBlob(metadata.Blob{Digest: versions[0].Digest, Size: 1})
		if err != nil {
			return err
		}
		if err := tx.Files().AddFile(metadata.File{VersionID: versions[0].ID, PackageID: pkg.ID, Path: "x.sigstore", Blob: b, Seq: 4}); err != nil {
			return err
		}
		if _, err := tx.Tags().SetTag(metadata.Tag{PackageID: pkg.ID, Name: "stable", VersionID: versions[0].ID, SeqFrom: 2}); err != nil {
			return err
		}
		if _, err := tx.Tags().SetTag(metadata.Tag{PackageID: pkg.ID, Name: "stable", VersionID: versions[1].ID, SeqFrom: 5}); err != nil {
			return err
		}
		return tx.Facts().AddFacts([]metadata.Fact{
			{VersionID: versions[0].ID, Key: "source.commit", Value: "abc_def", Seq: 0},
			{VersionID: versions[1].ID, Key: "source.commit", Value: "abc%def", Seq: 4},
		})
	})
	return repo, versions
}

// checkSearch looks for the versions of searched in repositories, and passes over those that imitate them.
func checkSearch(e *env, versions []metadata.Version, repositories ...int64) {
	find := func(t metadata.Test, asOf *int64) []int64 {
		out := []int64{}
		s := metadata.Search{Where: metadata.Condition{Is: &t}, Repositories: append([]int64{99, 98}, repositories...), AsOf: asOf}
		for _, h := range read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(s) }) {
			if h.Repository == "imitations" {
				continue
			}
			out = append(out, h.Version.Seq)
			if h.Repository != "images" || h.Format != "oci" || h.Package != "app" {
				e.Errorf("hit %+v", h)
			}
		}
		return out
	}
	both, first, second, none := []int64{1, 0}, []int64{0}, []int64{1}, []int64{}
	hex := versions[0].Digest.Encoded()
	for _, c := range []struct {
		test metadata.Test
		want []int64
	}{
		{metadata.Test{Field: metadata.FieldRepository, Value: "im*"}, both},
		{metadata.Test{Field: metadata.FieldRepository, Value: "im*", Literal: true}, none},
		{metadata.Test{Field: metadata.FieldFormat, Value: "oci"}, both},
		{metadata.Test{Field: metadata.FieldPackage, Value: "a*p"}, both},
		{metadata.Test{Field: metadata.FieldPackage, Value: "a_p"}, none},
		{metadata.Test{Field: metadata.FieldVersion, Value: versions[1].Name}, second},
		{metadata.Test{Field: metadata.FieldPURL, Value: ""}, both},
		{metadata.Test{Field: metadata.FieldState, Value: "published"}, both},
		{metadata.Test{Field: metadata.FieldPublisher, Value: "nobody"}, none},
		{metadata.Test{Field: metadata.FieldTag, Value: "st*"}, second},
		{metadata.Test{Field: metadata.FieldTag, Value: "stable"}, second},
		{metadata.Test{Field: metadata.FieldDigest, Value: hex}, first},
		{metadata.Test{Field: metadata.FieldPublished, Compare: "<=", Time: e.now()}, both},
		{metadata.Test{Field: metadata.FieldPublished, Compare: "<", Time: e.now()}, none},
		{metadata.Test{Field: metadata.FieldFact, Key: "source.commit", Value: "abc_*"}, first},
		{metadata.Test{Field: metadata.FieldFact, Key: "source.commit", Value: "abc", Prefix: true}, both},
		{metadata.Test{Field: metadata.FieldFact, Key: "source.commit", Value: "abc%def"}, second},
		{metadata.Test{Field: metadata.FieldKnown, Key: "source.commit", Compare: "<=", Time: e.now()}, both},
		{metadata.Test{Field: metadata.FieldKnown, Key: "source.commit", Compare: "<", Time: e.now()}, none},
		{metadata.Test{Field: metadata.FieldKnown, Key: "source", Compare: "<=", Time: e.now()}, none},
		{metadata.Test{Field: metadata.FieldHasFact, Key: "source"}, both},
		{metadata.Test{Field: metadata.FieldHasFact, Key: "sourc_"}, none},
		{metadata.Test{Field: metadata.FieldHasFile, Value: "*.sigstore"}, first},
	} {
		equal(e, c.test.Field+" "+c.test.Value, find(c.test, nil), c.want)
	}
	at := int64(3)
	equal(e, "file then", find(metadata.Test{Field: metadata.FieldHasFile, Value: "*.sigstore"}, &at), none)
	equal(e, "tag then", find(metadata.Test{Field: metadata.FieldTag, Value: "stable"}, &at), first)
	equal(e, "fact then", find(metadata.Test{Field: metadata.FieldHasFact, Key: "source.commit"}, &at), first)
}

// testSearchAgain searches for facts of a coordinate that has been used again for other content.
func testSearchAgain(e *env) {
	p := e.main()
	v := e.version(p, "1")
	e.update(func(tx metadata.Tx) error {
		err := tx.Facts().AddFacts([]metadata.Fact{
			{VersionID: v.ID, Key: "source.commit", Value: "old", Seq: 1}, {VersionID: v.ID, Key: "source.commit", Value: "new", Seq: 5},
			{VersionID: v.ID, Key: "build.id", Value: "old", Seq: 1}, {VersionID: v.ID, Key: "custom.x", Value: "later", Seq: 7},
		})
		v.Seq = 5
		return errors.Join(err, tx.Versions().UpdateVersion(v))
	})
	six := int64(6)
	for _, c := range []struct {
		test metadata.Test
		asOf *int64
		want int
	}{
		{metadata.Test{Field: metadata.FieldFact, Key: "source.commit", Value: "old"}, nil, 0},
		{metadata.Test{Field: metadata.FieldFact, Key: "source.commit", Value: "o", Prefix: true}, nil, 0},
		{metadata.Test{Field: metadata.FieldFact, Key: "source.commit", Value: "new"}, nil, 1},
		{metadata.Test{Field: metadata.FieldFact, Key: "source.commit", Value: "n*"}, &six, 1},
		{metadata.Test{Field: metadata.FieldHasFact, Key: "build"}, nil, 0},
		{metadata.Test{Field: metadata.FieldHasFact, Key: "custom"}, nil, 1},
		{metadata.Test{Field: metadata.FieldHasFact, Key: "custom"}, &six, 0},
	} {
		s := metadata.Search{Where: metadata.Condition{Is: &c.test}, Repositories: []int64{p.RepositoryID}, AsOf: c.asOf}
		equal(e, fmt.Sprintf("%+v", c.test), len(read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(s) })), c.want)
	}
	equal(e, "facts", names(read(e, func(tx metadata.Tx) ([]metadata.Fact, error) { return tx.Facts().Facts(v.ID) }),
		func(f metadata.Fact) string { return f.Value }), []string{"later", "new"})
}

// testSearchTree joins tests, and turns pages.
func testSearchTree(e *env, repo metadata.Repository) {
	app := metadata.Condition{Is: &metadata.Test{Field: metadata.FieldPackage, Value: "app"}}
	tagged := metadata.Condition{Is: &metadata.Test{Field: metadata.FieldTag, Value: "stable"}}
	for _, c := range []struct {
		where metadata.Condition
		want  int
	}{
		{metadata.Condition{}, 2},
		{metadata.Condition{All: []metadata.Condition{app, tagged}}, 1},
		{metadata.Condition{Any: []metadata.Condition{app, tagged}}, 2},
		{metadata.Condition{All: []metadata.Condition{app, {Not: &tagged}}}, 1},
		{metadata.Condition{Not: &app}, 0},
	} {
		s := metadata.Search{Where: c.where, Repositories: []int64{repo.ID}}
		equal(e, "tree", len(read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(s) })), c.want)
	}
	page := metadata.Search{Repositories: []int64{repo.ID}, BeforeSeq: 1, Limit: 1}
	equal(e, "page", len(read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(page) })), 1)
	equal(e, "no repository", len(read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(metadata.Search{}) })), 0)
}
