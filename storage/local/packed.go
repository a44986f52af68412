package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/local/packs"
)

// packable reports whether a blob of size bytes goes into a pack.
func (s *Store) packable(size int) bool {
	return s.packs != nil && s.packs.Writes() && size <= packs.MaxBlob
}

// pack stores a small blob in a pack, unless the blob has a file of its own.
func (s *Store) pack(p place, data []byte) (storage.Blob, error) {
	if b, found, err := s.againFile(p, int64(len(data))); found || err != nil {
		return b, err
	}
	return s.packs.Put(p.sum(), data)
}

// touchPacked sets the time of a blob of this size in a pack to now.
func (s *Store) touchPacked(ctx context.Context, p place, size int64) (b storage.Blob, found bool, err error) {
	if s.packs == nil || size > packs.MaxBlob {
		return storage.Blob{}, false, nil
	}
	return s.packs.Touch(ctx, p.sum(), size)
}

// statPacked returns size and time of a blob in a pack. ErrNotExist.
func (s *Store) statPacked(ctx context.Context, p place) (storage.Blob, error) {
	if s.packs == nil {
		return storage.Blob{}, storage.ErrNotExist
	}
	return s.packs.Stat(ctx, p.sum())
}

// openWarm is openPacked for a blob that was read from a pack lately; nil where it was not, or is not there any more.
func (s *Store) openWarm(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	name, ok := storage.Hex(d)
	if !ok || s.packs == nil {
		return nil, nil
	}
	sum := sumOf(name)
	if !s.packs.Warm(sum) {
		return nil, nil
	}
	r, err := s.openSum(ctx, sum, offset, length)
	if errors.Is(err, storage.ErrNotExist) {
		return nil, nil
	}
	return r, err
}

// openPacked returns length bytes from offset of a blob in a pack.
func (s *Store) openPacked(ctx context.Context, p place, offset, length int64) (io.ReadCloser, error) {
	if s.packs == nil {
		return nil, storage.ErrNotExist
	}
	return s.openSum(ctx, p.sum(), offset, length)
}

func (s *Store) openSum(ctx context.Context, sum [sha256.Size]byte, offset, length int64) (io.ReadCloser, error) {
	if l, err := s.packs.Load(ctx, sum, offset, length); l != nil || err != nil {
		if err != nil {
			return nil, err
		}
		return l, nil
	}
	f, at, size, err := s.packs.Open(ctx, sum)
	if err != nil {
		return nil, err
	}
	if length == -1 {
		length = size - offset
	}
	if offset < 0 || length < 0 || size-offset < length {
		return nil, errors.Join(storage.ErrRange, f.Close())
	}
	if _, err := f.Seek(at+offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &section{io.LimitedReader{R: f, N: length}, f}, nil
}

func (p place) sum() [sha256.Size]byte { return sumOf(p.digest.Encoded()) }

// sumOf reads the hex of a valid digest.
func sumOf(name string) (sum [sha256.Size]byte) {
	_, _ = hex.Decode(sum[:], []byte(name)) // it is hex
	return sum
}

const listPage = 500

// listPacked yields the blobs in packs after a digest.
func (s *Store) listPacked(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return func(yield func(storage.Blob, error) bool) {
		if s.packs == nil {
			return
		}
		var last []byte
		if name, ok := storage.Hex(after); ok {
			last, _ = hex.DecodeString(name) // it is hex
		}
		for more := true; more; {
			page, err := s.packs.After(ctx, last, listPage)
			if err != nil {
				yield(storage.Blob{}, err)
				return
			}
			for _, b := range page {
				if b.Digest > after && !yield(b, nil) {
					return
				}
				last, _ = hex.DecodeString(b.Digest.Encoded()) // it is hex
			}
			more = len(page) == listPage
		}
	}
}

// merge yields two ascending sequences as one. When a blob is in both, merge yields the entry that was stored last.
func merge(a, b iter.Seq2[storage.Blob, error]) iter.Seq2[storage.Blob, error] {
	return func(yield func(storage.Blob, error) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		other, otherErr, more := next()
		for blob, err := range a {
			for more && (otherErr != nil || err == nil && other.Digest < blob.Digest) {
				if !yield(other, otherErr) || otherErr != nil {
					return
				}
				other, otherErr, more = next()
			}
			if more && err == nil && other.Digest == blob.Digest {
				if other.Modified.After(blob.Modified) {
					blob = other
				}
				other, otherErr, more = next()
			}
			if !yield(blob, err) || err != nil {
				return
			}
		}
		for ; more; other, otherErr, more = next() {
			if !yield(other, otherErr) || otherErr != nil {
				return
			}
		}
	}
}
