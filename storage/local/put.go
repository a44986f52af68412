package local

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"

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
	var p place
	small := fl.err == io.EOF // the first chunk is the whole blob: bytes that are there already need no file
	if small {
		if p, err = s.placeOf(sum, want); err != nil {
			return storage.Blob{}, err
		}
		if b, done, err := s.keepSmall(ctx, p, fl.buf[:fl.n]); done || err != nil {
			return b, err
		}
	}

	t, err := s.newTemp()
	if err != nil {
		return storage.Blob{}, err
	}
	defer func() { _ = t.close() }() // New removes what is left
	if err := fl.copyTo(ctx, &t.paced); err != nil {
		return storage.Blob{}, err
	}
	if !small {
		if p, err = s.placeOf(sum, want); err != nil {
			return storage.Blob{}, err
		}
	}
	return t.become(ctx, p)
}

// placeOf returns the place of the bytes that sum has hashed. ErrMismatch: they do not have the wanted digest.
func (s *Store) placeOf(sum hash.Hash, want digest.Digest) (place, error) {
	p, _ := s.place(digest.NewDigest(digest.SHA256, sum))
	if want != "" && want != p.digest {
		return place{}, storage.ErrMismatch
	}
	return p, nil
}

// keepSmall stores a blob without a file of its own where it can: in a pack, or by renewing what is there. done is false
// when the blob needs a file.
func (s *Store) keepSmall(ctx context.Context, p place, data []byte) (b storage.Blob, done bool, err error) {
	if s.packable(len(data)) {
		b, err = s.pack(p, data)
		return b, err == nil, err
	}
	return s.again(ctx, p, int64(len(data)))
}
