package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"slipway/storage"
)

// Create implements storage.Uploads. The empty file is made durable by the first Append, not here.
func (s *Store) Create(ctx context.Context, id string, _ *string) error {
	if err := ctx.Err(); err != nil {
		return wrap("create upload", err)
	}
	path, ok := s.uploadPath(id)
	if !ok {
		return fmt.Errorf("local: create upload: invalid id %.80q", id)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		err = storage.ErrExists
	}
	if err != nil {
		return wrap("create upload", err)
	}
	return wrap("create upload", f.Close())
}

// UploadState implements storage.Uploads: uploads have no states, as no other process reaches them.
func (s *Store) UploadState(ctx context.Context, id string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", wrap("state of an upload", err)
	}
	f, err := s.openUpload(id, os.O_RDONLY)
	if err == nil {
		err = f.Close()
	}
	return "", wrapMissing("state of an upload", err)
}

// OpenUpload implements storage.Uploads.
func (s *Store) OpenUpload(ctx context.Context, id string, size int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, wrap("open upload", err)
	}
	f, err := s.openUpload(id, os.O_RDONLY)
	if err != nil {
		return nil, wrapMissing("open upload", err)
	}
	r, err := cut(f, 0, size)
	if size < 0 || errors.Is(err, storage.ErrRange) {
		err = storage.ErrOffset
	}
	if err != nil {
		_ = f.Close()
		return nil, wrap("open upload", err)
	}
	return r, nil
}

// Discard implements storage.Uploads.
func (s *Store) Discard(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return wrap("discard upload", err)
	}
	path, ok := s.uploadPath(id)
	if !ok {
		return nil
	}
	return wrap("discard upload", remove(path))
}

// ListUploads implements storage.Uploads, in ascending order of id. It skips names that are no uploads.
func (s *Store) ListUploads(ctx context.Context) iter.Seq2[storage.Upload, error] {
	return func(yield func(storage.Upload, error) bool) {
		ids, err := names(ctx, s.uploads)
		if err != nil {
			yield(storage.Upload{}, wrap("list uploads", err))
			return
		}
		for _, id := range ids {
			path, ok := s.uploadPath(id)
			if !ok {
				continue
			}
			fi, err := statFile(ctx, path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				yield(storage.Upload{}, wrap("list uploads", err))
				return
			}
			if !yield(storage.Upload{ID: id, Size: fi.Size(), Modified: fi.ModTime()}, nil) {
				return
			}
		}
	}
}

func (s *Store) openUpload(id string, flag int) (*os.File, error) {
	path, ok := s.uploadPath(id)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return os.OpenFile(path, flag, 0)
}

// cutTail drops the bytes behind the first size bytes.
func cutTail(f *os.File, size int64) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	switch {
	case size < 0 || fi.Size() < size:
		return storage.ErrOffset
	case fi.Size() > size:
		return f.Truncate(size)
	default:
		return nil
	}
}
