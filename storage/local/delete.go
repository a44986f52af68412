package local

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
)

// Delete implements storage.Blobs. Readers that have the blob open keep it. There is no flush: a blob that comes back after
// a power cut is garbage, as it was before.
func (s *Store) Delete(ctx context.Context, d digest.Digest) error {
	if err := ctx.Err(); err != nil {
		return wrap("delete", err)
	}
	p, ok := s.place(d)
	if !ok {
		return nil
	}
	if s.packs != nil {
		if err := s.packs.Delete(ctx, p.sum()); err != nil {
			return wrap("delete", err)
		}
	}
	return wrap("delete", remove(p.path))
}

func remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
