package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"slipway/internal/fsync"
	"slipway/metadata"
)

// Occupied implements metadata.Snapshotter.
func (l Location) Occupied() (string, error) {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		path := string(l) + suffix
		if _, err := os.Lstat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("metadata: %w", err)
		}
	}
	return "", nil
}

// Bring implements metadata.Snapshotter: the database grows under another name; when the process is killed, the next Bring
// removes that file.
func (l Location) Bring(ctx context.Context, snapshot string, fn func(db metadata.Store) error) (err error) {
	coming := string(l) + ".restoring"
	if err := remove(coming); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove(coming)) }()
	if err := copyFile(ctx, snapshot, coming); err != nil {
		return fmt.Errorf("metadata: copy %s: %w", snapshot, err)
	}
	if err := with(ctx, coming, fn); err != nil {
		return err
	}
	if _, err := os.Stat(coming + "-wal"); err == nil {
		return fmt.Errorf("metadata: %s could not be finished: is the disk full?", coming)
	}
	if err := os.Rename(coming, string(l)); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if err := fsync.Dir(filepath.Dir(string(l))); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	return nil
}

// with runs fn on the database at path, which then has this binary's schema.
func with(ctx context.Context, path string, fn func(db metadata.Store) error) (err error) {
	db, err := Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(db)
}

// copyFile copies a file to a new one (mode 0600), and flushes it.
func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, until{ctx, in})
	return errors.Join(err, out.Sync(), out.Close())
}

// until is a reader that ends with its context.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// remove removes a database that no process has open, with the files that SQLite and the lock leave beside it.
func remove(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
