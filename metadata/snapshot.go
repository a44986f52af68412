package metadata

import (
	"context"
	"io"
)

// Snapshotter is the place of an installation's database, whether or not the database exists, as seen by programs that run
// beside a server: they copy the database, and bring it back.
type Snapshotter interface {
	// Snapshot copies the database, as it is at one moment, to a new file (mode 0600), which is durable when Snapshot
	// returns nil. A server may run on the database meanwhile. progress receives how many bytes are done, and of how many.
	// After an error there is no file. ErrNotExist.
	Snapshot(ctx context.Context, to string, progress func(done, total int64)) error
	// OpenSnapshot opens a file made by Snapshot. Its schema is this binary's, or an older one, on which only Check may be
	// called. The caller closes. ErrNotExist, ErrNewer.
	OpenSnapshot(file string) (Copy, error)
	// Occupied names the file that is in the place of the database; "" when there is none.
	Occupied() (string, error)
	// Lock keeps every other process from opening or making the database until the returned Closer is closed. ErrInUse.
	Lock() (io.Closer, error)
	// Bring makes the database from a snapshot. The caller has Lock, and there is no database yet. The new database has this
	// binary's schema, and fn sees it before any other process can. When Bring returns nil, the database is there, whole and
	// durable; after an error, also one of fn, it is not.
	Bring(ctx context.Context, snapshot string, fn func(db Store) error) error
}

// Copy is a database that no process writes, such as a snapshot.
type Copy interface {
	// View runs fn over the copy, one at a time.
	View(ctx context.Context, fn func(tx Tx) error) error
	// Check says why the copy must not be taken over: it is damaged, or has tables that Slipway does not make.
	Check(ctx context.Context) error
	Close() error
}
