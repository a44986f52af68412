package formatstest

import (
	"context"
	"io"
	"sync"

	"slipway/registry"
	"slipway/registry/catalog"
)

// Coming is a reader whose files are on their way from a registry elsewhere: only their sizes are known, and their bytes can be read.
// A look-up that needs the whole file (catalog.Whole) gets it with its sums; with Slow, it gets it without.
type Coming struct {
	catalog.Reader
	Slow bool

	mu    sync.Mutex
	files map[string]registry.File
}

// File implements catalog.Reader.
func (c *Coming) File(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	f, err := c.Reader.File(ctx, at, path)
	if err != nil || catalog.NeedsWhole(ctx) && !c.Slow {
		return f, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = map[string]registry.File{}
	}
	c.files[path] = f
	f.Blob = registry.Blob{Size: f.Blob.Size}
	return f, nil
}

// Open implements catalog.Bytes.
func (c *Coming) Open(ctx context.Context, f registry.File, offset, length int64) (io.ReadCloser, error) {
	if f.Blob.Digest == "" {
		c.mu.Lock()
		f = c.files[f.Path]
		c.mu.Unlock()
	}
	return c.Reader.Open(ctx, f, offset, length)
}

// Link implements catalog.Bytes: a file on its way has no address of the store.
func (c *Coming) Link(ctx context.Context, f registry.File, mediaType string) (string, error) {
	if f.Blob.Digest == "" {
		return "", nil
	}
	return c.Reader.Link(ctx, f, mediaType)
}
