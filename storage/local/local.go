// Package local is the storage backend over one directory:
//
//	blobs/sha256/ab/abcd…   a blob, named by the hex of its digest
//	blobs/packs/            small blobs: see packs
//	uploads/<id>            an unfinished upload
//	tmp/                    blobs on their way in
//
// A blob is written to tmp, flushed, renamed, and its directory flushed; only then can a reader see it. The whole directory
// lies on one file system. One process writes to it; others may read and delete at the same time, as fsck and gc do.
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

// Store keeps blobs and uploads below one directory. It implements storage.Store and storage.Grower.
type Store struct {
	blobs   string
	uploads string
	tmp     string

	packs   *packs.Set // nil: without packs
	lock    *os.File   // held shared while the store is open, so that no other process clears tmp
	arrived group      // flushes of uploads
	shards  [256]shard
	commits commits

	now     func() time.Time
	syncDir func(*os.File) error
}

// Option changes how a store is opened.
type Option func(*options)

type options struct{ noPacks, attached, readOnly bool }

// WithoutPacks gives each blob a file of its own, however small. Existing packs are not read.
func WithoutPacks() Option { return func(o *options) { o.noPacks = true } }

// Attached leaves writing the packs to another process, also to a process that starts later.
func Attached() Option { return func(o *options) { o.attached = true } }

// ReadOnly makes and changes nothing in the directory, for a medium that can't be written. No process may write the
// directory meanwhile. Methods that would write fail.
func ReadOnly() Option { return func(o *options) { o.readOnly = true } }

var (
	_ storage.Store  = (*Store)(nil)
	_ storage.Grower = (*Store)(nil)
)

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
	// A process that was killed here may have made the directories without flushing them.
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

// makeDir makes a directory and its parents, each durable in the directory above.
func (s *Store) makeDir(path string) error {
	err := os.Mkdir(path, dirMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, dirMode)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // if it is no directory, its first use fails
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

// lockAndClear takes the shared lock on tmp. A process that first gets the lock exclusively is alone and clears the
// leftovers; an fsck that runs beside a server does not remove the server's files.
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
