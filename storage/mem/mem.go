// Package mem is the storage backend in memory, for tests.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

const (
	chunkBytes    = 32 << 10
	maxEmptyReads = 100 // in a row; then r is broken
)

// Store keeps blobs and uploads in memory. It implements storage.Store and storage.Grower.
type Store struct {
	mu      sync.Mutex
	blobs   map[digest.Digest]object
	uploads map[string]object
	now     func() time.Time
}

// object is replaced, never changed, so its bytes may be read without the lock.
type object struct {
	bytes    []byte
	modified time.Time
	state    string // of an upload
}

var (
	_ storage.Store  = (*Store)(nil)
	_ storage.Grower = (*Store)(nil)
	_ storage.Fencer = (*Store)(nil)
)

// WithClock makes the store use a clock, and returns it.
func (s *Store) WithClock(now func() time.Time) *Store {
	s.now = now
	return s
}

// Removal implements storage.Fencer.
func (s *Store) Removal(_ context.Context, d digest.Digest, ttl time.Duration) (func(ctx context.Context) error, error) {
	end := s.now().Add(ttl)
	return func(ctx context.Context) error {
		if s.now().After(end) {
			return fmt.Errorf("mem: delete: %w", storage.ErrLate)
		}
		return s.Delete(ctx, d)
	}, nil
}

// New returns an empty store.
func New() *Store {
	return &Store{
		blobs:   make(map[digest.Digest]object),
		uploads: make(map[string]object),
		now:     func() time.Time { return time.Now().Round(0) }, // no monotonic part, as from a disk
	}
}

// Put implements storage.Blobs.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (storage.Blob, error) {
	data, err := read(ctx, nil, r, limit)
	if err != nil {
		return storage.Blob{}, fmt.Errorf("mem: put: %w", err)
	}
	return s.keep(digest.FromBytes(data), data), nil
}

// keep stores data, which no caller changes any more.
func (s *Store) keep(d digest.Digest, data []byte) storage.Blob {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[d] = object{bytes: data, modified: s.now()}
	return s.blobs[d].blob(d)
}

// Open implements storage.Blobs.
func (s *Store) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	o, err := s.find(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("mem: open blob: %w", err)
	}
	rest := int64(len(o.bytes)) - offset
	if length == -1 {
		length = rest
	}
	if offset < 0 || length < 0 || rest < length {
		return nil, fmt.Errorf("mem: open blob: %w", storage.ErrRange)
	}
	return body{bytes.NewReader(o.bytes[offset : offset+length])}, nil
}

// Stat implements storage.Blobs.
func (s *Store) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	o, err := s.find(ctx, d)
	if err != nil {
		return storage.Blob{}, fmt.Errorf("mem: stat: %w", err)
	}
	return o.blob(d), nil
}

// Delete implements storage.Blobs.
func (s *Store) Delete(ctx context.Context, d digest.Digest) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mem: delete: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, d)
	return nil
}

// List implements storage.Blobs. It yields the blobs that were there when it began.
func (s *Store) List(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return func(yield func(storage.Blob, error) bool) {
		s.mu.Lock()
		blobs := maps.Clone(s.blobs)
		s.mu.Unlock()
		for _, d := range slices.Sorted(maps.Keys(blobs)) {
			if d <= after {
				continue
			}
			if ctx.Err() != nil {
				break
			}
			if !yield(blobs[d].blob(d), nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Blob{}, fmt.Errorf("mem: list: %w", err))
		}
	}
}

// Ready implements storage.Blobs.
func (s *Store) Ready(ctx context.Context) error { return ctx.Err() }

// Close implements storage.Store. The bytes stay for as long as the store is referred to.
func (s *Store) Close() error { return nil }

func (s *Store) find(ctx context.Context, d digest.Digest) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.blobs[d]
	if !ok {
		return object{}, storage.ErrNotExist
	}
	return o, nil
}

func (o object) blob(d digest.Digest) storage.Blob {
	return storage.Blob{Digest: d, Size: int64(len(o.bytes)), Modified: o.modified}
}

type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

// read returns data followed by the bytes of r, also with an error; when r holds more than limit allows, the bytes up to
// limit.
func read(ctx context.Context, data []byte, r io.Reader, limit int64) ([]byte, error) {
	data = slices.Clone(data)
	chunk := make([]byte, chunkBytes)
	for empty := 0; empty < maxEmptyReads; empty++ {
		if err := ctx.Err(); err != nil {
			return data, err
		}
		n, err := r.Read(chunk)
		data = append(data, chunk[:n]...)
		if limit >= 0 && int64(len(data)) > limit {
			return data[:limit], storage.ErrTooLarge
		}
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return data, err
		}
		if n > 0 {
			empty = -1
		}
	}
	return data, io.ErrNoProgress
}
