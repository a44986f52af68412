package metadata

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// CachedFile says where a file came from that a remote delivered. It stays when the file's bytes are evicted.
type CachedFile struct {
	VersionID    int64
	Path         string
	Digest       digest.Digest // sha256
	UpstreamID   int64
	URL          string // without query
	ETag         string
	LastModified string
	Verified     string    // the strongest sum that the remote announced: sha512, sha256, sha1, md5 or none
	PublishedAt  time.Time // as the remote says; zero: it does not
	FirstSeenAt  time.Time // when the remote first listed it; zero: the first index of the package did, or it has none
	EnteredAt    time.Time
	EnteredBy    string    // the caller that asked for it, as shown
	CheckedAt    time.Time // when the remote last said that it has these bytes
	UsedAt       time.Time // about: it is written every few minutes
	Evicted      bool      // the bytes are gone: a later fetch must bring the same ones
	Changed      string    // kind and sum of other bytes that the remote has now; "": it has none that are known
	Denied       bool      // an administrator refused those
}

// Entered is a file of a version that came from a remote.
type Entered struct {
	CachedFile
	Version    string
	Descriptor []byte // of the version
	Blob       Blob   // with the sums that are known; ID is 0 if no bytes with the digest are here
}

// CachedEntry is a file that came from a remote, with what it belongs to.
type CachedEntry struct {
	CachedFile
	PackageID int64
	Format    string
	Key       string // of the package
	Package   string // its name, as shown
	Version   Version
	Size      int64
	Upstream  string // name of the remote, which may be removed
}

// CachedPlace is a place in the list of a repository's cached files.
type CachedPlace struct {
	Format, Key string
	VersionID   int64
	Path        string
}

// States of cached files that a CachedQuery selects.
const (
	CachedHere    = "here"
	CachedEvicted = "evicted"
	CachedChanged = "changed" // the remote has other bytes, and no administrator has refused them
	CachedDenied  = "denied"  // an administrator has refused the bytes that the remote has now
)

// CachedQuery selects files of a repository that came from remotes.
type CachedQuery struct {
	RepositoryID int64
	Text         string // in the name of the package or the path of the file; "": all
	State        string // one of the above; "": all
	After        CachedPlace
	Limit        int
}

// UnusedQuery selects files from a remote whose bytes are here, those first that were not used for longest. Files whose bytes something
// else holds, such as a published version, are left out: no space comes back by their eviction.
type UnusedQuery struct {
	UpstreamID int64
	Before     time.Time // of their last use
	After      CachedFile
	Limit      int
}

// Evictions keeps when files from remotes were used, and what became of their bytes.
type Evictions interface {
	// CachedEntries lists files of versions that are not deleted, by (format, key, version id, path), with the core of their versions.
	CachedEntries(q CachedQuery) ([]CachedEntry, error)
	// UseFiles notes when files were used last, by VersionID, Path and UsedAt. One that is gone meanwhile is no error.
	UseFiles(list []CachedFile) error
	// Unused lists files that can be evicted, by (last use, version id, path), with the core of their versions.
	Unused(q UnusedQuery) ([]CachedEntry, error)
	// CachedBytes is the size of those bytes that only files from a remote hold.
	CachedBytes(upstreamID int64) (int64, error)
	// OnlyCached lists the files whose bytes a blob is, if all of them came from remotes that are still there and have no other bytes that are
	// known, and if nothing else holds the blob; else none. With the core of their versions.
	OnlyCached(blobID int64) ([]CachedEntry, error)
	// Evict removes the file row and keeps what is needed to bring it back. It returns the bytes that nothing else holds; their blob counts
	// as released now. ErrNotExist: the file is not there, or has other bytes than those that came from the remote.
	Evict(versionID int64, path string) (int64, error)
	// Evicted lists the files of a version that were evicted, by path, as they were. Their blobs have no ID.
	Evicted(versionID int64) ([]File, error)
	// Return brings an evicted file back as it was; its blob is there again. ErrNotExist.
	Return(versionID int64, path string) error
	// ChangeFile stores Changed and Denied.
	ChangeFile(f CachedFile) error
	// ForgetFiles removes what is known of the files of a version.
	ForgetFiles(versionID int64) error
}
