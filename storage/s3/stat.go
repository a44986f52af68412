package s3

import (
	"context"
	"iter"

	"github.com/minio/minio-go/v7"
	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// Stat implements storage.Blobs.
func (s *Store) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	key, ok := s.blobKey(d)
	if !ok {
		return storage.Blob{}, wrap("stat", storage.ErrNotExist)
	}
	info, err := s.head(ctx, key)
	if err != nil {
		return storage.Blob{}, wrapMissing("stat", err)
	}
	return blob(d, info), nil
}

// Delete implements storage.Blobs.
func (s *Store) Delete(ctx context.Context, d digest.Digest) error {
	key, ok := s.blobKey(d)
	if !ok {
		return nil
	}
	return wrap("delete", s.remove(ctx, key))
}

// List implements storage.Blobs. It asks for up to 1000 blobs at a time, skips keys that are no blobs, and may or may not
// see changes made while it runs.
func (s *Store) List(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return func(yield func(storage.Blob, error) bool) {
		from, _ := s.blobKey(after)
		for info, err := range s.list(ctx, s.blobsPrefix(), from) {
			if err != nil {
				yield(storage.Blob{}, wrap("list", err))
				return
			}
			d, ok := s.blobOf(info.Key)
			if !ok || d <= after {
				continue
			}
			if !yield(blob(d, info), nil) {
				return
			}
		}
	}
}

func blob(d digest.Digest, info minio.ObjectInfo) storage.Blob {
	return storage.Blob{Digest: d, Size: info.Size, Modified: info.LastModified}
}

// Ready implements storage.Blobs: it makes and removes a file in the spool, and stores one small object, always the same.
func (s *Store) Ready(ctx context.Context) error {
	if err := probeSpool(s.spoolDir); err != nil {
		return wrap("ready", err)
	}
	b := newSpool(s.spoolDir)
	defer b.free()
	err := b.write([]byte("ready\n"))
	if err == nil {
		_, _, err = s.put(ctx, s.prefix+readyName, b, nil, condition{})
	}
	return wrap("ready", err)
}
