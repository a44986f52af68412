// Package packs keeps small blobs one after the other in a few large files, so that one flush makes many of them durable
// and no blob costs a file of its own:
//
//	00000001.pack   records: a header with digest, size and time, then the bytes
//	index.db        where each blob is: SQLite; made anew from the packs when it is missing
//	lock            held by the process that writes
//
// The packs are the truth. A blob is written, its pack flushed, and only then the index names it, so every blob that can be
// found is durable. The index itself is not flushed: index rows that a power cut takes belong to records behind the last
// indexed byte of a pack, where Open looks. One process writes; others may read and remove at the same time.
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

// MaxBlob is the size in bytes of the largest blob that goes into a pack. For larger blobs the cost of a file of their own
// is small compared with their bytes.
const MaxBlob = 64 << 10

const (
	dirMode  = 0o700
	fileMode = 0o600
	lockName = "lock"
)

// ErrReadOnly: another process writes the packs, or they were opened read-only.
var ErrReadOnly = errors.New("packs: they can't be written here")

// Set is the packs of one directory. Methods are safe for concurrent use.
type Set struct {
	dir     string
	readers *readers
	lock    *os.File // nil: this process does not write
	writer  *writer
	warm    warm

	now       func() time.Time
	sync      func(*os.File) error
	packBytes int64 // a pack of this size is closed
	spareable int64 // dead bytes that a pack may hold before it is rewritten

	compacting chan struct{}  // holds one token while no compaction runs
	stuck      map[int64]bool // packs that can't be emptied; owned by the running compaction
	quit       chan struct{}
	background sync.WaitGroup
	closing    sync.Once
}

// Open opens the packs in dir and makes what is missing there. It brings the index up to what the packs hold, unless
// another process has them open for writing: then this process only reads and removes.
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

// OpenAttached opens packs that another process writes or will write; this process only reads and removes.
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

// OpenReadOnly opens packs that no process writes, for reading: nothing in dir is made or changed. It can't bring the index
// up to date with the packs, so it fails when the packs were not closed.
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

// Close waits for running calls. Further calls of Close do nothing.
func (s *Set) Close() (err error) {
	s.closing.Do(func() {
		if s.quit != nil {
			close(s.quit)
		}
		if s.writer != nil {
			err = s.writer.close()
		}
		s.background.Wait()
		s.warm.close()
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

// Put stores data, of at most MaxBlob bytes, under its digest. The blob is durable when Put returns nil. Storing the same
// bytes again moves the blob's time to now; other bytes under this digest, which only a fault of the disk can leave, are
// replaced. ErrReadOnly.
func (s *Set) Put(sum [sha256.Size]byte, data []byte) (storage.Blob, error) {
	if !s.Writes() {
		return storage.Blob{}, ErrReadOnly
	}
	e, err := s.writer.do(&request{op: put, sum: sum, data: data})
	return e.blob(sum), err
}

// Touch sets the time of a blob of this size to now. found is false when there is no such blob.
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
		e, remembered, err := s.find(ctx, sum)
		if err != nil {
			return nil, 0, 0, err
		}
		if f, err = s.openAt(e, sum); err == nil {
			return f, e.at + headerBytes, e.size, nil
		}
		if err := s.stale(ctx, sum, e, remembered, err); err != nil {
			return nil, 0, 0, err
		}
	}
}

// openAt opens the pack of a record. ErrNotExist: there is none of the blob at this place.
func (s *Set) openAt(e entry, sum [sha256.Size]byte) (*os.File, error) {
	f, err := os.Open(s.path(e.pack))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, storage.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	var head [headerBytes]byte
	if _, err = f.ReadAt(head[:], e.at); err == nil || errors.Is(err, io.EOF) {
		err = isOf(head[:], e, sum, err)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Delete removes a blob; a missing one is no error. Its bytes are freed when enough of their pack is dead.
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

// After returns up to limit blobs after the given digest, in ascending order; nil starts at the first blob.
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
