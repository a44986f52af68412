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
}
