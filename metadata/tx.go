package metadata

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// Repositories keeps repositories. A name is free again after its repository was deleted.
type Repositories interface {
	CreateRepository(r Repository) (Repository, error) // fills ID and CreatedAt; ErrExists
	Repository(name string) (Repository, error)
	Repositories(p Page) ([]Repository, error) // ascending by name, After is a name
	UpdateRepository(r Repository) error       // description, settings
	// DeleteRepository deletes a repository. Its rows stay for history, but for those that hold files under way: Uncleared returns it
	// until Cleared says that these are gone.
	DeleteRepository(id int64) error
	Uncleared(name string) (Repository, error) // a deleted repository of the name, of any for ""; ErrNotExist
	Cleared(id int64) error
	// DeletedRepository returns the repository of a name that was deleted last, and when. ErrNotExist.
	DeletedRepository(name string) (Repository, time.Time, error)
	RestoreRepository(id int64) error // that of a name that no other has
	// RepositoriesNamed returns the IDs of all repositories that ever had a name, ascending.
	RepositoriesNamed(name string) ([]int64, error)
}

// PackageQuery selects packages of one repository, ascending by (format, key).
type PackageQuery struct {
	RepositoryID int64
	Format       string    // "" is all
	Contains     string    // literal part of the key, ignoring case; "" is all
	MadeUntil    time.Time // those made then or before; zero is all
	AfterFormat  string
	AfterKey     string
	UntilFormat  string // with UntilKey: the last package, inclusive; Format applies too; "" is to the end
	UntilKey     string
	Limit        int
}

// Packages keeps packages.
type Packages interface {
	// Package answers in one indexed query, by the repository's name.
	Package(repository, format, key string) (Package, error)
	PackageByID(id int64) (Package, error)
	// PackageLike returns a package of the repository whose key differs from this one in the case of ASCII letters and in nothing
	// else. ErrNotExist.
	PackageLike(repositoryID int64, format, key string) (Package, error)
	Packages(q PackageQuery) ([]Package, error)
	// PackagesNamed returns the packages of one name in several repositories, of which at least one and at most a few dozen, in any order.
	PackagesNamed(repositoryIDs []int64, format, key string) ([]Package, error)
	// PackageAt returns format and key of the n-th package of those that q selects, from 0. ErrNotExist.
	PackageAt(q PackageQuery, n int) (format, key string, err error)
	CreatePackage(p Package) (Package, error) // fills ID, Revision 1, times; ErrExists
	// UpdatePackage stores Latest, VersionCount, Descriptor, Origin and UpdatedAt (now) and adds one to Revision.
	UpdatePackage(p Package) error
}

// VersionPage selects versions of one package.
type VersionPage struct {
	PackageID     int64
	Deleted       bool   // tombstones too
	NewestFirst   bool   // descending by (SortKey, Name) instead of ascending
	AfterSortKey  []byte // with AfterName: versions behind this one in the chosen order
	AfterName     string
	Limit         int  // 0 is all
	NoDescriptors bool // leave Descriptor empty
	NoAttached    bool // leave out what is attached to other versions
	NoParts       bool // leave out what is only a part of an index that is there
}

// Versions keeps versions.
type Versions interface {
	Version(packageID int64, name string) (Version, error) // tombstones too
	VersionByID(id int64) (Version, error)
	// VersionAt and VersionByTag find a version, by name and by tag, in one query from the names that clients use.
	VersionAt(repository, format, key, name string) (Version, error)
	VersionByTag(repository, format, key, tag string) (Version, error)
	VersionByDigest(packageID int64, d digest.Digest) (Version, error) // not deleted, the newest of several
	Versions(p VersionPage) ([]Version, error)
	// Highest names the highest version by (SortKey, Name) that is neither a prerelease nor yanked or, if there is none, the
	// highest of all. Deleted and attached versions don't count. ErrNotExist.
	Highest(packageID int64) (name string, err error)
	// Attached counts the attached versions of packages that are not deleted; packages without one are left out.
	Attached(packageIDs []int64) (map[int64]int64, error)
	CreateVersion(v Version) (Version, error) // fills ID; ErrExists
	// UpdateVersion stores State, Reason, Digest, Size, Descriptor, UpdatedAt, and for a coordinate that is used again
	// also SortKey, PURL, publisher, PublishedAt, Seq, MediaType, Announced, Attached and EndedSeq.
	UpdateVersion(v Version) error
	SetDigest(versionID int64, d digest.Digest) error // changes nothing else, not even UpdatedAt
}

