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

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"slipway/metadata"
	"slipway/storage"
)

// copies is how many blobs are copied at once: small ones share their flushes.
const copies = 16

// copier brings blobs from one store to another, those that are not there yet.
type copier struct {
	from, to storage.Blobs
	total    int64
	progress Progress

	mu          sync.Mutex
	done        int64 // blobs that were looked at
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
	have, err := c.to.Stat(ctx, b.Digest)
	switch {
	case err == nil && have.Size == b.Size:
		c.did(b, skipped)
		return nil
	case err != nil && !errors.Is(err, storage.ErrNotExist):
		return err
	}
	err = c.copy(ctx, b)
	if errors.Is(err, storage.ErrNotExist) || errors.Is(err, errDamaged) {
		c.did(b, missing)
		return nil
	}
	if err != nil {
		return fmt.Errorf("backup: copy %s: %w", b.Digest, err)
	}
	c.did(b, copied)
	return nil
}

func (c *copier) copy(ctx context.Context, b metadata.Blob) error {
	r, err := c.from.Open(ctx, b.Digest, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = c.to.Put(ctx, &verifier{r: r, want: b, sum: b.Digest.Verifier()}, b.Size)
	if errors.Is(err, storage.ErrTooLarge) {
		return errDamaged
	}
	return err
}

// outcome is what became of one blob.
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

var errDamaged = errors.New("backup: the bytes are not those that their digest names")

// verifier ends with errDamaged instead of io.EOF when the bytes are not those of the blob: nothing is stored then.
type verifier struct {
	r    io.Reader
	want metadata.Blob
	sum  digest.Verifier
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	_, _ = v.sum.Write(p[:n]) // a hash never fails
	if err == io.EOF && !v.sum.Verified() {
		return n, errDamaged
	}
	return n, err
}

// copyFile makes a durable copy of a file that is not there yet, for its owner's eyes only.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("backup: %w", err), os.Remove(to))
	}
	return flushDir(filepath.Dir(to))
}
