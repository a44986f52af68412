package metadatatest

import "slipway/metadata"

func testDependencies(e *env) {
	repo, pkg, versions := image(e)
	var other metadata.Repository
	var far metadata.Package
	var away metadata.Version
	e.update(func(tx metadata.Tx) (err error) {
		if other, err = tx.Repositories().CreateRepository(metadata.Repository{Name: "others"}); err != nil {
			return err
		}
		if far, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: other.ID, Format: "npm", Key: "far", Name: "far"}); err != nil {
			return err
		}
		away, err = tx.Versions().CreateVersion(metadata.Version{PackageID: far.ID, Name: "1"})
		return err
	})
	put := func(version int64, list ...metadata.Dependency) {
		e.update(func(tx metadata.Tx) error { return tx.Dependencies().PutDependencies(version, list) })
	}
	needs := func(p metadata.Package, version metadata.Version, name, scope, requirement string) metadata.Dependency {
		return metadata.Dependency{Format: "npm", Name: name, PackageID: p.ID, VersionID: version.ID, Scope: scope, Requirement: requirement}
	}
	first := needs(pkg, versions[0], "left-pad", "", "^1")
	second := needs(pkg, versions[1], "left-pad", "", "^2")
	elsewhere := needs(far, away, "left-pad", "peer", "*")
	put(versions[0].ID, first, first) // the same twice is once
	put(versions[1].ID, second, needs(pkg, versions[1], "left-pad", "development", "^3"), needs(pkg, versions[1], "react", "", "*"))
	put(away.ID, elsewhere)
	list := func(p metadata.DependentPage) []metadata.Dependency {
		return read(e, func(tx metadata.Tx) ([]metadata.Dependency, error) { return tx.Dependencies().Dependents(p) })
	}
	both := []int64{repo.ID, other.ID}
	page := metadata.DependentPage{Format: "npm", Name: "left-pad", Repositories: both}
	equal(e, "of each package the newest", list(page), []metadata.Dependency{second, elsewhere})
	page.Limit = 1
	equal(e, "a bound", list(page), []metadata.Dependency{second})
	page.AfterPackageID, page.Limit = pkg.ID, 0
	equal(e, "behind a package", list(page), []metadata.Dependency{elsewhere})
	equal(e, "in a repository", list(metadata.DependentPage{Format: "npm", Name: "left-pad", Repositories: []int64{repo.ID}}), []metadata.Dependency{second})
	equal(e, "in none", list(metadata.DependentPage{Format: "npm", Name: "left-pad"}), nil)
	equal(e, "of another format", list(metadata.DependentPage{Format: "pypi", Name: "left-pad", Repositories: both}), nil)
	gone := versions[1]
	gone.State = metadata.Deleted
	e.update(func(tx metadata.Tx) error { return tx.Versions().UpdateVersion(gone) })
	page.AfterPackageID = 0
	equal(e, "without the deleted", list(page), []metadata.Dependency{first, elsewhere})
	put(versions[0].ID, needs(pkg, versions[0], "react", "", "*"))
	equal(e, "in the place of what was there", list(page), []metadata.Dependency{elsewhere})
}
