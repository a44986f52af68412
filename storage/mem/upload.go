package mem

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"slipway/storage"
)

// Create implements storage.Uploads.
func (s *Store) Create(ctx context.Context, id string, state *string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mem: create upload: %w", err)
	}
	if !storage.ValidID(id) {
		return fmt.Errorf("mem: create upload: invalid id %.80q", id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.uploads[id]; ok {
		return fmt.Errorf("mem: create upload %s: %w", id, storage.ErrExists)
	}
	s.keepUpload(id, nil, state)
	return nil
}

// Append implements storage.Uploads. When r holds more than limit allows, the bytes up to limit stay.
func (s *Store) Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, state *string) (int64, error) {
	o, err := s.findUpload(ctx, id, offset, state)
	if err == nil && limit >= 0 && offset > limit {
		err = storage.ErrTooLarge
	}
	if err != nil {
		return 0, fmt.Errorf("mem: append: %w", err)
	}
	data, err := read(ctx, o.bytes[:offset], r, limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ok := s.uploads[id]
	if !ok {
		return 0, fmt.Errorf("mem: append: %w", storage.ErrNotExist)
	}
	if now.state != o.state && state != nil {
		return 0, fmt.Errorf("mem: append: %w", storage.ErrMoved)
	}
	s.keepUpload(id, data, state)
	if err != nil {
		err = fmt.Errorf("mem: append: %w", err)
	}
	return int64(len(data)) - offset, err
}

// OpenUpload implements storage.Uploads.
func (s *Store) OpenUpload(ctx context.Context, id string, size int64) (io.ReadCloser, error) {
	o, err := s.findUpload(ctx, id, size, nil)
	if err != nil {
		return nil, fmt.Errorf("mem: open upload: %w", err)
	}
	return body{bytes.NewReader(o.bytes[:size])}, nil
}

// Finish implements storage.Uploads.
func (s *Store) Finish(ctx context.Context, id string, b storage.Blob, state *string) error {
	o, err := s.findUpload(ctx, id, b.Size, state)
	if _, ok := storage.Hex(b.Digest); err == nil && !ok {
		err = storage.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("mem: finish: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[b.Digest] = object{bytes: o.bytes[:b.Size], modified: s.now()}
	delete(s.uploads, id)
	return nil
}

// Discard implements storage.Uploads.
func (s *Store) Discard(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mem: discard upload: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, id)
	return nil
}

// ListUploads implements storage.Uploads, in ascending order of id.
func (s *Store) ListUploads(ctx context.Context) iter.Seq2[storage.Upload, error] {
	return func(yield func(storage.Upload, error) bool) {
		s.mu.Lock()
		uploads := maps.Clone(s.uploads)
		s.mu.Unlock()
		for _, id := range slices.Sorted(maps.Keys(uploads)) {
			if ctx.Err() != nil {
				break
			}
			o := uploads[id]
			if !yield(storage.Upload{ID: id, Size: int64(len(o.bytes)), Modified: o.modified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Upload{}, fmt.Errorf("mem: list uploads: %w", err))
		}
	}
}

// UploadState implements storage.Uploads.
func (s *Store) UploadState(ctx context.Context, id string) (string, error) {
	o, err := s.findUpload(ctx, id, 0, nil)
	if err != nil {
		return "", fmt.Errorf("mem: state of an upload: %w", err)
	}
	return o.state, nil
}

// keepUpload stores an upload's bytes, in a new state. mu is held.
func (s *Store) keepUpload(id string, data []byte, state *string) {
	o := object{data, s.now(), rand.Text()}
	if s.uploads[id] = o; state != nil {
		*state = o.state
	}
}

// findUpload returns an upload that holds at least size bytes and is in a state, if one is given.
func (s *Store) findUpload(ctx context.Context, id string, size int64, state *string) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.uploads[id]
	if !ok {
		return object{}, storage.ErrNotExist
	}
	if state != nil && *state != "" && *state != o.state {
		return object{}, storage.ErrMoved
	}
	if size < 0 || int64(len(o.bytes)) < size {
		return object{}, storage.ErrOffset
	}
	return o, nil
}
