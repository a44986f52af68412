package metadata

import (
	"context"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
)

// Repository is a named place for versions of every format.
type Repository struct {
	ID          int64
	Name        string
	Description string
	Upstreams   int    // how many Upstream rows it has; filled on reading
	Settings    []byte // JSON object of registry.Setting values by name; empty is all defaults
	CreatedAt   time.Time
}

// Package is one name of one format in a repository.
type Package struct {
	ID           int64
	RepositoryID int64
	Repository   string // its name; filled on reading
	Format       string
	Key          string // normalised name, the key of look-ups
	Name         string // as first written; shown to people
	Revision     int64  // grows with every change to the package or to anything below it
	Latest       string // version shown as the newest; "" when there is none
	VersionCount int64  // versions that are not deleted
	Attached     int64  // of these, the attached ones; filled in lists of the catalog only
	Size         int64  // bytes of its versions, as they were counted last; filled in lists of the catalog only
	Descriptor   []byte // the format's data about the package, opaque here
	Origin       string // "", OriginCached or OriginPromoted
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// State of a version.
type State string

// States; a deleted version keeps its row as a tombstone, so its coordinate stays taken.
const (
	Published  State = "published"
	Yanked     State = "yanked"
	Deprecated State = "deprecated"
	Deleted    State = "deleted"
)

// Version is one published coordinate. Content never changes; State, Reason and Descriptor may.
type Version struct {
	ID          int64
	PackageID   int64
	Name        string // the version itself, in the format's canonical spelling
	PURL        string
	State       State
	Reason      string        // message of a deprecation, yank or deletion
	Digest      digest.Digest // of the content as a whole: see registry.ContentDigest
	Size        int64         // bytes of all files
	SortKey     []byte        // byte order is the format's version order
	Prerelease  bool
	Descriptor  []byte // the format's data about the version (npm manifest, core metadata …), opaque here
	PublishedAt time.Time
	PublishedBy string // the actor, as shown: a user, or "token ci of user admin"
	PublisherID string // Actor.ID
	UpdatedAt   time.Time
	Seq         int64 // log entry of the publish, the latest where the coordinate was used again
	MediaType   string
	EndedSeq    int64 // log entry of its deletion; 0 while it lives
	// Announced is false while a version is stored but has no publish event: it is a part of another version and has no tag.
	Announced bool
	// Attached is true of a version that belongs to another one, as a signature does: no event announces it, it is never the
	// newest, and lists leave it out. It is not Announced.
	Attached bool
}

// File is one path of a version.
type File struct {
	VersionID int64
	PackageID int64
	Path      string
	MediaType string
	AddedAt   time.Time
	Seq       int64 // log entry that added it
	Blob      Blob
	// Arriving is set by readers over remotes while the bytes are on their way: they are read from it. Of Blob only Size is known
	// then, and Digest if the remote announced it. No store keeps it.
	Arriving Arriving
}

// Arriving is a file on its way from a remote.
type Arriving interface {
	// Open returns length bytes from offset, -1 to the end, as they arrive. The last bytes come once the whole is verified. The caller
	// closes.
	Open(ctx context.Context, offset, length int64) (io.ReadCloser, error)
	// Entered returns the ID of the version that has the file, once it is verified and stored; 0 before.
	Entered() int64
}

// Blob is immutable bytes; sums other than sha256 are there when a format asked for them.
type Blob struct {
	ID        int64
	Digest    digest.Digest // sha256
	Size      int64
	SHA1      []byte // 20 bytes or nil
	MD5       []byte // 16 bytes or nil
	SHA512    []byte // 64 bytes or nil
	CreatedAt time.Time
	// ReleasedAt is when the blob last lost a file or a lease; the collector's grace period counts from it.
	ReleasedAt time.Time
}

// Lease keeps a blob from the collector although no file needs it yet.
type Lease struct {
	BlobID int64
	Holder string // what relies on the blob: an upload, a publish, a package whose client was told that the blob exists
	Until  time.Time
}

// Collected is the collector's note that it removes, or has removed, the bytes of a digest. A publish that stored the
// same bytes meanwhile must look again before it relies on them.
type Collected struct {
	Digest digest.Digest
	Size   int64
	At     time.Time // condemned
	DoneAt time.Time // bytes are gone; zero while the removal is under way
}

// Tag is one interval of validity of a mutable name on a package.
type Tag struct {
	PackageID  int64
	Name       string
	VersionID  int64
	Version    string        // name of the version; filled on reading
	Digest     digest.Digest // of the version; filled on reading
	Generation int64         // from 1, grows with every set of this name, also after a removal
	SetAt      time.Time
	SetBy      string // the actor, as shown
	Reason     string
	SeqFrom    int64     // log entry that set it
	SeqTo      int64     // log entry that ended it; 0 while it holds
	EndedAt    time.Time // zero while it holds
}

// Fact is one piece of release metadata. All facts are kept; the one with the highest rank, then the latest, is shown.
type Fact struct {
	VersionID int64
	Key       string // source.commit, build.id, custom.team.ticket …
	Value     string
	Source    string // where it was read: npm:gitHead, api, …
	Rank      int    // 4 observed, 3 signed by a trusted identity, 2 signed by someone, 1 declared
	Seq       int64
	At        time.Time
}

// Actor is the caller that caused a log entry.
type Actor struct {
	Type string `json:"type"` // user, token, anonymous, system
	ID   string `json:"id"`   // stable, not personal: user:7, token:12
}

// Entry is one row of the log: audit record, event, outbox row and Merkle leaf in one.
type Entry struct {
	Seq          int64  // leaf index, gap-free from 0; assigned by Append
	ID           string // evt_<ULID>; assigned by Append
	Time         time.Time
	Type         string // artifact.published …, without prefix and suffix
	Subject      string // purl, or another name of the thing that changed
	RepositoryID int64  // 0: concerns the whole instance
	PackageID    int64  // 0: no package
	Actor        Actor
	Data         []byte // JSON object; may hold personal data, so the leaf holds only its salted hash
	Salt         []byte // 16 random bytes; nil with Data once erased
	DataHash     []byte // sha256(Salt || Data)
}

// Checkpoint is the newest signed statement about the log.
type Checkpoint struct {
	Size     int64
	Note     []byte // C2SP signed note
	SignedAt time.Time
}

// Kinds of users.
const (
	Person  = ""        // logs in with a password
	Service = "service" // has tokens only
)

// User is a person or a service account. Its row stays when it is deleted, so that its name is never given to another.
type User struct {
	ID           int64
	Name         string
	Kind         string // Person or Service
	PasswordHash string // "": no password fits
	Disabled     bool
	CreatedAt    time.Time
	DeletedAt    time.Time // zero: it is there
	LoginAt      time.Time // of the last login that NoteLogin noted; zero: none
	Grants       []Grant   // its own; those of its groups are Groups.GroupsOf
}

// SessionToken is the kind of a token that a login made: it has the rights of its user, and no grants of its own.
const SessionToken = "session"

// Token is a credential with rights of its own. The secret is kept as a hash only.
type Token struct {
	ID        int64
	UserID    int64
	User      string // name; filled on reading
	ParentID  int64  // the token that made it; 0: a user did, with the password
	MakerID   int64  // the user who made it; 0: unknown
	Kind      string // SessionToken or ""
	Name      string
	Hash      []byte // sha256 of the secret
	Hint      string // first characters, to recognise it in a list
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: valid
	Grants    []Grant
	Use
}

// Session reports whether a login made the token.
func (t Token) Session() bool { return t.Kind == SessionToken }

// Grant allows actions on the repositories, or on the environments, that a glob names.
type Grant struct {
	Repository  string   `json:"repository,omitempty"`
	Environment string   `json:"environment,omitempty"` // instead of Repository
	Actions     []string `json:"actions,omitempty"`
	Role        string   `json:"role,omitempty"` // its actions are granted too
}

// Kinds of references.
const (
	Child   = "child"   // an index names a manifest
	Subject = "subject" // a manifest is about another
	Content = "blob"    // a manifest of a remote names a blob, which need not be here
)

// Reference is a digest that a version points at, within its package. The digest need not exist in the package.
type Reference struct {
	VersionID int64
	PackageID int64
	Kind      string
	Digest    digest.Digest
}

// Staging is a set of files that arrive by several requests and become visible together.
type Staging struct {
	ID           string
	RepositoryID int64
	Owner        string // Actor.ID that may continue it
	UserID       int64  // of the user behind Owner, who has a share of all stagings
	Scope        string // second key of look-ups besides ID, e.g. a Maven coordinate; may be empty
	Revision     int64  // grows with every file
	Outcome      []byte // answer for its owner once it has ended; opaque here
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// StagedFile is a file of a staging. It keeps its blob from the collector.
type StagedFile struct {
	StagingID  string
	Format     string
	Package    string // key
	Display    string
	Version    string
	Path       string
	MediaType  string
	Attributes []byte // the format's notes about the file, opaque here
	AddedAt    time.Time
	Blob       Blob
}

// UploadSession is an upload that grows over several requests. The bytes are in storage under ID, or are a blob.
type UploadSession struct {
	ID           string
	RepositoryID int64
	Scope        string // the part of the repository that it belongs to, e.g. an image
	Owner        string // Actor.ID that may continue it
	UserID       int64  // of the user behind Owner, who has a share of all sessions
	Offset       int64  // bytes received and acknowledged
	HashState    []byte // state of the digests of the bytes under ID, opaque here
	State        string // of storage, in which the first Offset bytes under ID are those that HashState has seen; opaque here
	// Blob is the digest of the first Offset bytes where they are a blob, which the session keeps from the collector. "":
	// they are in storage under ID.
	Blob      digest.Digest
	CreatedAt time.Time
	UpdatedAt time.Time
}
