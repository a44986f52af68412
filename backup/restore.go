package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"

	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/storage"
	"slipway/storage/local"
)

// Place is where an installation is to be made.
type Place struct {
	Database string        // path; there must be no file
	Key      string        // path; the same key may be there
	Blobs    storage.Blobs // where bytes go that are not there yet
	// Before sees the database once its bytes are there, and before anybody else can: to note what was done. nil: nothing.
	Before   func(ctx context.Context, db metadata.Store) error
	Progress Progress
}

// Restored counts what a restore brought.
type Restored struct {
	Snapshot
	Blobs       int64           `json:"blobs"`        // that the database names
	Bytes       int64           `json:"bytes"`        // of them
	Copied      int64           `json:"copied"`       // blobs that were not there before
	CopiedBytes int64           `json:"copied_bytes"` // of them
	Lost        []digest.Digest `json:"lost"`         // blobs that the backup does not have, or has damaged
}

// ErrOccupied: an installation is there already.
var ErrOccupied = errors.New("backup: there is an installation already")

// Check says why a snapshot must not be restored: its database is damaged or has tables that Slipway does not make, or its log
// was not signed with its key. verifier is the public half of the key.
func (s Snapshot) Check(ctx context.Context, verifier string) (err error) {
	db, err := sqlite.OpenCopy(s.Database())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Check(ctx); err != nil {
		return err
	}
	var c metadata.Checkpoint
	if err := db.View(ctx, func(tx metadata.Tx) (err error) { c, err = tx.Log().Checkpoint(); return err }); err != nil {
		return fmt.Errorf("backup: the log of %s has no signature: %w", s.Name, err)
	}
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return fmt.Errorf("backup: key of %s: %w", s.Name, err)
	}
	if _, err := note.Open(c.Note, note.VerifierList(v)); err != nil {
		return fmt.Errorf("backup: the log of %s was not signed with its key: %w", s.Name, err)
	}
	return nil
}

// Restore makes an installation of a snapshot that passed Check. The database comes last, and nobody else can make one meanwhile,
// so an installation that can be started is whole but for the Lost bytes; a restore that was cut off is done again. ErrOccupied,
// ErrBusy; metadata.ErrInUse when somebody has the database.
func (s Snapshot) Restore(ctx context.Context, p Place) (sum Restored, err error) {
	sum.Snapshot = s
	kept, err := lockDir(s.dir, false)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	lock, err := sqlite.Lock(p.Database)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := p.Free(s); err != nil {
		return sum, err
	}
	coming := p.Database + ".restoring"
	if err := removeDatabase(coming); err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, removeDatabase(coming)) }()
	if err := copyFile(ctx, s.Database(), coming); err != nil {
		return sum, err
	}
	if _, err := os.Stat(p.Key); errors.Is(err, fs.ErrNotExist) {
		if err := copyFile(ctx, s.Key(), p.Key); err != nil {
			return sum, err
		}
	}
	if err := p.fill(ctx, coming, &sum); err != nil {
		return sum, err
	}
	// Who started a server without a database meanwhile has made a key for it.
	if same, err := sameFile(p.Key, s.Key()); err != nil {
		return sum, err
	} else if !same {
		return sum, fmt.Errorf("%w: %s was made meanwhile", ErrOccupied, p.Key)
	}
	if _, err := os.Stat(coming + "-wal"); err == nil {
		return sum, fmt.Errorf("backup: %s could not be finished: is the disk full?", coming)
	}
	if err := os.Rename(coming, p.Database); err != nil {
		return sum, fmt.Errorf("backup: %w", err)
	}
	return sum, flushDir(filepath.Dir(p.Database))
}

// fill brings the bytes that the database at path names, once it has this binary's schema.
func (p Place) fill(ctx context.Context, path string, sum *Restored) (err error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if sum.Blobs, sum.Bytes, err = count(ctx, db); err != nil {
		return err
	}
	from, err := openSource(sum.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	c := copier{from: from, to: p.Blobs, total: sum.Blobs, progress: p.Progress}
	err = c.run(ctx, blobsOf(ctx, db))
	sum.Copied, sum.CopiedBytes, sum.Lost = c.copied, c.copiedBytes, c.missing
	if err != nil || p.Before == nil {
		return err
	}
	return p.Before(ctx, db)
}

// openSource opens the bytes of a backup, also where it can't be written.
func openSource(dir string) (*local.Store, error) {
	from, err := local.New(dir)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		return local.New(dir, local.ReadOnly())
	}
	return from, err
}

// Free fails with ErrOccupied where the snapshot can't go.
func (p Place) Free(s Snapshot) error {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if _, err := os.Lstat(p.Database + suffix); err == nil {
			return fmt.Errorf("%w: %s", ErrOccupied, p.Database+suffix)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("backup: %w", err)
		}
	}
	if _, err := os.Stat(p.Key); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	same, err := sameFile(p.Key, s.Key())
	if err == nil && !same {
		err = fmt.Errorf("%w: %s is another key than the backup's", ErrOccupied, p.Key)
	}
	return err
}

// removeDatabase removes a database that nobody has open, and what SQLite and its lock leave beside it.
func removeDatabase(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
