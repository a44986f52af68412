package content

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/storage"
)

// Receive stores bytes of a known size and sha256 for the package, with every sum that a format serves, as PutBlob does. DigestMismatch,
// TooLarge, NotFound, Denied.
func (s *Store) Receive(ctx context.Context, at registry.Name, want digest.Digest, r io.Reader, size int64) (registry.Blob, error) {
	if _, err := s.core.Authorize(ctx, access.Publish, at.Repository); err != nil {
		return registry.Blob{}, err
	}
	repo, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return registry.Blob{}, err
	}
	stored := s.core.Now()
	sums := NewSummer(SHA1|MD5|SHA512, Sums{})
	b, err := s.core.Blobs.Put(ctx, sums.Verify(storage.Expect(r, want)), size)
	if err != nil {
		return registry.Blob{}, StageError(err, StageFile{Path: want.String(), Limit: size})
	}
	s.NoteReceived(at.Format, b.Size)
	return s.leaseTo(ctx, repo.ID, at, registry.Blob{Digest: b.Digest, Size: b.Size, SHA1: sums.Sum(SHA1), MD5: sums.Sum(MD5), SHA512: sums.Sum(SHA512)}, stored, nil)
}
