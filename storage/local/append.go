package local

import (
	"context"
	"errors"
	"io"
	"os"

	"slipway/internal/fsync"
	"slipway/storage"
)

// Append implements storage.Uploads. When r holds more than limit allows, the bytes up to limit stay.
func (s *Store) Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, _ *string) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, wrap("append", err)
	}
	f, err := s.openUpload(id, os.O_WRONLY)
	if err != nil {
		return 0, wrapMissing("append", err)
	}
	defer f.Close() // the bytes were flushed before
	n, err := s.append(ctx, f, offset, r, limit)
	return n, wrap("append", err)
}

func (s *Store) append(ctx context.Context, f *os.File, offset int64, r io.Reader, limit int64) (int64, error) {
	if limit >= 0 && offset > limit {
		return 0, storage.ErrTooLarge
	}
	if err := cutTail(f, offset); err != nil {
		return 0, err
	}
	left := int64(-1)
	if limit >= 0 {
		left = limit - offset
	}
	fl := begin(ctx, r, left, io.Discard)
	defer fl.end()
	w := pacedFrom(f, offset)
	err := fl.copyTo(ctx, &w)
	if serr := s.keep(f, offset); serr != nil {
		return 0, errors.Join(err, serr)
	}
	return w.end - offset, err
}

// keep makes the bytes of an upload durable, and with its first bytes also its name. In this order a journal writes the
// name along with the bytes, so the second flush finds little to do.
func (s *Store) keep(f *os.File, offset int64) error {
	if err := fsync.Data(f); err != nil {
		return err
	}
	if offset > 0 {
		return nil
	}
	return s.arrived.join(func() error { return s.flush(s.uploads) })
}
