package mem

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// Grow implements storage.Grower. Commit hashes the bytes: ErrMismatch.
func (s *Store) Grow(ctx context.Context) (storage.Growing, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("mem: grow: %w", err)
	}
	return &growing{s: s}, nil
}

type growing struct {
	s         *Store
	mu        sync.RWMutex
	bytes     []byte
	committed bool
	closed    bool
}

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.committed {
		return 0, fmt.Errorf("mem: write: %w", fs.ErrClosed)
	}
	g.bytes = append(g.bytes, p...)
	return len(p), nil
}

func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return 0, fmt.Errorf("mem: read: %w", fs.ErrClosed)
	}
	n, _, err := storage.ReadHeld(p, off, g.bytes, 0)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("mem: read: %w", err)
	}
	return n, err
}

func (g *growing) Commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, err := g.commit(ctx, sum)
	if err != nil {
		return storage.Blob{}, fmt.Errorf("mem: commit: %w", err)
	}
	g.committed = true
	return b, nil
}

func (g *growing) commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	if g.closed || g.committed {
		return storage.Blob{}, fs.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return storage.Blob{}, err
	}
	if _, ok := storage.Hex(sum); !ok {
		return storage.Blob{}, storage.ErrNotExist
	}
	if sum != digest.FromBytes(g.bytes) {
		return storage.Blob{}, storage.ErrMismatch
	}
	return g.s.keep(sum, g.bytes), nil
}

func (g *growing) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.bytes = true, nil
	return nil
}
