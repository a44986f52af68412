package metadatatest

import (
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// testOverview reads what lists show of versions, now and at past moments, and searches one package in its own order.
func testOverview(e *env) {
	p := e.main()
	v1, v2 := e.version(p, "1"), e.version(p, "2")
	prod, lab := e.environment("prod", 1), e.environment("lab", 1)
	blob := e.blob("x")
	e.update(func(tx metadata.Tx) error {
		for _, path := range []string{"b", "a", "c"} {
			if err := tx.Files().AddFile(metadata.File{VersionID: v1.ID, PackageID: p.ID, Path: path, Blob: blob}); err != nil {
				return err
			}
		}
		return tx.Facts().AddFacts([]metadata.Fact{{VersionID: v1.ID, Key: "source.commit", Value: "c1", Seq: 2}, {VersionID: v1.ID, Key: "source.commit", Value: "c2", Seq: 9},
			{VersionID: v1.ID, Key: "build.id", Value: "7", Seq: 2}, {VersionID: v2.ID, Key: "source.commit", Value: "c3", Seq: 3}})
	})
	for seq, at := range map[int64]metadata.Deployment{10: e.deploy(prod, "web", "a", v1, metadata.DeploymentSucceeded, 10), 20: e.deploy(lab, "web", "b", v1, metadata.DeploymentSucceeded, 20)} {
		e.update(func(tx metadata.Tx) error { return tx.Runs().StartRun(at, seq) })
	}
	e.update(func(tx metadata.Tx) error { return tx.Runs().EndRun(prod.ID, "web", 30) })
	ids := []int64{v1.ID, v2.ID}
	then := func(seq int64) *int64 { return &seq }
	for _, c := range []struct {
		asOf  *int64
		facts int
		runs  string
	}{{nil, 3, "[lab/web]"}, {then(2), 1, "[]"}, {then(10), 3, "[prod/web]"}, {then(29), 3, "[lab/web prod/web]"}, {then(30), 3, "[lab/web]"}} {
		facts := read(e, func(tx metadata.Tx) ([]metadata.Fact, error) {
			return tx.Searches().FactsOf(ids, []string{"source.commit", "absent"}, c.asOf)
		})
		equal(e, "facts", len(facts), c.facts)
		runs := names(read(e, func(tx metadata.Tx) ([]metadata.RunsIn, error) { return tx.Searches().RunsOf(ids, c.asOf) }), func(r metadata.RunsIn) string {
			equal(e, "runs of", r.VersionID, v1.ID)
			return r.Environment + "/" + r.Service
		})
		equal(e, "runs", fmt.Sprint(runs), c.runs)
	}
	equal(e, "paths", read(e, func(tx metadata.Tx) ([]string, error) { return tx.Searches().PathsOf(v1.ID, 2) }), []string{"a", "b"})

	inPackage := func(s metadata.Search) string {
		s.PackageID, s.Repositories = p.ID, []int64{p.RepositoryID}
		return fmt.Sprint(names(read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(s) }), func(h metadata.Hit) string { return h.Version.Name }))
	}
	e.version(e.pkg(e.repository("other"), "npm", "left-pad"), "3")
	equal(e, "of the package", inPackage(metadata.Search{}), "[2 1]")
	equal(e, "behind one", inPackage(metadata.Search{AfterSortKey: []byte("2"), AfterName: "2"}), "[1]")
	equal(e, "then", inPackage(metadata.Search{AsOf: then(1)}), "[2 1]")
	equal(e, "that runs", inPackage(metadata.Search{Where: metadata.Condition{Is: &metadata.Test{Field: metadata.FieldRuns, Value: "lab"}}}), "[1]")
	equal(e, "none", inPackage(metadata.Search{Where: metadata.Condition{Is: &metadata.Test{Field: metadata.FieldVersion, Value: "3"}}}), "[]")
}

// testPackagesThen counts the versions of packages at past moments, and finds packages by when they were made.
func testPackagesThen(e *env) {
	p := e.main()
	v1 := e.version(p, "1")
	e.version(p, "2")
	v1.EndedSeq, v1.State = 40, metadata.Deleted
	e.update(func(tx metadata.Tx) error { return tx.Versions().UpdateVersion(v1) })
	for seq, want := range map[int64]string{-1: "[]", 0: "[2]", 39: "[2]", 40: "[1]"} {
		counts := read(e, func(tx metadata.Tx) ([]metadata.VersionsThen, error) {
			return tx.Searches().VersionsThen([]int64{p.ID, 99}, seq)
		})
		equal(e, fmt.Sprint("versions at ", seq), fmt.Sprint(names(counts, func(c metadata.VersionsThen) int64 { return c.Versions })), want)
	}
	made := func(until time.Time) int {
		q := metadata.PackageQuery{RepositoryID: p.RepositoryID, MadeUntil: until, Limit: 5}
		return len(read(e, func(tx metadata.Tx) ([]metadata.Package, error) { return tx.Packages().Packages(q) }))
	}
	equal(e, "made until then", []int{made(p.CreatedAt), made(p.CreatedAt.Add(-time.Second))}, []int{1, 0})
}

// testParts leaves out what is only a part of an index: not while it has a tag, nor when the index is deleted.
func testParts(e *env) {
	repo, pkg, versions := image(e)
	index := metadata.Version{PackageID: pkg.ID, Name: digest.FromString("index").String(), Digest: digest.FromString("index"), Seq: 5}
	e.update(func(tx metadata.Tx) (err error) {
		if index, err = tx.Versions().CreateVersion(index); err != nil {
			return err
		}
		return tx.References().AddReferences([]metadata.Reference{{VersionID: index.ID, PackageID: pkg.ID, Kind: metadata.Child, Digest: versions[0].Digest},
			{VersionID: index.ID, PackageID: pkg.ID, Kind: metadata.Subject, Digest: versions[1].Digest}})
	})
	seqs := func() string {
		part := metadata.Condition{Is: &metadata.Test{Field: metadata.FieldPart}}
		whole := metadata.Condition{Not: &part}
		listed := names(read(e, func(tx metadata.Tx) ([]metadata.Version, error) {
			return tx.Versions().Versions(metadata.VersionPage{PackageID: pkg.ID, NoParts: true})
		}), func(v metadata.Version) int64 { return v.Seq })
		out := fmt.Sprint(len(listed))
		for _, s := range []metadata.Search{{Where: part}, {Where: whole}, {Where: part, AsOf: new(int64)}, {Where: part, AsOf: &index.Seq}} {
			s.Repositories = []int64{repo.ID}
			out += fmt.Sprint(" ", names(read(e, func(tx metadata.Tx) ([]metadata.Hit, error) { return tx.Searches().Search(s) }), func(h metadata.Hit) int64 { return h.Version.Seq }))
		}
		return out
	}
	equal(e, "now, then", seqs(), "2 [0] [5 1] [] [0]")
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Tags().SetTag(metadata.Tag{PackageID: pkg.ID, Name: "amd64", VersionID: versions[0].ID, SeqFrom: 6})
		return err
	})
	equal(e, "with a tag", seqs(), "3 [] [5 1 0] [] [0]")
	e.update(func(tx metadata.Tx) error {
		index.State, index.EndedSeq = metadata.Deleted, 7
		return errors.Join(tx.Tags().RemoveTag(pkg.ID, "amd64", 7), tx.Versions().UpdateVersion(index))
	})
	equal(e, "without the index", seqs(), "2 [] [1 0] [] [0]")
}
