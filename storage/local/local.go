// Package local is the storage backend over one directory:
//
//	blobs/sha256/ab/abcd…   a blob, named by the hex of its digest
//	blobs/packs/            small blobs: see packs
//	uploads/<id>            an unfinished upload
//	tmp/                    blobs on their way in
//
// A blob is written to tmp, flushed, renamed, and its directory flushed; only then can anyone see it. All of the
// directory is one file system. One process writes to it; others may read and delete at the same time, as fsck and gc do.
package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"slipway/storage"
	"slipway/storage/local/packs"
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// Store keeps blobs and uploads below one directory. It implements storage.Store.
type Store struct {
	blobs   string
	uploads string
	tmp     string

	packs   *packs.Set // nil without
	lock    *os.File   // held shared while the store is open: nobody clears tmp meanwhile
	arrived group      // flushes of uploads
	shards  [256]shard
	commits commits

	now     func() time.Time
	syncDir func(*os.File) error
}

// Option changes how a store is opened.
type Option func(*options)

type options struct{ noPacks, attached, readOnly bool }

// WithoutPacks gives each blob a file of its own, however small. Packs that are there are not looked into.
func WithoutPacks() Option { return func(o *options) { o.noPacks = true } }

// Attached leaves the packs to another process, also to one that begins only now.
func Attached() Option { return func(o *options) { o.attached = true } }

// ReadOnly makes and changes nothing in the directory, which nobody writes: for a medium that can't be written. What would write
// fails.
func ReadOnly() Option { return func(o *options) { o.readOnly = true } }

var _ storage.Store = (*Store)(nil)

// New opens the store below dir and makes what is missing there. Unless another process has the store open, files that
// a killed process left in tmp are removed.
func New(dir string, opts ...Option) (*Store, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	s := &Store{
		blobs:   filepath.Join(dir, "blobs", "sha256"),
		uploads: filepath.Join(dir, "uploads"),
		tmp:     filepath.Join(dir, "tmp"),
		now:     time.Now,
		syncDir: (*os.File).Sync,
	}
	if o.readOnly {
		if err := s.openReadOnly(dir); err != nil {
			return nil, wrap("open", err)
		}
		return s, nil
	}
	for _, d := range []string{s.blobs, s.uploads, s.tmp} {
		if err := s.makeDir(d); err != nil {
			return nil, wrap("open", err)
		}
	}
	// A process that was killed here may have made them without the flush.
	for _, d := range []string{filepath.Dir(s.blobs), dir} {
		if err := s.flush(d); err != nil {
			return nil, wrap("open", err)
		}
	}
	if err := s.lockAndClear(); err != nil {
		return nil, wrap("open", err)
	}
	if o.noPacks {
		return s, nil
	}
	open := packs.Open
	if o.attached {
		open = packs.OpenAttached
	}
	var err error
	if s.packs, err = open(filepath.Join(dir, "blobs", "packs")); err != nil {
		return nil, wrap("open", errors.Join(err, s.lock.Close()))
	}
	return s, nil
}

func (s *Store) openReadOnly(dir string) error {
	s.syncDir = func(*os.File) error { return nil }
	var err error
	if s.packs, err = packs.OpenReadOnly(filepath.Join(dir, "blobs", "packs")); errors.Is(err, fs.ErrNotExist) {
		s.packs, err = nil, nil
	}
	return err
}

// Close lets go of the directory; unfinished uploads stay. Calls that still run may fail.
func (s *Store) Close() error {
	var err error
	if s.packs != nil {
		err = s.packs.Close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// makeDir makes a directory and those above it, each one durable in its parent.
func (s *Store) makeDir(path string) error {
	err := os.Mkdir(path, dirMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, dirMode)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // not a directory after all: its first use says so
	}
	if err != nil {
		return err
	}
	return s.flush(filepath.Dir(path))
}

func (s *Store) flush(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.syncDir(f)
}

// lockAndClear takes the shared lock on tmp. Who gets it exclusively on the way there is alone and clears the leftovers;
// a fsck beside a running server does not take the server's files away.
func (s *Store) lockAndClear() error {
	f, err := os.Open(s.tmp)
	if err != nil {
		return err
	}
	s.lock = f
	if tryLockAlone(f) {
		err = clearDir(f)
	}
	if err == nil {
		err = lockShared(f)
	}
	if err != nil {
		_ = f.Close()
	}
	return err
}

func clearDir(dir *os.File) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir.Name(), name)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) uploadPath(id string) (string, bool) {
	if !storage.ValidID(id) {
		return "", false
	}
	return filepath.Join(s.uploads, id), true
}

// wrap says which operation failed and marks a full disk or quota. The cause stays testable, EMFILE among others.
func wrap(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("local: %s: %w: %w", op, storage.ErrNoSpace, err)
	default:
		return fmt.Errorf("local: %s: %w", op, err)
	}
}

// wrapMissing is wrap where a missing file means that the blob or upload does not exist.
func wrapMissing(op string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrNotExist) {
		return fmt.Errorf("local: %s: %w", op, storage.ErrNotExist)
	}
	return wrap(op, err)
}
