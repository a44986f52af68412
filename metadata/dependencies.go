package metadata

// Dependency is a package that a version declares to need.
type Dependency struct {
	Format      string
	Name        string // key of the package that is needed; it need not be there
	PackageID   int64  // of the version
	VersionID   int64
	Scope       string
	Requirement string
}

// DependentPage selects versions by what they need.
type DependentPage struct {
	Format, Name   string
	Repositories   []int64 // in which the dependents are
	AfterPackageID int64
	Limit          int // 0 is all
}

// Dependencies keeps what versions need.
type Dependencies interface {
	// PutDependencies stores what a version needs, in the place of what was stored of it.
	PutDependencies(versionID int64, list []Dependency) error
	// Dependents returns the packages that need one, ascending by ID: of each the version that was made last among those that need it and are not
	// deleted.
	Dependents(p DependentPage) ([]Dependency, error)
}
