package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"slipway/metadata"
	"slipway/storage"
)

// copies is how many blobs are copied at once: small ones share their flushes.
const copies = 16

// copier copies the blobs of one store that another does not have yet.
type copier struct {
	from, to storage.Blobs
	verify   bool // read blobs that are there already
	total    int64
	progress Progress

	mu          sync.Mutex
	done        int64 // blobs that were handled
	copied      int64
	copiedBytes int64
	missing     []digest.Digest
}

func (c *copier) run(ctx context.Context, blobs iter.Seq2[metadata.Blob, error]) error {
	c.missing = []digest.Digest{}
	work, running := errgroup.WithContext(ctx)
	work.SetLimit(copies)
	var failed error
	for b, err := range blobs {
		if failed = err; err != nil || running.Err() != nil {
			break
		}
		work.Go(func() error { return c.bring(running, b) })
	}
	return errors.Join(work.Wait(), failed, ctx.Err())
}

func (c *copier) bring(ctx context.Context, b metadata.Blob) error {
	has, err := c.has(ctx, b)
	if err != nil {
		return fmt.Errorf("backup: look at %s: %w", b.Digest, err)
	}
	if has {
		c.did(b, skipped)
		return nil
	}
	err = c.copy(ctx, b)
	if errors.Is(err, storage.ErrNotExist) || errors.Is(err, errUnreadable) {
		c.did(b, missing)
		return nil
	}
	if err != nil {
		return fmt.Errorf("backup: copy %s: %w", b.Digest, err)
	}
	c.did(b, copied)
	return nil
}

// has reports whether the blob is there already, and with verify, whether its bytes are right.
func (c *copier) has(ctx context.Context, b metadata.Blob) (bool, error) {
	have, err := c.to.Stat(ctx, b.Digest)
	if errors.Is(err, storage.ErrNotExist) || err == nil && have.Size != b.Size {
		return false, nil
	}
	if err != nil || !c.verify {
		return err == nil, err
	}
	r, err := c.to.Open(ctx, b.Digest, 0, -1)
	if err != nil {
		return false, err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, storage.Expect(source{ctx, r}, b.Digest))
	if errors.Is(err, storage.ErrMismatch) || errors.Is(err, errUnreadable) {
		return false, c.to.Delete(ctx, b.Digest)
	}
	return err == nil, err
}

func (c *copier) copy(ctx context.Context, b metadata.Blob) error {
	r, err := c.from.Open(ctx, b.Digest, 0, -1)
	if err != nil {
		return unreadable(err)
	}
	defer r.Close()
	_, err = c.to.Put(ctx, storage.Expect(source{ctx, r}, b.Digest), b.Size)
	if errors.Is(err, storage.ErrTooLarge) || errors.Is(err, storage.ErrMismatch) {
		return errUnreadable
	}
	return err
}

// outcome is the result for one blob.
type outcome int

const (
	skipped outcome = iota // it is there
	copied
	missing // in from
)

func (c *copier) did(b metadata.Blob, what outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	switch what {
	case copied:
		c.copied, c.copiedBytes = c.copied+1, c.copiedBytes+b.Size
	case missing:
		c.missing = append(c.missing, b.Digest)
	}
	c.progress("blobs", c.done, c.total)
}

// errUnreadable: a blob can't be read from its store, or has wrong bytes there; other blobs may be fine.
var errUnreadable = errors.New("backup: the bytes can't be read")

func unreadable(err error) error {
	if errors.Is(err, syscall.EIO) {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return err
}

// source is a file that may lie on a bad part of a disk, read until ctx ends.
type source struct {
	ctx context.Context
	r   io.Reader
}

func (s source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	return n, unreadable(err)
}

// copyFile makes a durable copy of a file, whole or not at all, readable by its owner only.
func copyFile(ctx context.Context, from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = io.Copy(out, source{ctx, in})
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Rename(out.Name(), to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("backup: %w", err), os.Remove(out.Name()))
	}
	return flushDir(filepath.Dir(to))
}
