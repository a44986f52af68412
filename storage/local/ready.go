package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"

	"slipway/internal/fsync"
	"slipway/storage"
)

// Ready implements storage.Blobs: it writes, flushes and removes one small file.
func (s *Store) Ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return wrap("ready", err)
	}
	if err := s.probe(); err != nil {
		return wrap("ready", err)
	}
	if s.packs == nil {
		return nil
	}
	_, err := s.packs.Stat(ctx, [sha256.Size]byte{}) // only whether the index answers
	if errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	return wrap("ready", err)
}

func (s *Store) probe() error {
	if _, err := os.Stat(s.blobs); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.tmp, "ready-")
	if err != nil {
		return err
	}
	defer f.Close()
	defer func() { _ = os.Remove(f.Name()) }()
	if _, err := f.WriteString("ready\n"); err != nil {
		return err
	}
	return fsync.Data(f)
}
