package local

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// Stat implements storage.Blobs.
func (s *Store) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	p, ok := s.place(d)
	if !ok {
		return storage.Blob{}, wrap("stat", storage.ErrNotExist)
	}
	b, err := s.statBlob(ctx, p)
	for err == nil && s.commits.wait(d) {
		b, err = s.statBlob(ctx, p)
	}
	if errors.Is(err, fs.ErrNotExist) {
		b, err = s.statPacked(ctx, p)
	}
	return b, wrapMissing("stat", err)
}

func (s *Store) statBlob(ctx context.Context, p place) (storage.Blob, error) {
	fi, err := statFile(ctx, p.path)
	if err == nil {
		err = s.settle(p.shard, p.dir)
	}
	if err != nil {
		return storage.Blob{}, err
	}
	return storage.Blob{Digest: p.digest, Size: fi.Size(), Modified: fi.ModTime()}, nil
}

// statFile is Lstat for regular files: anything else does not exist.
func statFile(ctx context.Context, path string) (fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fi, err := os.Lstat(path)
	if err == nil && !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return fi, err
}
