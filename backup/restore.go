package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"

	"slipway/metadata"
	"slipway/storage"
	"slipway/storage/local"
)

// Place is the place where an installation is to be made.
type Place struct {
	Database metadata.Snapshotter // no database may exist there
	Key      string               // path; the same key may be there already. "": KeyText is the key
	KeyText  []byte               // the key that the installation is given, which has to be the snapshot's
	Blobs    storage.Blobs        // receives the bytes that it does not have yet
	// Before gets the database once the bytes are there and before any other process can open it, to log the restore. nil:
	// nothing is done.
	Before   func(ctx context.Context, db metadata.Store) error
	Progress Progress
}

// Restored counts what a restore copied.
type Restored struct {
	Snapshot
	Blobs       int64           `json:"blobs"`        // that the database names
	Bytes       int64           `json:"bytes"`        // of them
	Copied      int64           `json:"copied"`       // blobs that were not there before
	CopiedBytes int64           `json:"copied_bytes"` // of them
	LeftOut     int64           `json:"left_out"`     // blobs that the backup left out: they come again from registries elsewhere
	LeftBytes   int64           `json:"left_bytes"`   // of them
	Lost        []digest.Digest `json:"lost"`         // blobs that the backup does not have, or has damaged
}

// ErrOccupied: an installation is there already.
var ErrOccupied = errors.New("backup: there is an installation already")

// Check says why a snapshot must not be restored: its database is damaged or has tables that Slipway does not make, or its log
// was not signed with its key. verifier is the public half of the key, and database opens the snapshot.
func (s Snapshot) Check(ctx context.Context, database metadata.Snapshotter, verifier string) (err error) {
	db, err := database.OpenSnapshot(s.Database())
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

// Restore makes an installation from a snapshot that passed Check. The database comes last, and no other process can make
// one meanwhile, so an installation that can be started is whole except for the Lost bytes; a restore that was interrupted
// can be run again. ErrOccupied, ErrBusy; metadata.ErrInUse when another process has the database.
func (s Snapshot) Restore(ctx context.Context, p Place) (sum Restored, err error) {
	sum.Snapshot = s
	kept, err := lockDir(s.dir, false)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	lock, err := p.Database.Lock()
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := p.MustBeVacant(s); err != nil {
		return sum, err
	}
	err = p.Database.Bring(ctx, s.Database(), func(db metadata.Store) error {
		if _, err := os.Stat(p.Key); p.Key != "" && errors.Is(err, fs.ErrNotExist) {
			if err := copyFile(ctx, s.Key(), p.Key); err != nil {
				return err
			}
		}
		if err := p.fill(ctx, db, &sum); err != nil {
			return err
		}
		// A server that was started meanwhile without a database has made a key for it.
		if p.Key == "" {
			return nil
		}
		same, err := sameFile(p.Key, s.Key())
		if err == nil && !same {
			err = fmt.Errorf("%w: %s was made meanwhile", ErrOccupied, p.Key)
		}
		return err
	})
	return sum, err
}

// fill copies the bytes that the database names.
func (p Place) fill(ctx context.Context, db metadata.Store, sum *Restored) (err error) {
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
	if err == nil {
		err = sum.leaveOut(ctx, db)
	}
	if err != nil || p.Before == nil {
		return err
	}
	return p.Before(ctx, db)
}

// leaveOut lets the files that a backup without cached bytes does not have be as after an eviction: their registries are asked for them, and
// have to bring the same bytes.
func (sum *Restored) leaveOut(ctx context.Context, db metadata.Store) error {
	info, known, err := sum.Info()
	if err != nil || !known || !info.WithoutCached {
		return err
	}
	lost := []digest.Digest{}
	for _, d := range sum.Lost {
		var left metadata.Blob
		if err := db.Update(ctx, func(tx metadata.Tx) (err error) { left, err = evict(tx, d); return err }); err != nil {
			return err
		}
		if left.ID == 0 {
			lost = append(lost, d)
			continue
		}
		sum.LeftOut, sum.LeftBytes = sum.LeftOut+1, sum.LeftBytes+left.Size
	}
	sum.Lost = lost
	return nil
}

// evict evicts the files whose bytes a blob is, and forgets it. Without an ID: something holds it that did not come from a registry elsewhere.
func evict(tx metadata.Tx, d digest.Digest) (left metadata.Blob, err error) {
	b, err := tx.Blobs().Blob(d)
	if err != nil {
		return left, err
	}
	files, err := tx.Evictions().OnlyCached(b.ID)
	if err != nil || len(files) == 0 {
		return left, err
	}
	for _, f := range files {
		if _, err := tx.Evictions().Evict(f.VersionID, f.Path); err != nil {
			return left, err
		}
	}
	forgotten, err := tx.Collection().Condemn(b, tx.Now().Add(time.Microsecond))
	if err == nil && forgotten {
		err = tx.Collection().CollectedDone(d, tx.Now())
	}
	return b, err
}

// openSource opens the bytes of a backup, also on a medium that can't be written.
func openSource(dir string) (*local.Store, error) {
	from, err := local.New(dir)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		return local.New(dir, local.ReadOnly())
	}
	return from, err
}

// MustBeVacant fails with ErrOccupied when an installation is in the place already.
func (p Place) MustBeVacant(s Snapshot) error {
	if there, err := p.Database.Occupied(); err != nil {
		return err
	} else if there != "" {
		return fmt.Errorf("%w: %s", ErrOccupied, there)
	}
	if p.Key == "" {
		same, err := holds(s.Key(), p.KeyText)
		if err == nil && !same {
			err = fmt.Errorf("%w: the key that is given is another one than the backup's", ErrOccupied)
		}
		return err
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
