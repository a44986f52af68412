// Package backup keeps snapshots of an installation in a directory, and makes an installation from a snapshot:
//
//	snapshots/20261121T173000.000Z/slipway.db   the database as it was then
//	snapshots/20261121T173000.000Z/log.key      the key of its log
//	snapshots/20261121T173000.000Z/snapshot.json  what it holds, for lists
//	blobs/, uploads/, tmp/                      the bytes that the snapshots name, once each: see storage/local
//	backup.lock                                 held while a backup or a restore runs
//
// A snapshot appears, whole, when every byte that it names is there and durable.
package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slipway/internal/fsync"
	"slipway/storage/local"
)

const (
	dirMode      = 0o700
	fileMode     = 0o600
	databaseName = "slipway.db"
	keyName      = "log.key"
	// nameFormat names a snapshot by the time it was begun, so that names sort as times do.
	nameFormat = "20060102T150405.000Z"
	// unfinished begins the name of a snapshot that is being made or removed.
	unfinished = "."
)

// Errors of a directory.
var (
	// ErrNone: the directory holds no snapshot, or none that old.
	ErrNone = errors.New("backup: no such snapshot")
	// ErrForeign: the directory is not for this installation's backups.
	ErrForeign = errors.New("backup: not a directory for these backups")
)

// Snapshot is one state that can be restored.
type Snapshot struct {
	Name  string    `json:"name"`
	Taken time.Time `json:"taken"`

	dir string // the backup's
}

// Database is the path of its database.
func (s Snapshot) Database() string { return filepath.Join(s.path(), databaseName) }

// Key is the path of its log's key.
func (s Snapshot) Key() string { return filepath.Join(s.path(), keyName) }

func (s Snapshot) path() string { return filepath.Join(snapshotsIn(s.dir), s.Name) }

func snapshotsIn(dir string) string { return filepath.Join(dir, "snapshots") }

// List returns the snapshots in a directory, oldest first; none when the directory does not exist.
func List(dir string) ([]Snapshot, error) {
	entries, err := os.ReadDir(snapshotsIn(dir)) // ascending by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	var out []Snapshot
	for _, e := range entries {
		if taken, err := time.Parse(nameFormat, e.Name()); err == nil && e.IsDir() {
			out = append(out, Snapshot{Name: e.Name(), Taken: taken, dir: dir})
		}
	}
	return out, nil
}

// Find returns the newest snapshot that is not younger than at; the zero time is now. ErrNone.
func Find(dir string, at time.Time) (Snapshot, error) {
	list, err := List(dir)
	if err != nil {
		return Snapshot{}, err
	}
	for _, s := range slices.Backward(list) {
		if at.IsZero() || !s.Taken.After(at) {
			return s, nil
		}
	}
	if at.IsZero() {
		return Snapshot{}, fmt.Errorf("%w in %s", ErrNone, dir)
	}
	return Snapshot{}, fmt.Errorf("%w in %s: none was taken by %s", ErrNone, dir, at.UTC().Format(time.RFC3339))
}

// target is the directory that a backup goes into.
type target struct {
	dir    string
	lock   io.Closer
	blobs  *local.Store // nil: without bytes
	newest time.Time    // snapshot
}

// openTarget makes the directory and its folders, and removes the leftovers of an interrupted backup. ErrForeign, ErrBusy.
func openTarget(dir string, key []byte, withBlobs bool) (_ *target, err error) {
	if err := mayUse(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(snapshotsIn(dir), dirMode); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	t := &target{dir: dir}
	if t.lock, err = lockDir(dir, true); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if err := t.clear(); err != nil {
		return nil, err
	}
	if err := t.mustContinue(key); err != nil {
		return nil, err
	}
	if withBlobs {
		t.blobs, err = local.New(dir)
	}
	return t, err
}

// mayUse refuses a directory that holds anything else, since a backup removes from its directory what no snapshot names.
func mayUse(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	for _, e := range entries {
		if e.Name() == filepath.Base(snapshotsIn(dir)) {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %s holds other files; name a new directory, or an empty one", ErrForeign, dir)
	}
	return nil
}

// mustContinue refuses to follow snapshots of another installation, or of the future: they would displace this
// installation's snapshots.
func (t *target) mustContinue(key []byte) error {
	list, err := List(t.dir)
	if err != nil || len(list) == 0 {
		return err
	}
	newest := list[len(list)-1]
	if t.newest = newest.Taken; t.newest.After(time.Now()) {
		return fmt.Errorf("backup: %s has a snapshot of the future, %s: set the clock right, or remove %s", t.dir, newest.Name, newest.path())
	}
	same, err := holds(newest.Key(), key)
	if err == nil && !same {
		err = fmt.Errorf("%w: those in %s are of an installation with another log key", ErrForeign, t.dir)
	}
	return err
}

// holds reports whether the file of a key holds this key.
func holds(path string, key []byte) (bool, error) {
	there, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("backup: %w", err)
	}
	return bytes.Equal(bytes.TrimSpace(there), bytes.TrimSpace(key)), nil
}

func sameFile(a, b string) (bool, error) {
	key, err := os.ReadFile(b)
	if err != nil {
		return false, fmt.Errorf("backup: %w", err)
	}
	return holds(a, key)
}

func (t *target) close() error {
	var err error
	if t.blobs != nil {
		err = t.blobs.Close()
	}
	return errors.Join(err, t.lock.Close())
}

func (t *target) clear() error {
	entries, err := os.ReadDir(snapshotsIn(t.dir))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), unfinished) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(snapshotsIn(t.dir), e.Name())))
		}
	}
	return err
}

// begin makes the directory of an unfinished snapshot.
func (t *target) begin() (Snapshot, error) {
	for !time.Now().Truncate(time.Millisecond).After(t.newest) {
		time.Sleep(time.Millisecond)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	s := Snapshot{Name: unfinished + now.Format(nameFormat), Taken: now, dir: t.dir}
	if err := os.Mkdir(s.path(), dirMode); err != nil {
		return s, fmt.Errorf("backup: %w", err)
	}
	return s, nil
}

// finish turns an unfinished snapshot into a snapshot, durably.
func (t *target) finish(s Snapshot) (Snapshot, error) {
	done := s
	done.Name = strings.TrimPrefix(s.Name, unfinished)
	if err := flushDir(s.path()); err != nil {
		return s, err
	}
	if err := os.Rename(s.path(), done.path()); err != nil {
		return s, fmt.Errorf("backup: %w", err)
	}
	return done, flushDir(snapshotsIn(t.dir))
}

// remove hides a snapshot at once, then removes its files.
func (t *target) remove(s Snapshot) error {
	gone := s
	gone.Name = unfinished + s.Name
	if err := os.Rename(s.path(), gone.path()); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return errors.Join(flushDir(snapshotsIn(t.dir)), os.RemoveAll(gone.path()))
}

func flushDir(dir string) error {
	if err := fsync.Dir(dir); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}