// FileQuery selects files by one of three IDs: files of a version, ascending by path; files of a package's versions that
// are not deleted, by (version id, path); or files of all repositories that hold a blob, by (package id, version id, path).
type FileQuery struct {
	VersionID int64
	Below     string // of a version, a folder: "" or a path that ends in a slash
	After     string // of a version, a path: behind it
	PackageID int64
	BlobID    int64
	Limit     int // 0 is all
}

// FolderPage selects the entries directly in a folder of a version, ascending by the paths of their files, so "a-b" comes
// before the folder "a".
type FolderPage struct {
	VersionID  int64
	Folder     string // "" or a path that ends in a slash
	After      string // entries behind the one of this name; "" from the start
	AfterIsDir bool   // whether After is a folder
	Limit      int
}

// FolderEntry is a file directly in a folder, or a folder in it.
type FolderEntry struct {
	Name string
	Dir  bool
	File File // of a folder, the first one below it
}

// Files keeps files of versions.
type Files interface {
	Files(q FileQuery) ([]File, error)
	Folder(p FolderPage) ([]FolderEntry, error)              // one seek for each entry, whatever the size of its folders
	FileBeside(versionID int64, path string) (string, error) // a file that is a folder of path, or is below it; ErrNotExist
	File(versionID int64, path string) (File, error)         //
	FileAt(packageID int64, path string) (File, error)       // of the newest version that holds the path
	AddFile(f File) error                                    // ErrExists
	ReplaceFile(f File) error                                // the path exists; its old blob is marked released
	RemoveFiles(versionID int64) error                       // their blobs are marked released now
	// RemoveFile takes one path out of a version, which stays; the path stays reserved with the file's digest, and the blob
	// is marked released.
	RemoveFile(versionID int64, path string) error
	// Reserved returns the digest that a removed path had, whose reservation AddFile of the path ends, or that an evicted one has. ErrNotExist.
	Reserved(versionID int64, path string) (digest.Digest, error)
	HasBlob(packageID int64, blobID int64) (bool, error) // does a file of the package hold the blob
}

// Blobs keeps the records of stored bytes.
type Blobs interface {
	Blob(d digest.Digest) (Blob, error)
	// PutBlob adds a blob or adds sums to a known one; it fills ID and CreatedAt. ErrCollected.
	PutBlob(b Blob) (Blob, error)
	// PutStored is PutBlob for bytes that were stored at the given time: ErrCollected also when CollectedSince is true for
	// that time.
	PutStored(b Blob, stored time.Time) (Blob, error)
	BlobBySHA512(sum []byte) (Blob, error)
	BlobList(after digest.Digest, limit int) ([]Blob, error) // ascending by digest
}

// Leases keeps which holders need a blob for a time, besides the files, staged files and uploads that hold it.
type Leases interface {
	PutLease(l Lease) error                          // extends, never shortens
	DropBlobLease(blobID int64, holder string) error // one; marks the blob released
	DropLease(holder string) error                   // all of the holder; marks the blobs released
	// DropLeasesBelow drops leases of holders whose name begins with folder and a slash, at most limit, and returns their number. It
	// marks the blobs released.
	DropLeasesBelow(folder string, limit int) (int64, error)
	Leased(blobID int64, holder string) (bool, error)  // and not expired at Now
	Holders(blobID int64, limit int) ([]string, error) // of leases that are not expired at Now, ascending
	ExpireLeases(limit int) (int64, error)             // drops leases that expired before Now, the first ones; their number
}

// Collection finds blobs that nothing needs, and keeps which bytes are being removed or were removed.
type Collection interface {
	// Unreferenced lists blobs with ID > afterID that no file, upload, index of an upstream, or version that was discarded at or after
	// deleted holds, no lease keeps at Now, and that were created and released before the given time; ascending by ID.
	Unreferenced(before, deleted time.Time, afterID int64, limit int) ([]Blob, error)
	// Condemn removes the row of a blob if it is still unreferenced as above, and notes it as collected in the same
	// transaction. false: the blob is needed again, and nothing changed.
	Condemn(b Blob, before time.Time) (bool, error)
	// CondemnOrphan notes a digest without a row as collected. false: the digest has a row, or is noted already, and nothing changed.
	CondemnOrphan(d digest.Digest, size int64) (bool, error)
	// TakeCollected notes that another process goes on with a removal that is pending since a time, as of Now. false: it is not.
	TakeCollected(d digest.Digest, since time.Time) (bool, error)
	// CollectedDone notes that the bytes are gone, by the removal that is pending since a time; ErrNotExist: another has taken it.
	CollectedDone(d digest.Digest, since time.Time) error
	CollectedPending() ([]Collected, error)                     // removals under way, or cut off by a crash
	CollectedSince(d digest.Digest, t time.Time) (bool, error)  // pending, or done at or after t
	ForgetCollected(before time.Time, limit int) (int64, error) // done ones only, at most limit; their number
}

