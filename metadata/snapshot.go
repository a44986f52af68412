package metadata

import (
	"context"
	"io"
)

// Snapshotter is where the database of an installation is or is to be, as programs beside a server see it: they copy it, and
// bring it back.
type Snapshotter interface {
	// Snapshot copies the database, as it is at one moment, to a new file (mode 0600), which is durable when it returns nil.
	// A server may run on the database meanwhile. progress is told how many bytes are done, of how many. After an error there
	// is no file. ErrNotExist.
	Snapshot(ctx context.Context, to string, progress func(done, total int64)) error
	// OpenSnapshot opens a file that Snapshot has made, of this binary's schema or, to be looked at by Check alone, of an older
	// one. The caller closes. ErrNotExist, ErrNewer.
	OpenSnapshot(file string) (Copy, error)
	// Occupied names what is in the place of the database; "" when there is nothing.
	Occupied() (string, error)
	// Lock keeps every other process from opening the database, or making one, until it is closed. ErrInUse.
	Lock() (io.Closer, error)
	// Bring makes the database of a snapshot, where there is none and the caller has Lock. It has this binary's schema, and fn
	// sees it before anybody else can. It is there, whole and durable, when Bring returns nil; after an error, also one of fn,
	// it is not.
	Bring(ctx context.Context, snapshot string, fn func(db Store) error) error
}

// Copy is a database that nobody writes, such as a snapshot.
type Copy interface {
	// View runs fn over the copy, one at a time.
	View(ctx context.Context, fn func(tx Tx) error) error
	// Check says why the copy must not be taken over: it is damaged, or has something that Slipway does not make.
	Check(ctx context.Context) error
	Close() error
}
