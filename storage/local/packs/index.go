package packs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/opencontainers/go-digest"

	"slipway/internal/sqldrv"
	"slipway/storage"
)

const indexName = "index.db"

// schema: used is where the next record of a pack goes; live is the length of its records that the index names.
const schema = `
CREATE TABLE IF NOT EXISTS pack (id INTEGER PRIMARY KEY, used INTEGER NOT NULL, live INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS blob (
	sum BLOB PRIMARY KEY, pack INTEGER NOT NULL, at INTEGER NOT NULL, size INTEGER NOT NULL, stored INTEGER NOT NULL
) STRICT, WITHOUT ROWID`

// inMemory keeps temporary tables out of the system's folder for temporary files, which may be missing.
const inMemory = `PRAGMA temp_store = MEMORY;`

// settings: flushing the index would add nothing, as the packs hold everything it says; NORMAL keeps the index whole
// without a flush per commit.
const settings = `
PRAGMA synchronous = NORMAL;
PRAGMA mmap_size = 0;
PRAGMA wal_autocheckpoint = 2000;
PRAGMA journal_size_limit = 16777216`

// db is one connection to the index. It is not safe for concurrent use.
type db struct{ session *sqldrv.Session }

func openIndex(path string, cacheKiB int, readOnly bool) (*db, error) {
	mode, pragmas := "&mode=ro&immutable=1", inMemory
	if !readOnly {
		mode, pragmas = "&_journal_mode=WAL", inMemory+settings
	}
	driver := &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		_, err := c.Exec(pragmas, nil)
		return err
	}}
	name := (&url.URL{Scheme: "file", Opaque: strings.ReplaceAll(url.PathEscape(path), "%2F", "/")}).String()
	c, err := driver.Open(fmt.Sprintf("%s?_busy_timeout=5000&_cache_size=-%d%s", name, cacheKiB, mode))
	if err != nil {
		return nil, classify(err)
	}
	return &db{sqldrv.NewSession(c)}, nil
}

func (d *db) close() error { return d.session.Close() }

// do runs statements that have neither arguments nor rows.
func (d *db) do(text string) error { return classify(d.session.Do(text)) }

// verb runs the statements around every batch like do, but prepared.
func (d *db) verb(text string) error { return classify(d.session.Verb(text)) }

// exec runs a statement and returns how many rows it changed.
func (d *db) exec(text string, args ...any) (int64, error) {
	n, err := d.session.Exec(text, args)
	return n, classify(err)
}

// query hands the rows of a statement to scan.
func (d *db) query(text string, args []any, scan func(sqldrv.Row) error) error {
	return classify(d.session.Query(context.Background(), text, args, scan))
}

func (d *db) find(sum [sha256.Size]byte) (entry, error) {
	var e entry
	err := d.query(`SELECT pack, at, size, stored FROM blob WHERE sum = ?`, []any{sum[:]}, func(r sqldrv.Row) error {
		return r.Scan(&e.pack, &e.at, &e.size, &e.stored)
	})
	if err == nil && e.pack == 0 {
		err = storage.ErrNotExist
	}
	return e, err
}

// classify gives SQLite's full-disk error the cause that the operating system would give.
func classify(err error) error {
	if e := (sqlite3.Error{}); errors.As(err, &e) {
		switch {
		case e.Code == sqlite3.ErrFull:
			return fmt.Errorf("packs: index: %w: %w", syscall.ENOSPC, err)
		case e.Code == sqlite3.ErrBusy:
			return fmt.Errorf("packs: index: %w: %w", storage.ErrUnavailable, err)
		case e.SystemErrno != 0:
			return fmt.Errorf("packs: index: %w: %w", e.SystemErrno, err)
		}
		return fmt.Errorf("packs: index: %w", err)
	}
	return err
}

// readers are the connections for look-ups. They are opened when needed; a few are kept.
type readers struct {
	path     string
	readOnly bool          // no process writes the index
	slots    chan struct{} // a slot for each connection in use

	mu     sync.Mutex
	free   []*db
	closed bool
}

const (
	readerCacheKiB = 512
	readersPerCPU  = 4
)

func newReaders(path string, readOnly bool) *readers {
	return &readers{path: path, readOnly: readOnly, slots: make(chan struct{}, readersPerCPU*runtime.GOMAXPROCS(0))}
}

func (r *readers) with(ctx context.Context, fn func(*db) error) error {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.slots }()
	if err := ctx.Err(); err != nil {
		return err
	}
	d, err := r.get()
	if err != nil {
		return err
	}
	if err := fn(d); err != nil && !errors.Is(err, storage.ErrNotExist) {
		return errors.Join(err, d.close())
	} else if err != nil {
		return errors.Join(err, r.put(d))
	}
	return r.put(d)
}

func (r *readers) get() (*db, error) {
	r.mu.Lock()
	if n := len(r.free); n > 0 {
		d := r.free[n-1]
		r.free = r.free[:n-1]
		r.mu.Unlock()
		return d, nil
	}
	r.mu.Unlock()
	return openIndex(r.path, readerCacheKiB, r.readOnly)
}

// put keeps as many connections as can run at once.
func (r *readers) put(d *db) error {
	r.mu.Lock()
	if len(r.free) < runtime.GOMAXPROCS(0) && !r.closed {
		r.free = append(r.free, d)
		d = nil
	}
	r.mu.Unlock()
	if d == nil {
		return nil
	}
	return d.close()
}

func (r *readers) find(ctx context.Context, sum [sha256.Size]byte) (e entry, err error) {
	err = r.with(ctx, func(d *db) error {
		e, err = d.find(sum)
		return err
	})
	return e, err
}

func (r *readers) after(ctx context.Context, after []byte, limit int) ([]storage.Blob, error) {
	if after == nil {
		after = []byte{}
	}
	var (
		out          []storage.Blob
		sum          []byte
		size, stored int64
	)
	dest := []any{&sum, &size, &stored} // once for all rows
	err := r.with(ctx, func(d *db) error {
		return d.query(`SELECT sum, size, stored FROM blob WHERE sum > ? ORDER BY sum LIMIT ?`, []any{after, int64(limit)},
			func(r sqldrv.Row) error {
				err := r.Scan(dest...)
				out = append(out, storage.Blob{
					Digest: digest.NewDigestFromBytes(digest.SHA256, sum), Size: size, Modified: time.UnixMicro(stored),
				})
				return err
			})
	})
	return out, err
}

func (r *readers) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, d := range r.free {
		errs = append(errs, d.close())
	}
	r.free, r.closed = nil, true
	return errors.Join(errs...)
}
