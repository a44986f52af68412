// Package packs keeps small blobs one after the other in a few large files, so that one flush makes many durable and none
// costs a file of its own:
//
//	00000001.pack   records: a header with digest, size and time, then the bytes
//	index.db        where each blob is: SQLite; made anew from the packs when it is missing
//	lock            held by the process that writes
//
// The packs are the truth. A blob is written, its pack flushed, and only then the index names it, so what can be found is
// durable. The index itself is not flushed: what a power cut takes from it stands behind the last indexed byte of a pack,
// where Open looks. One process writes; others may read and remove at the same time.
package packs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/fsync"
	"slipway/storage"
)

// MaxBlob is the largest blob that belongs into a pack, in bytes. Above it, a file of its own costs little beside the bytes.
const MaxBlob = 64 << 10

const (
	dirMode  = 0o700
	fileMode = 0o600
	lockName = "lock"
)

// ErrReadOnly: the packs are another process' to write, or frozen.
var ErrReadOnly = errors.New("packs: they can't be written here")

// Set is the packs of one directory. Methods are safe for concurrent use.
type Set struct {
	dir     string
	readers *readers
	lock    *os.File // nil: another process writes
	writer  *writer

	now       func() time.Time
	sync      func(*os.File) error
	packBytes int64 // a pack of this size is closed
	spareable int64 // what may lie dead in a pack before it is rewritten

	compacting chan struct{}  // holds one token while no compaction runs
	stuck      map[int64]bool // packs that can't be emptied; of the compaction that runs
	quit       chan struct{}
	background sync.WaitGroup
	closing    sync.Once
}

// Open opens the packs in dir and makes what is missing there. It brings the index up to what the packs hold, unless
// another process has them open for writing: then this one only reads and removes.
func Open(dir string) (*Set, error) {
	return open(dir, &Set{now: time.Now, sync: fsync.Data, packBytes: 256 << 20, spareable: 8 << 20})
}

func open(dir string, s *Set) (_ *Set, err error) {
	s.dir, s.readers = dir, newReaders(filepath.Join(dir, indexName), false)
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if s.lock, err = tryLock(filepath.Join(dir, lockName)); err != nil {
		return nil, err
	}
	s.compacting, s.stuck, s.quit = make(chan struct{}, 1), make(map[int64]bool), make(chan struct{})
	s.compacting <- struct{}{}
	if s.writer, err = newWriter(s); err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	if s.Writes() {
		s.compactSoon()
	}
	return s, nil
}