// Tags keeps mutable names and all their past.
type Tags interface {
	Tag(packageID int64, name string) (Tag, error)  // the interval that holds
	Tags(packageID int64) ([]Tag, error)            // the tags that hold, ascending by name
	TagPage(packageID int64, p Page) ([]Tag, error) // of Tags, those with a name after p.After
	TagsOfVersion(versionID int64) ([]Tag, error)   // those that hold
	// SomeTagsOfVersion returns the first of TagsOfVersion.
	SomeTagsOfVersion(versionID int64, limit int) ([]Tag, error)
	TagAt(packageID int64, name string, seq int64) (Tag, error)
	TagPageAt(packageID, seq int64, p Page) ([]Tag, error)          // of the tags that held right after the entry, those with a name after p.After
	TagHistory(packageID int64, name string, p Page) ([]Tag, error) // newest first; After is a generation
	// SetTag ends the interval that holds, if any, and begins the next generation. It fills Generation and SetAt.
	SetTag(t Tag) (Tag, error)
	RemoveTag(packageID int64, name string, seq int64) error
}

// Facts keeps release metadata.
type Facts interface {
	AddFacts(f []Fact) error
	// Facts returns the facts about the version's present content, not about what its coordinate held before: facts with the
	// version's Seq or a later one. By key, then rank and seq descending.
	Facts(versionID int64) ([]Fact, error)
}

// EntryQuery selects log entries, ascending by seq.
type EntryQuery struct {
	After        int64    // seq > After; -1 from the start
	Before       int64    // seq < Before; 0: to the end
	Types        []string // globs over Type; empty is all
	Packages     []int64  // nil is all; else entries of these packages, of which 0 is none; they are found by an index
	Repositories []int64  // nil is all; else entries of these repositories
	Global       bool     // with Repositories: also entries without a repository
	Newest       bool     // descending by seq; with Limit, the newest
	Limit        int
}

// Log is append-only. Backends assign seq and write the Merkle hashes (tlog.StoredHashes of Entry.Leaf) in the same
// transaction.
type Log interface {
	Append(e Entry) (Entry, error)                 // fills Seq, ID, Time, Salt, DataHash
	LogSize() (int64, error)                       // number of entries that can be seen
	Entries(q EntryQuery) ([]Entry, error)         //
	SeqAt(t time.Time) (int64, error)              // last seq with Time <= t; -1 before the first
	LogHashes(indexes []int64) ([][32]byte, error) // by tlog.StoredHashIndex, in the order asked
	Checkpoint() (Checkpoint, error)
	PutCheckpoint(c Checkpoint) error
}

// Users keeps people and service accounts; deleted ones stay.
type Users interface {
	CreateUser(u User) (User, error) // ErrExists
	User(name string) (User, error)
	UserByID(id int64) (User, error)
	Users(p Page) ([]User, error) // without the deleted ones; ascending by name, After is a name
	UpdateUser(u User) error      // password hash, disabled, deletion and grants
	NoteLogin(userID int64) error // that the user logs in now
	// EndSessions ends the user's tokens of kind SessionToken, but for one (0: none): from now on they are read as revoked now. Each is
	// still to be revoked by itself, for which Ending returns the user until SessionsEnded.
	EndSessions(userID, except int64) error
	Ending(limit int) ([]User, error) // in any order
	SessionsEnded(userID int64) error
}

