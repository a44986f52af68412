// Package metadata keeps what Slipway knows about its blobs: repositories, packages, versions, files, tags, facts,
// people, tokens, and the log. It stores records and runs transactions; the rules are in registry. Backends are
// folders below this one.
package metadata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

// Errors of every backend; test with errors.Is.
var (
	ErrNotExist = errors.New("metadata: does not exist")
	ErrExists   = errors.New("metadata: exists already")
	ErrReadOnly = errors.New("metadata: write in a read-only transaction")
	ErrNoSpace  = errors.New("metadata: no space left")
	ErrInUse    = errors.New("metadata: database is in use by another process")
	ErrClosed   = errors.New("metadata: store is closed")
	// ErrUnavailable: the database does not answer, or not in time. After an update it may be open whether it was made.
	ErrUnavailable = errors.New("metadata: the database does not answer")
	// ErrUnreplicated: a commit is on one server of the database alone, since somebody has cancelled its wait for a standby. Others see it.
	ErrUnreplicated = fmt.Errorf("%w: the commit was not replicated: its wait was cancelled", ErrUnavailable)
	// ErrSkew: the clock of this machine and that of the database differ by more than a minute.
	ErrSkew = errors.New("metadata: the clock of this machine is wrong")
	// ErrNewer: the database was made by a newer binary, or by one with other migrations.
	ErrNewer = errors.New("metadata: database schema is newer than this binary")
	// ErrCollected: the collector is removing the bytes; store them again after CollectedSince has become false.
	ErrCollected = errors.New("metadata: bytes are being collected")
	// ErrDutyLost: the duty was released, or another process has taken it since.
	ErrDutyLost = errors.New("metadata: the duty is not held any more")
	// ErrText: a text to be written is not valid UTF-8, or has a NUL character. A query for such a text finds nothing.
	ErrText = errors.New("metadata: text that is not UTF-8 or has a NUL character")
)

// Store runs transactions. fn may run again when the database asks for a retry, so it touches nothing but tx and waits
// for no client and no network: blobs are stored before Update, never inside it. Methods are safe for concurrent use.
type Store interface {
	// View runs fn on one consistent snapshot; writes fail with ErrReadOnly.
	View(ctx context.Context, fn func(tx Tx) error) error
	// Update runs fn and makes its writes durable before it returns nil; after any error none of them is visible.
	// Waiting updates may be made durable together; each succeeds or fails alone. A write of fn may be taken for done; where it is
	// not, fn runs again and is told. Hints name rows that fn is going to ask for: they change nothing but how many round trips it
	// takes. ErrNoSpace.
	Update(ctx context.Context, fn func(tx Tx) error, hints ...Hint) error
	// Sync returns when what was acknowledged before the call, by any process, counts in Generation and GenerationOf of a store
	// that is Versioned.
	Sync(ctx context.Context) error
	// Clock is the time of the database as this process knows it: UTC, whole microseconds, never before that of an update that
	// has returned here.
	Clock() time.Time
	// Watch returns a channel that closes once an update was committed, after the call and by any process, that added a log
	// entry or called Tx.Notify. It is a hint: the channel may close without a new entry, so its reader looks at the
	// database. A reader that calls Watch before it looks misses nothing.
	Watch() <-chan struct{}
	// Exclusive reports whether no other process can use the database while this store is open. Then no other process still
	// holds a duty.
	Exclusive() bool
	// Ready reports whether the database answers. ErrSkew.
	Ready(ctx context.Context) error
	// Close waits for running transactions.
	Close() error
}

// Batch is one commit of a group of updates, as a store reports it.
type Batch struct {
	Updates  int           // that were run
	Failed   int           // that were rolled back alone
	Entries  int           // new in the log
	Queued   int           // updates waiting behind it
	Run      time.Duration // from the first statement to the commit, with the wait for other processes
	Commit   time.Duration // of the commit alone
	WALBytes int64         // of SQLite: size of the write-ahead log behind it
	Err      error         // of the group: none of its updates was made
}

// Hint names rows by what clients call them. Empty fields name nothing.
type Hint struct {
	Repository, Format, Package string // Package is a key
	Versions, Tags, Paths       []string
	Blobs                       []digest.Digest
	Uploads                     []string
}

// Versioned is a Store that can tell whether its database has changed. It counts the updates of this process before they return, and
// those of other processes at the latest when Sync returns.
type Versioned interface {
	// Generation grows with updates. As long as Generation returns the same number, a View finds what an earlier View of that
	// generation found, but for updates that were not counted yet.
	Generation() uint64
	// GenerationOf is the generation of the last update that may have changed a part: a View finds in that part what any
	// View found that began at this generation or later.
	GenerationOf(p Part) uint64
}

// Peered is a Store that other processes may use at the same time, and knows which do.
type Peered interface {
	// Members are the processes that use the database, by name, of which this one is Self.
	Members(ctx context.Context) ([]Member, error)
}

// Member is a process that uses a database.
type Member struct {
	Name    string // which no other one has
	Version string // of its program; "": it did not say
	Since   time.Time
	Until   time.Time // then it counts as gone, unless it says before that it lives
	Self    bool
}

// Part is a part of the database: that of the package with this ID, which is its row, its versions, its tags and the files
// that are added to it; or one of the following.
type Part int64

// Parts beside packages.
const (
	RepositoryRows Part = -1 // of every repository, with what Upstreams keeps, and rules
	PackageNames   Part = -2 // which packages there are
	FileRows       Part = -3 // files that are replaced or removed, or come back, and sums that blobs get later
	People         Part = -4 // users, groups, roles, grants, and what ends tokens and sessions
	DroppedLeases  Part = -5 // leases that end before their time
	Elsewhere      Part = -6 // whatever another process has written
)

// Tx is one transaction. It hands out its methods in groups, one for each kind of record, and a function takes the group
// that it needs: its signature then says which records it can read or change. That is why Tx is longer than other
// interfaces. Taking a group costs nothing; the group ends with the transaction. Look-ups of one record return ErrNotExist
// when it is missing.
type Tx interface {
	// Now is the transaction's time: UTC, whole microseconds, never before that of an earlier update.
	Now() time.Time
	// Notify makes the channel of Store.Watch close when this update is committed, as a log entry does.
	Notify()

	Repositories() Repositories
	Upstreams() Upstreams
	Caches() Caches
	Names() Names
	Evictions() Evictions
	Policies() Policies
	Packages() Packages
	Versions() Versions
	Files() Files
	Trash() Trash
	References() References
	Facts() Facts
	Pulls() Pulls
	Dependencies() Dependencies
	Tags() Tags
	Searches() Searches

	Blobs() Blobs
	Leases() Leases
	Collection() Collection
	Uploads() Uploads
	Stagings() Stagings

	Users() Users
	Groups() Groups
	Roles() Roles
	Tokens() Tokens
	Sessions() Sessions

	Log() Log
	Consumers() Consumers
	Subscriptions() Subscriptions
	Deliveries() Deliveries

	Environments() Environments
	Deployments() Deployments
	Runs() Runs

	Duties() Duties
	Settings() Settings
	Usages() Usages
}

// Page bounds a list: rows behind After (a name or number as the list says; "" or 0 is the start), at most Limit.
type Page struct {
	After string
	Limit int
}