// OpenAttached opens packs that another process writes, or will write: to read and to remove.
func OpenAttached(dir string) (*Set, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	s := &Set{now: time.Now, sync: fsync.Data, dir: dir, readers: newReaders(filepath.Join(dir, indexName), false)}
	var err error
	if s.writer, err = newWriter(s); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenReadOnly opens packs that nobody writes, to read: nothing in dir is made or changed. It can't bring the index up to what the
// packs hold: an error, when they were not closed.
func OpenReadOnly(dir string) (*Set, error) {
	index := filepath.Join(dir, indexName)
	if _, err := os.Stat(index); err != nil {
		return nil, err
	}
	if fi, err := os.Stat(index + "-wal"); err == nil && fi.Size() > 0 {
		return nil, fmt.Errorf("packs: %s was not closed: open it once where it can be written", dir)
	}
	return &Set{dir: dir, readers: newReaders(index, true)}, nil
}

// makeDir makes a directory that is durable in its parent.
func makeDir(dir string) error {
	err := os.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fsync.Dir(filepath.Dir(dir))
}

// Writes reports whether this process may put blobs here.
func (s *Set) Writes() bool { return s.lock != nil }

// Close waits for what runs. Further calls do nothing.
func (s *Set) Close() (err error) {
	s.closing.Do(func() {
		if s.quit != nil {
			close(s.quit)
		}
		if s.writer != nil {
			err = s.writer.close()
		}
		s.background.Wait()
		err = errors.Join(err, s.readers.close(), s.unlock())
	})
	return err
}

func (s *Set) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// Put stores data, of at most MaxBlob bytes, under its digest. It is durable when Put returns nil. Bytes that are there
// already count as stored anew; other bytes under this digest, which only a fault of the disk can leave, are replaced.
// ErrReadOnly.
func (s *Set) Put(sum [sha256.Size]byte, data []byte) (storage.Blob, error) {
	if !s.Writes() {
		return storage.Blob{}, ErrReadOnly
	}
	e, err := s.writer.do(&request{op: put, sum: sum, data: data})
	return e.blob(sum), err
}

// Touch counts a blob of this size as stored now. found is false when there is none.
func (s *Set) Touch(ctx context.Context, sum [sha256.Size]byte, size int64) (b storage.Blob, found bool, err error) {
	e, err := s.readers.find(ctx, sum)
	if errors.Is(err, storage.ErrNotExist) || err == nil && e.size != size {
		return storage.Blob{}, false, nil
	}
	if err != nil {
		return storage.Blob{}, false, err
	}
	if s.writer == nil {
		return storage.Blob{}, false, ErrReadOnly
	}
	e, err = s.writer.do(&request{op: touch, sum: sum})
	if errors.Is(err, storage.ErrNotExist) {
		return storage.Blob{}, false, nil
	}
	return e.blob(sum), err == nil, err
}

// Stat tells size and time. ErrNotExist.
func (s *Set) Stat(ctx context.Context, sum [sha256.Size]byte) (storage.Blob, error) {
	e, err := s.readers.find(ctx, sum)
	return e.blob(sum), err
}

// Open returns the pack of a blob, its first byte there, and its size. The caller closes. ErrNotExist.
func (s *Set) Open(ctx context.Context, sum [sha256.Size]byte) (f *os.File, at, size int64, err error) {
	for {
		e, err := s.readers.find(ctx, sum)
		if err != nil {
			return nil, 0, 0, err
		}
		f, err := os.Open(s.path(e.pack))
		if err == nil {
			if err := mustBe(f, e, sum); err != nil {
				return nil, 0, 0, errors.Join(err, f.Close())
			}
			return f, e.at + headerBytes, e.size, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, 0, 0, err
		}
		// A compaction may have moved it since; a pack that is lost is a blob that is not there.
		again, err := s.readers.find(ctx, sum)
		if err == nil && again == e {
			err = storage.ErrNotExist
		}
		if err != nil {
			return nil, 0, 0, err
		}
	}
}

// mustBe fails with ErrNotExist unless the record of e is about these bytes: rather no blob than another one.
func mustBe(f *os.File, e entry, sum [sha256.Size]byte) error {
	var head [headerBytes]byte
	if _, err := f.ReadAt(head[:], e.at); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if h, ok := readHeader(head[:]); !ok || h.sum != sum || h.size != e.size {
		return storage.ErrNotExist
	}
	return nil
}

// Delete removes a blob; a missing one is no error. Its bytes go when enough of their pack is dead.
func (s *Set) Delete(ctx context.Context, sum [sha256.Size]byte) error {
	if _, err := s.readers.find(ctx, sum); errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	if s.writer == nil {
		return ErrReadOnly
	}
	_, err := s.writer.do(&request{op: remove, sum: sum})
	if errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	return err
}

// After returns up to limit blobs behind the given digest, in ascending order; nil is before all.
func (s *Set) After(ctx context.Context, after []byte, limit int) ([]storage.Blob, error) {
	return s.readers.after(ctx, after, limit)
}

func (s *Set) path(pack int64) string { return filepath.Join(s.dir, packName(pack)) }

func packName(pack int64) string { return fmt.Sprintf("%08d.pack", pack) }

// entry is where a blob is.
type entry struct {
	pack   int64
	at     int64 // of the record, in bytes
	size   int64 // of the blob
	stored int64 // microseconds since 1970
}

func (e entry) blob(sum [sha256.Size]byte) storage.Blob {
	if e == (entry{}) {
		return storage.Blob{}
	}
	return storage.Blob{
		Digest: digest.NewDigestFromBytes(digest.SHA256, sum[:]), Size: e.size, Modified: time.UnixMicro(e.stored),
	}
}
