package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"

	"slipway/internal/fsync"
	"slipway/metadata"
)

// snapshotPages are copied between two looks at the context, some 16 MiB.
const snapshotPages = 4096

const busyPause = 20 * time.Millisecond

// Location is the path of a database, whether or not the database exists.
type Location string

var _ metadata.Snapshotter = Location("")

// Lock implements metadata.Snapshotter.
func (l Location) Lock() (io.Closer, error) {
	path, err := checkPath(string(l))
	if err != nil {
		return nil, err
	}
	held, err := lock(path)
	if err != nil {
		return nil, err
	}
	return held, nil
}

// Close implements io.Closer.
func (l *lockFile) Close() error { return l.unlock() }

// Snapshot implements metadata.Snapshotter. The write-ahead log of a process that writes meanwhile grows until the copy is
// made.
func (l Location) Snapshot(ctx context.Context, to string, progress func(done, total int64)) (err error) {
	path, err := existing(string(l))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("metadata: snapshot: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	if err := copyPages(ctx, path, to, progress); err != nil {
		return fmt.Errorf("metadata: snapshot: %w", classify(err))
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("metadata: snapshot: %w", err)
	}
	if err := fsync.Dir(filepath.Dir(to)); err != nil {
		return fmt.Errorf("metadata: snapshot: %w", err)
	}
	return nil
}

// existing is checkPath for a database that must exist, as SQLite would make a missing one.
func existing(path string) (string, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s", metadata.ErrNotExist, path)
	}
	return checkPath(path)
}

func copyPages(ctx context.Context, path, to string, progress func(done, total int64)) (err error) {
	source, err := connect(path, reading)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	// The transaction holds one state of the database while the copy pauses to look around.
	var pageBytes int64
	if err := errors.Join(source.Do(beginRead), source.Row(`SELECT page_size FROM pragma_page_size, (SELECT count(*) FROM sqlite_schema)`, &pageBytes)); err != nil {
		return err
	}
	target, err := newDriver(copying).Open(dsn(to, copying))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	b, err := target.(*sqlite3.SQLiteConn).Backup("main", source.Conn().(*sqlite3.SQLiteConn), "main")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Finish()) }()
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		left := b.Remaining()
		if done, err = b.Step(snapshotPages); err != nil {
			return err
		}
		if !done && b.Remaining() == left && left > 0 {
			time.Sleep(busyPause) // another process holds the database
		}
		total := int64(b.PageCount())
		progress((total-int64(b.Remaining()))*pageBytes, total*pageBytes)
	}
	return nil
}
