package local

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// List implements storage.Blobs. It holds the names of one shard at a time, skips names that are no blobs, and may or may
// not see changes made while it runs.
func (s *Store) List(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return merge(s.listFiles(ctx, after), s.listPacked(ctx, after))
}

func (s *Store) listFiles(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return func(yield func(storage.Blob, error) bool) {
		shards, err := s.shardNames(ctx)
		if err != nil {
			yield(storage.Blob{}, wrap("list", err))
			return
		}
		for _, shard := range shards {
			if behind(shard, after) {
				continue
			}
			for b, err := range s.listShard(ctx, shard, after) {
				if !yield(b, wrap("list", err)) || err != nil {
					return
				}
			}
		}
	}
}

func (s *Store) listShard(ctx context.Context, shard string, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return func(yield func(storage.Blob, error) bool) {
		files, err := names(ctx, filepath.Join(s.blobs, shard))
		if err != nil {
			yield(storage.Blob{}, err)
			return
		}
		for _, name := range files {
			d := digest.NewDigestFromEncoded(digest.SHA256, name)
			p, ok := s.place(d)
			if !ok || name[:2] != shard || d <= after {
				continue
			}
			b, err := s.statBlob(ctx, p)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// shardNames returns the shards that are there, in order.
func (s *Store) shardNames(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(s.blobs)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() && s.shard(e.Name()) != nil {
			found = append(found, e.Name())
		}
	}
	return found, nil
}

// behind reports whether every digest of the shard comes before after.
func behind(shard string, after digest.Digest) bool {
	first := "sha256:" + shard
	return first < string(after) && !strings.HasPrefix(string(after), first)
}

// names returns the sorted names in a directory.
func names(ctx context.Context, dir string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := f.Readdirnames(-1)
	slices.Sort(found)
	return found, err
}
