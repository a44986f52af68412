// Package sqlite is metadata.Store in one SQLite file. One connection writes, in groups: see writer. Readers have their own
// connections and see snapshots (WAL). The process holds a lock on a file next to the database, since another process would
// not know this process's group and sequence numbers.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"slipway/metadata"
	"slipway/metadata/internal/group"
	"slipway/metadata/internal/sqlstore"
)

// migrations are the steps of this binary's schema.
func migrations() ([]sqlstore.Migration, error) {
	return sqlstore.Spelling{
		ID: "INTEGER PRIMARY KEY", Int: "INTEGER", Text: "TEXT", Bytes: "BLOB", Empty: "x''",
		Strict: " STRICT", Rowless: " STRICT, WITHOUT ROWID", Ascending: " AUTOINCREMENT", Former: true,
	}.Migrations()
}

// Option changes how a store is opened.
type Option func(*config)

type config struct {
	now      func() time.Time
	observe  func(Batch)
	maxReads int
	maxBatch int
	wal      walLimits
	idle     time.Duration
}

// WithClock replaces time.Now.
func WithClock(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithObserver reports every group commit to f, before the next one begins: f must not block.
func WithObserver(f func(Batch)) Option { return func(c *config) { c.observe = f } }

// WithReaders bounds the connections that read; they are opened as they are needed. The default is 6.
func WithReaders(n int) Option { return func(c *config) { c.maxReads = n } }

// Batch is one group commit.
type Batch = metadata.Batch

// Store is a metadata.Store.
type Store struct {
	path    string
	cfg     config
	lock    *lockFile
	dialect sqlstore.Dialect
	readers *readers
	writer  *writer
	// last is the time of the newest update in microseconds; it moves before the update can be seen.
	last        atomic.Int64
	generations group.Generations
	news        sqlstore.Broadcast // closes when an update left a log entry or called Notify

	gate    group.Gate
	closing sync.Once
	err     error // of Close
}

var (
	_ metadata.Store     = (*Store)(nil)
	_ metadata.Versioned = (*Store)(nil)
)

// Open opens the database at path and makes it if there is none (mode 0600; its folder must exist). The caller closes.
// ErrInUse: another process has it. ErrNewer: it has a newer schema.
func Open(ctx context.Context, path string, opts ...Option) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := checkPath(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, cfg: config{
		now: time.Now, observe: func(Batch) {}, maxReads: defaultReaders, maxBatch: defaultBatch, wal: defaultWAL, idle: idleAfter,
	}}
	for _, o := range opts {
		o(&s.cfg)
	}
	s.dialect = dialect
	if s.lock, err = lock(path); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	// SQLite gives its other files the mode of this one.
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("metadata: open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("metadata: open database: %w", err)
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	s.readers = newReaders(s.path, s.cfg.maxReads)
	w := newWriter(s)
	if err := w.open(); err != nil {
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	s.writer = w
	if err := sqlstore.Migrate(w.session, steps, beginWrite, s.cfg.now); err != nil {
		return fmt.Errorf("open %s: %w", s.path, classify(err))
	}
	if err := w.load(); err != nil {
		return fmt.Errorf("open %s: %w", s.path, classify(err))
	}
	w.Start()
	return nil
}

// checkPath returns the path that SQLite will see, with links resolved so that every process finds the same lock.
func checkPath(path string) (string, error) {
	switch {
	case path == "":
		return "", errors.New("metadata: the database has no path")
	case path == ":memory:" || strings.HasPrefix(path, "file:"):
		return "", fmt.Errorf("metadata: database %q is not the path of a file", path)
	case strings.IndexByte(path, 0) >= 0:
		return "", fmt.Errorf("metadata: database %q has a zero byte in its path", path)
	case os.IsPathSeparator(path[len(path)-1]):
		return "", fmt.Errorf("metadata: database %q is a folder", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("metadata: path of the database: %w", err)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(abs); err == nil {
			// A database made now would be locked under the link's name, and the next process would lock it under its own.
			return "", fmt.Errorf("metadata: database %q is a link to a file that is not there", path)
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return "", fmt.Errorf("metadata: folder of the database: %w", err)
		}
		return filepath.Join(dir, filepath.Base(abs)), nil
	case err != nil:
		return "", fmt.Errorf("metadata: database: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("metadata: database %q is not a file", path)
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return "", fmt.Errorf("metadata: path of the database: %w", err)
	}
	return abs, nil
}

// now is the clock, never before the newest update: UTC, whole microseconds.
func (s *Store) now() time.Time {
	return time.UnixMicro(max(s.cfg.now().UnixMicro(), s.last.Load())).UTC()
}

// View implements metadata.Store.
func (s *Store) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	session, err := s.readers.get(ctx)
	if err != nil {
		return err
	}
	if err := session.Verb(beginRead); err != nil {
		s.readers.drop(session)
		return classify(err)
	}
	tx := sqlstore.NewView(ctx, session, &s.dialect, s.now)
	s.readers.began(tx)
	defer func() {
		s.readers.ended(tx)
		tx.End()
		if err := session.Verb(commit); err != nil { // ended by a database error, or by the writer
			s.readers.drop(session)
			return
		}
		s.readers.put(session)
	}()
	return fn(tx)
}

// Update implements metadata.Store. fn may run on the goroutine of another caller of Update; a panic in fn is thrown to its
// own caller, with the stack where it happened. A statement costs no round trip, so hints save nothing.
func (s *Store) Update(ctx context.Context, fn func(tx metadata.Tx) error, _ ...metadata.Hint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	return s.writer.Update(ctx, fn)
}

// Generation implements metadata.Versioned: the lock on the database keeps other writers out.
func (s *Store) Generation() uint64 { return s.generations.Now() }

// GenerationOf implements metadata.Versioned.
func (s *Store) GenerationOf(p metadata.Part) uint64 { return s.generations.Of(p) }

// Sync implements metadata.Store: generations grow before an update returns.
func (s *Store) Sync(ctx context.Context) error { return ctx.Err() }

// Clock implements metadata.Store: the database has the clock of this process.
func (s *Store) Clock() time.Time { return s.now() }

// Watch implements metadata.Store: the lock on the database keeps other writers out.
func (s *Store) Watch() <-chan struct{} { return s.news.Next() }

// Exclusive implements metadata.Store: the lock on the database keeps other processes out.
func (s *Store) Exclusive() bool { return true }

// Ready implements metadata.Store.
func (s *Store) Ready(ctx context.Context) error {
	return s.View(ctx, func(tx metadata.Tx) error {
		_, err := tx.Log().LogSize()
		return err
	})
}

// Close implements metadata.Store. It moves the write-ahead log into the database and removes it.
func (s *Store) Close() error {
	s.closing.Do(func() {
		<-s.gate.Drain()
		s.writer.Stop()
		s.err = s.release()
	})
	return s.err
}

// release closes what is open, the lock last.
func (s *Store) release() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.close())
	}
	if s.writer != nil && s.writer.session != nil {
		errs = append(errs, s.writer.session.Close())
	}
	return errors.Join(append(errs, s.lock.unlock())...)
}
