package local

import (
	"context"
	"os"

	"slipway/storage"
)

// Finish implements storage.Uploads. After an error the upload is still there.
func (s *Store) Finish(ctx context.Context, id string, b storage.Blob, _ *string) error {
	if err := ctx.Err(); err != nil {
		return wrap("finish", err)
	}
	f, err := s.openUpload(id, os.O_RDWR)
	if err != nil {
		return wrapMissing("finish", err)
	}
	defer f.Close()
	p, ok := s.place(b.Digest)
	if !ok {
		return wrap("finish", storage.ErrNotExist)
	}
	return wrap("finish", s.finish(ctx, f, p, b.Size))
}

func (s *Store) finish(ctx context.Context, f *os.File, p place, size int64) error {
	if err := cutTail(f, size); err != nil {
		return err
	}
	_, moved, err := s.keepFile(ctx, f, p, size)
	if err != nil || moved {
		return err
	}
	return remove(f.Name())
}
