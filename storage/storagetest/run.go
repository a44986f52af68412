// Package storagetest holds the tests that every storage backend and every wrapper of one must pass, and Faulty, a
// wrapper that breaks on demand.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

const (
	noLimit     = -1
	chunkBytes  = 256 << 10 // sizes around it cross the buffers of the backends
	settleDelay = 30 * time.Second
)

var errBroken = errors.New("reader broke")

// Run runs the suite. open returns an empty store, which Run closes, and which is a storage.Grower.
func Run(t *testing.T, open func(t *testing.T) storage.Store) {
	for _, c := range slices.Concat(blobCases, growCases, uploadCases) {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.run(t, s)
		})
	}
}

type testCase struct {
	name string
	run  func(t *testing.T, s storage.Store)
}

// random returns size bytes that are the same for the same seed.
func random(seed, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(size), byte(size >> 8), byte(size >> 16)}).Read(b)
	return b
}

// broken yields data and then errBroken.
func broken(data []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(data), failing{errBroken})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// endless yields zeros and never ends; it cancels after some bytes and then counts what is still read.
type endless struct {
	cancel context.CancelFunc
	after  int
	more   int
}

func (e *endless) Read(p []byte) (int, error) {
	switch {
	case e.after > 0:
		if e.after -= len(p); e.after <= 0 {
			e.cancel()
		}
	default:
		e.more += len(p)
	}
	clear(p)
	return len(p), nil
}

func mustPut(t *testing.T, s storage.Blobs, data []byte) storage.Blob {
	t.Helper()
	b, err := s.Put(t.Context(), bytes.NewReader(data), noLimit)
	if err != nil {
		t.Fatalf("Put of %d bytes: %v", len(data), err)
	}
	if b.Digest != digest.FromBytes(data) || b.Size != int64(len(data)) || b.Modified.IsZero() {
		t.Fatalf("Put of %d bytes = %+v, want digest %s", len(data), b, digest.FromBytes(data))
	}
	return b
}

func mustStat(t *testing.T, s storage.Blobs, d digest.Digest) storage.Blob {
	t.Helper()
	b, err := s.Stat(t.Context(), d)
	if err != nil {
		t.Fatalf("Stat: %v", err)
	}
	return b
}

// mustHave checks by every method that data is stored.
func mustHave(t *testing.T, s storage.Blobs, data []byte) {
	t.Helper()
	d := digest.FromBytes(data)
	if b := mustStat(t, s, d); b.Digest != d || b.Size != int64(len(data)) || b.Modified.IsZero() {
		t.Errorf("Stat = %+v, want digest %s, size %d", b, d, len(data))
	}
	r, err := s.Open(t.Context(), d, 0, -1)
	mustRead(t, "Open", r, err, data)
	if !slices.Contains(digests(t, s, ""), d) {
		t.Errorf("List lacks %s", d)
	}
}

// mustLack checks that no method shows the blob.
func mustLack(t *testing.T, s storage.Blobs, d digest.Digest) {
	t.Helper()
	if b, err := s.Stat(t.Context(), d); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Stat = %+v, %v, want ErrNotExist", b, err)
	}
	if r, err := s.Open(t.Context(), d, 0, -1); !errors.Is(err, storage.ErrNotExist) {
		if err == nil {
			_ = r.Close()
		}
		t.Errorf("Open: %v, want ErrNotExist", err)
	}
	if slices.Contains(digests(t, s, ""), d) {
		t.Errorf("List shows %s", d)
	}
}

func mustRead(t *testing.T, what string, r io.ReadCloser, err error, want []byte) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: read %d bytes, %v; want %d bytes", what, len(got), err, len(want))
	}
	if err := r.Close(); err != nil {
		t.Errorf("%s: Close: %v", what, err)
	}
}

func digests(t *testing.T, s storage.Blobs, after digest.Digest) []digest.Digest {
	t.Helper()
	var found []digest.Digest
	for b, err := range s.List(t.Context(), after) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		if b.Digest.Algorithm() != digest.SHA256 || b.Modified.IsZero() {
			t.Errorf("List yields %+v", b)
		}
		found = append(found, b.Digest)
	}
	return found
}

// moves calls store until it returns a time after the given one: clocks of stores may be coarse.
func moves(t *testing.T, before time.Time, store func() time.Time) {
	t.Helper()
	for deadline := time.Now().Add(settleDelay); ; time.Sleep(2 * time.Millisecond) {
		if store().After(before) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Modified does not move on from %v", before)
		}
	}
}
