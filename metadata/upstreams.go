package metadata

import (
	"time"
)

// Types of an Upstream.
const (
	UpstreamRepository = "repository"
	UpstreamRemote     = "remote"
)

// Upstream is one of the places that a repository answers from beside its own versions: another repository, or a registry
// elsewhere.
type Upstream struct {
	ID           int64
	RepositoryID int64
	Position     int // from 0; the order in which places are asked
	Name         string
	Type         string // UpstreamRepository or UpstreamRemote
	MemberID     int64  // the other repository; 0 of a remote
	Format       string // of a remote
	URL          string // of a remote
	Settings     []byte // JSON object; empty is all defaults
	Secret       []byte // sealed credentials; empty: none
	CreatedAt    time.Time
}

// Claim reserves the names of a format that match a pattern, so that they come from no upstream even before they are published.
type Claim struct {
	ID           int64
	RepositoryID int64 // 0: it holds in every repository
	Format       string
	Pattern      string
	CreatedBy    string // the actor, as shown
	CreatedAt    time.Time
}

// Origin says where an administrator lets the versions of a package come from, against what the guard would decide.
type Origin struct {
	RepositoryID int64
	Format       string
	Key          string // of the package
	Origin       string // "published", "upstream" or "both"
	Upstream     string // name of the only remote that may be asked; "": every remote
	Reason       string
	SetBy        string // the actor, as shown
	SetAt        time.Time
	ExpiresAt    time.Time // zero: never
}

// Upstreams keeps the places that repositories answer from, and the rules about names that come with them. There are few rows, so
// lists are whole. Every write counts as a change of RepositoryRows.
type Upstreams interface {
	CreateUpstream(u Upstream) (Upstream, error) // fills ID and CreatedAt; ErrExists
	// Upstreams lists those of every repository that is not deleted, by (repository id, position, id).
	Upstreams() ([]Upstream, error)
	// UpdateUpstream stores Position, URL, Settings and Secret.
	UpdateUpstream(u Upstream) error
	RemoveUpstream(id int64) error // its row stays; its indexes go

	CreateClaim(c Claim) (Claim, error) // fills ID and CreatedAt; ErrExists
	Claims() ([]Claim, error)           // by (repository id, format, pattern)
	DeleteClaim(id int64) error

	PutOrigin(o Origin) error    // also replaces one; SetAt is now
	Origins() ([]Origin, error)  // by (repository id, format, key)
	DeleteOrigin(o Origin) error // found by its first three fields
}

// OriginCached is the Origin of a package of which nothing was published here.
const OriginCached = "cached"

// OriginPromoted is the Origin of a package whose versions here were all promoted, and came from remotes of other repositories.
const OriginPromoted = "promoted"

// States of an UpstreamIndex.
const (
	IndexOK   = "ok"
	IndexGone = "gone" // the remote has no such package any more
)

// UpstreamIndex is what a remote says of one package.
type UpstreamIndex struct {
	UpstreamID   int64
	Format       string
	Key          string // of the package
	Fingerprint  []byte // of the format and the address of the remote: a document of another address counts for nothing
	Body         Blob   // ID and Digest: the document, gzip
	Base         string // where it came from, without query
	Seen         []byte // when versions and files were first listed; empty: all are of the first index
	ETag         string
	LastModified string
	FetchedAt    time.Time
	CheckedAt    time.Time // when the remote last said that this is what it has
	FreshUntil   time.Time
	UsedAt       time.Time // about: it is written once in a while
	BaselineAt   time.Time // when the first index of the package came
	State        string    // IndexOK or IndexGone
}

// Sighting is when a remote first had a tag name an image that is not here and that was not what the tag named before.
type Sighting struct {
	UpstreamID int64
	Key        string // of the package
	Digest     string
	SeenAt     time.Time
}

// NameOrigin is the remote that a name first came from to the readers of a repository.
type NameOrigin struct {
	RepositoryID int64 // that was asked, or lies on the way to the remote
	Format       string
	Key          string // of the package
	UpstreamID   int64
	EnteredAt    time.Time
}

// NameUse is a caller who got something of a name that came from a remote.
type NameUse struct {
	RepositoryID int64 // that was asked
	Format       string
	Key          string // of the package
	Caller       string // the actor, as shown
	UsedAt       time.Time
}

// Names keeps, of names that came from remotes, which one they stay with, and who got them.
type Names interface {
	// NoteOrigin stores where a name came from, with now as the time. One that is there stays, unless replace is set or its upstream was
	// removed.
	NoteOrigin(o NameOrigin, replace bool) error
	MoveOrigins(from, to int64) error // gives the names of one upstream to another one
	NameOrigin(repositoryID int64, format, key string) (NameOrigin, error)
	PutNameUse(u NameUse) error // also replaces one
	// NameUses lists at most limit callers who got a name from a repository since a time, by caller.
	NameUses(repositoryID int64, format, key string, since time.Time, limit int) ([]NameUse, error)
	DropNameUses(before time.Time, limit int) error // at most limit of those before a time
}

// Caches keeps the provenance of files from remotes, and what remotes say of packages.
type Caches interface {
	// PutCachedFile also replaces one. Its bytes are here; nothing has changed, and it was used now.
	PutCachedFile(f CachedFile) error
	CachedFile(versionID int64, path string) (CachedFile, error)
	CachedFiles(versionID int64) ([]CachedFile, error) // by path

	// EnteredFiles lists the files of a package that came from remotes, of versions that are not deleted, by (version id, path).
	EnteredFiles(repositoryID int64, format, key string) ([]Entered, error)

	// PutIndex also replaces one, whose body then counts as released now.
	PutIndex(i UpstreamIndex) error
	Index(upstreamID int64, format, key string) (UpstreamIndex, error)
	// TouchIndex stores CheckedAt, FreshUntil and UsedAt. An index that is gone meanwhile is no error.
	TouchIndex(i UpstreamIndex) error
	// DropIndexes removes at most limit indexes that were last used before a time, and returns how many. Their bodies count as released now.
	DropIndexes(before time.Time, limit int) (int64, error)
	// IndexesWith lists the indexes with a body, by (upstream id, format, key), without Seen.
	IndexesWith(blobID int64) ([]UpstreamIndex, error)
	// DropIndex removes one. ErrNotExist.
	DropIndex(upstreamID int64, format, key string) error

	// NoteSighting keeps a sighting, until its upstream is removed; one that is there stays as it is.
	NoteSighting(s Sighting) error
	Sighting(upstreamID int64, key, digest string) (Sighting, error)
}
