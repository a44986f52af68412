package local

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"os"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// Put implements storage.Blobs.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (storage.Blob, error) {
	b, err := s.put(ctx, r, limit)
	return b, wrap("put", err)
}

func (s *Store) put(ctx context.Context, r io.Reader, limit int64) (b storage.Blob, err error) {
	r, want := storage.Announced(r)
	sum := sha256.New()
	fl := begin(ctx, r, limit, sum)
	defer fl.end()
	if fl.err != nil && fl.err != io.EOF {
		return storage.Blob{}, fl.err
	}
	small := fl.err == io.EOF // the first chunk is the whole blob: bytes that are there already need no file
	var p place
	if small {
		if p = s.placeOf(sum); want != "" && want != p.digest {
			return storage.Blob{}, storage.ErrMismatch
		}
		if s.packable(fl.n) {
			return s.pack(p, sum, fl.buf[:fl.n])
		}
		if b, found, err := s.again(ctx, p, int64(fl.n)); found || err != nil {
			return b, err
		}
	}

	f, err := os.CreateTemp(s.tmp, "put-")
	if err != nil {
		return storage.Blob{}, err
	}
	defer f.Close() // the bytes were flushed before
	moved := false
	defer func() {
		if !moved {
			_ = os.Remove(f.Name()) // New removes leftovers
		}
	}()
	n, err := fl.copyTo(ctx, f, 0)
	if err != nil {
		return storage.Blob{}, err
	}
	if !small {
		if p = s.placeOf(sum); want != "" && want != p.digest {
			return storage.Blob{}, storage.ErrMismatch
		}
		if b, found, err := s.again(ctx, p, n); found || err != nil {
			return b, err
		}
	}
	b, moved, err = s.commit(f, p, n)
	return b, err
}

func (s *Store) placeOf(sum hash.Hash) place {
	p, _ := s.place(digest.NewDigest(digest.SHA256, sum))
	return p
}
