package maintain

import (
	"context"
	"errors"

	"slipway/metadata"
	"slipway/storage"
)

// orphans calls fn for all bytes without a row, left by publishes that never committed.
func (c *collection) orphans(ctx context.Context, fn func(storage.Blob) error) error {
	for b, err := range c.core.Blobs.List(ctx, "") {
		if err != nil {
			return err
		}
		is, err := c.isOrphan(ctx, b)
		if err == nil && is {
			err = fn(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) isOrphan(ctx context.Context, b storage.Blob) (bool, error) {
	if b.Modified.After(c.core.Now().Add(-max(orphanGrace, c.opts.Grace))) {
		return false, nil
	}
	err := c.core.Store.View(ctx, func(tx metadata.Tx) error {
		_, err := tx.Blobs().Blob(b.Digest)
		return err
	})
	if errors.Is(err, metadata.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// orphan removes bytes that had no row when they were listed, unless they have one now or were stored again since.
func (c *collection) orphan(ctx context.Context, b storage.Blob) error {
	if !c.opts.DryRun {
		now, err := c.core.Blobs.Stat(ctx, b.Digest)
		switch {
		case errors.Is(err, storage.ErrNotExist):
			return nil
		case err != nil:
			return err
		case now.Modified.After(b.Modified):
			return nil
		}
		if dead, err := c.take(ctx, b.Digest, func(tx metadata.Tx) (bool, error) { return tx.Collection().CondemnOrphan(b.Digest, b.Size) }); err != nil || !dead {
			return err
		}
	}
	c.report.Orphans++
	c.report.OrphanBytes += b.Size
	return nil
}
