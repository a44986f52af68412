package metadata

import "time"

// Usage is what a repository holds in a format, as it was counted last: versions that are not deleted, and the bytes of their files. Bytes
// that several versions share count for each of them.
type Usage struct {
	RepositoryID int64
	Repository   string // its name; filled on reading
	Format       string
	Packages     int64 // with versions
	Versions     int64
	Bytes        int64
	CachedBytes  int64     // of Bytes, those of packages that came from remotes
	Until        time.Time // changes of packages up to then are counted
}

// PackageUsage is what a package holds.
type PackageUsage struct {
	PackageID int64
	Cached    bool // it came from a remote
	Versions  int64
	Bytes     int64
}

// ChangedQuery selects packages of a repository and format that changed at Since or later, by (time, id).
type ChangedQuery struct {
	RepositoryID int64
	Format       string
	Since        time.Time
	AfterID      int64 // of those that changed at Since
	Limit        int
}

// Orders of packages.
const (
	NewestPackages  = "newest"  // those first that changed last
	LargestPackages = "largest" // those first that hold most bytes, as they were counted last
)

// PackageOrder selects packages of a repository and format in an order, from behind a place in it.
type PackageOrder struct {
	RepositoryID int64
	Format       string
	By           string // NewestPackages or LargestPackages
	After        *PackagePlace
	Limit        int
}

// PackagePlace is a place in an order of packages.
type PackagePlace struct {
	Value int64 // microseconds or bytes
	ID    int64
}

// BlobTotal counts blobs.
type BlobTotal struct {
	Blobs, Bytes int64
	Last         int64 // ID of the last one; 0: there is none
}

// Keeping is something that needs a blob, or keeps it for a time.
type Keeping struct {
	Kind       string // KeptByFile and so on
	Repository string
	Format     string
	Package    string
	Version    string
	Path       string
	Until      time.Time // when it ends by itself; zero: it does not, or not at a known time
}

// Kinds of Keeping.
const (
	KeptByFile    = "file"    // of a version
	KeptByDeleted = "deleted" // a version that was deleted and can be restored
	KeptByStaged  = "staged"  // a publish that is not visible yet
	KeptByUpload  = "upload"  // an upload that has not ended
	KeptByIndex   = "index"   // what a remote says of a package
	KeptByLease   = "lease"   // a client that sent it and has not said yet what it belongs to
)

// Usages keeps how much packages hold. It is counted behind the changes, so that no publish waits for it.
type Usages interface {
	// Usage lists what a repository holds, by format.
	Usage(repositoryID int64) ([]Usage, error)
	// PutUsage stores what a repository holds in the format; it replaces what was stored.
	PutUsage(u Usage) error
	// PackageUsage returns what was stored of packages; those of which nothing was are left out.
	PackageUsage(ids []int64) (map[int64]PackageUsage, error)
	// CountPackage counts what a package holds now.
	CountPackage(p Package) (PackageUsage, error)
	// PutPackageUsage stores what a package holds; it replaces what was stored.
	PutPackageUsage(p Package, u PackageUsage) error
	ChangedPackages(q ChangedQuery) ([]Package, error)
	// OrderedPackages lists packages with their place in the order. The largest are those of which something was stored.
	OrderedPackages(q PackageOrder) ([]Package, []PackagePlace, error)
	// BlobTotal counts the first blobs with an ID > after, ascending by ID.
	BlobTotal(after int64, limit int) (BlobTotal, error)
	// Keepings lists what needs a blob, at most limit of each kind.
	Keepings(blobID int64, limit int) ([]Keeping, error)
}
