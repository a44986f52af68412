package s3

import (
	"context"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// Put implements storage.Blobs. The bytes are spooled, hashed on the way, and sent under their digest. No request is sent
// before the last byte has arrived; bytes that are stored already are sent again, which heals them; the server checks what
// it gets. Modified is not after the time that Stat will return.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (storage.Blob, error) {
	r, want := storage.Announced(r)
	b := newSpool(s.spoolDir)
	defer b.free()
	most := maxParts * s.putPartBytes
	if limit >= 0 && limit < most {
		most = limit
	}
	if err := b.fill(ctx, &limited{r, most}, most+1); err != io.EOF {
		return storage.Blob{}, wrap("put", err)
	}
	d := digest.NewDigest(digest.SHA256, b.sum)
	if want != "" && want != d {
		return storage.Blob{}, wrap("put", storage.ErrMismatch)
	}
	modified, err := s.putBlob(ctx, d, b)
	if err != nil {
		return storage.Blob{}, wrap("put", err)
	}
	return storage.Blob{Digest: d, Size: b.size, Modified: modified}, nil
}

func (s *Store) putBlob(ctx context.Context, d digest.Digest, b *spool) (time.Time, error) {
	key, _ := s.blobKey(d)
	if b.size > s.singleBytes {
		return s.putParts(ctx, key, b)
	}
	_, modified, err := s.put(ctx, key, b, nil, condition{})
	return modified, err
}

// limited passes left bytes and fails with ErrTooLarge when there are more.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left > 0 {
		n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
		l.left -= int64(n)
		return n, err
	}
	var more [1]byte
	n, err := l.r.Read(more[:])
	if n > 0 {
		return 0, storage.ErrTooLarge
	}
	return 0, err
}
