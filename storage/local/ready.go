package local

import (
	"context"
	"os"
)

// Ready implements storage.Blobs: it writes, flushes and removes one small file.
func (s *Store) Ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return wrap("ready", err)
	}
	return wrap("ready", s.probe())
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
	return datasync(f)
}