// Tokens keeps the tokens of users. A token that was made with another one names it as its parent, whose ID is smaller.
type Tokens interface {
	CreateToken(t Token) (Token, error)
	Token(id int64) (Token, error)
	TokenByHash(hash []byte) (Token, error)
	Tokens(userID int64, afterID int64, limit int) ([]Token, error) // userID 0: of all users; ascending by ID
	TokensMadeWith(parentID int64) ([]Token, error)                 // ascending by ID
	// Ended returns tokens that EndSessions has ended and that were not revoked by themselves, ascending by ID.
	Ended(userID int64, limit int) ([]Token, error)
	RevokeToken(id int64) error
	// NoteUse notes a use that is later than the one noted before; others are ignored.
	NoteUse(id int64, u Use) error
}

// Uploads keeps upload sessions.
type Uploads interface {
	CreateUpload(u UploadSession) error
	Upload(id string) (UploadSession, error)
	// UpdateUpload stores offset, hash state, state and blob if the session is still at offset from and in state; ErrExists when
	// it has moved on. A blob that the session no longer has is marked released.
	UpdateUpload(u UploadSession, from int64, state string) error
	DeleteUpload(id string) error // its blob is marked released
	StaleUploads(before time.Time, limit int) ([]UploadSession, error)
	UploadsOf(userID int64) (int64, error) // their number
	// UploadsIn returns sessions of a repository, also of a deleted one, ascending by ID.
	UploadsIn(repositoryID int64, after string, limit int) ([]UploadSession, error)
}

// ReferrerPage selects the versions of one package that point at a digest and are not deleted, ascending by ID, which does not
// change when a version is announced or its coordinate is used again.
type ReferrerPage struct {
	PackageID int64
	Kind      string
	Digest    digest.Digest
	AfterID   int64
	Limit     int    // 0 is all
	AsOf      *int64 // those that were there right after this log entry; nil: now
}

// References keeps the digests that versions point at.
type References interface {
	AddReferences(list []Reference) error
	References(versionID int64) ([]Reference, error)
	Referrers(p ReferrerPage) ([]Version, error) // without Descriptor
}

// StagingQuery selects stagings, ascending by (UpdatedAt, ID). A zero field selects all.
type StagingQuery struct {
	RepositoryID int64     // with Scope: those of a repository with this scope
	Scope        string    //
	Before       time.Time // stagings not touched since then, also those of which files are left to be dropped
	Open         bool      // stagings that have not ended; the next six fields apply to these only
	In           int64     // those of a repository; 0: of all
	NotScope     string    // without the stagings of this scope; "": with all
	AfterUpdated time.Time // with AfterID: stagings behind this one
	AfterID      string    //
	Owner        string    // with Open: those of this owner, or of a token of OwnerUser; "" is all
	OwnerUser    int64     // 0 is none
	Limit        int       // 0 is all
}

// Stagings keeps files that are not visible yet. Their blobs count as needed.
type Stagings interface {
	// TouchStaging makes a staging, or notes that it has changed: revision and time. The other fields of a known staging
	// stay. A staging that has ended starts again.
	TouchStaging(s Staging) (Staging, error)
	Staging(id string) (Staging, error)
	Stagings(q StagingQuery) ([]Staging, error)
	StagingsOf(userID int64) (int64, error) // the number of those that have not ended
	PutStagedFile(f StagedFile) error       // replaces the same path
	StagedFiles(stagingID string) ([]StagedFile, error)
	// StagedFilesAt returns those files of a staging's version that have one of the paths. at names StagingID, Format, Package and
	// Version.
	StagedFilesAt(at StagedFile, paths []string) ([]StagedFile, error)
	// DropStaging drops a staging with its files, whose blobs are marked released unless a version's file holds them by now. It drops at
	// most limit files and returns their number: if that is limit, FinishStaging does the rest. Nobody finds the staging meanwhile but
	// StagingQuery.Before. A missing one is no error.
	DropStaging(id string, limit int) (int64, error)
	// FinishStaging goes on with DropStaging or EndStaging of a staging, and returns as these do. One that has begun anew is left alone:
	// it has lost its former files.
	FinishStaging(id string, limit int) (int64, error)
	// DropStagings drops stagings of a repository with their files, also those that have ended. It drops at most limit rows of both
	// and returns their number: fewer means that none is left.
	DropStagings(repositoryID int64, limit int) (int64, error)
	// EndStaging drops the files as DropStaging does and keeps outcome, at least two bytes. ErrNotExist.
	EndStaging(id string, outcome []byte, limit int) (int64, error)
}

// Settings keeps a few values of the instance: its id, its log's name.
type Settings interface {
	Setting(key string) (string, error)
	PutSetting(key, value string) error
}
