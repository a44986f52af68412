package metadata

import "time"

// Condition is a tree of tests on versions; exactly one field is set.
type Condition struct {
	All []Condition // every condition holds; an empty list is true
	Any []Condition // at least one holds
	Not *Condition
	Is  *Test
}

// Fields of a Test.
const (
	FieldRepository = "repository"
	FieldFormat     = "format"
	FieldPackage    = "package"
	FieldVersion    = "version"
	FieldPURL       = "purl"
	FieldState      = "state"
	FieldPublisher  = "publisher"
	FieldTag        = "tag"
	FieldDigest     = "digest"    // of the version or of one of its files; Value is hex
	FieldPublished  = "published" // Compare and Time
	FieldKnown      = "known"     // Key, Compare and Time: a fact of the key was noted then
	FieldFact       = "fact"      // Key, and Value as pattern or with Prefix
	FieldHasFact    = "has fact"  // Key or a key below it
	FieldAttached   = "attached"  // to another version; no Value
	FieldHasFile    = "has file"  // Value is a pattern of paths
	FieldRuns       = "runs"      // Value is a pattern of environments in which a service runs the version
	FieldPart       = "part"      // of an index that is there, and now without a tag of its own; no Value
)

// Test is one comparison. Value is a pattern in which * stands for any text, unless Literal.
type Test struct {
	Field   string
	Key     string
	Value   string
	Literal bool
	Prefix  bool   // of a fact: values that begin with Value
	Compare string // of a time: <, <=, >, >=
	Time    time.Time
}

// Search selects versions, those published last first.
type Search struct {
	Where        Condition
	Repositories []int64 // only of these
	Versions     []int64 // only these; nil: all
	AsOf         *int64  // the state after this log entry: versions of then, with the tags and facts of then; see Version.Seq
	BeforeSeq    int64   // published before this log entry; 0 is from the newest
	Limit        int
	NoAttached   bool // without what is attached to other versions
	// PackageID is the only package that is looked at, in the order of its versions, the newest first; 0: all, by their publishes.
	PackageID    int64
	AfterSortKey []byte // with AfterName, of a package: versions behind this one
	AfterName    string
}

// Hit is a version with the names of its repository, format and package.
type Hit struct {
	Version    Version // without Descriptor
	Repository string
	Format     string
	Package    string
}

// Searches finds versions by their recorded properties.
type Searches interface {
	Search(s Search) ([]Hit, error)
	// FactsOf returns the facts with one of the keys about the present content of versions, at asOf those that were known right after that
	// log entry; in any order. There is at least one version and one key.
	FactsOf(versionIDs []int64, keys []string, asOf *int64) ([]Fact, error)
	// RunsOf tells where versions run, at asOf where they ran right after that log entry; ascending by version, environment and service.
	RunsOf(versionIDs []int64, asOf *int64) ([]RunsIn, error)
	// VersionsThen counts the versions that packages had right after a log entry, without deleted ones and what is attached to others; packages
	// without one are left out. In any order.
	VersionsThen(packageIDs []int64, seq int64) ([]VersionsThen, error)
	PathsOf(versionID int64, limit int) ([]string, error) // of its files, ascending
}

// RunsIn is a service that runs a version.
type RunsIn struct {
	VersionID            int64
	Environment, Service string
}

// VersionsThen is how many versions a package had, and when the last of them was published.
type VersionsThen struct {
	PackageID, Versions int64
	PublishedAt         time.Time
}
