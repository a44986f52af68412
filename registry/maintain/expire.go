package maintain

import (
	"context"
	"time"

	"slipway/metadata"
)

// expire drops leases that have run out, and forgets removals of long ago.
func (c *collection) expire(ctx context.Context) error {
	if err := c.inBatches(ctx, func(tx metadata.Tx) (int64, error) { return tx.Leases().ExpireLeases(gcBatch) }); err != nil {
		return err
	}
	return c.inBatches(ctx, func(tx metadata.Tx) (int64, error) {
		return tx.Collection().ForgetCollected(tx.Now().Add(-collectedMemory), gcBatch)
	})
}

// inBatches runs drop, which drops at most gcBatch rows and returns their number, in a transaction each until none is left.
func (c *collection) inBatches(ctx context.Context, drop func(tx metadata.Tx) (int64, error)) error {
	for n := int64(gcBatch); n == gcBatch; {
		if err := c.core.Update(ctx, func(tx metadata.Tx) (err error) {
			n, err = drop(tx)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// forgotten is the moment before which versions must have been deleted to be restored no more.
func (c *collection) forgotten(tx metadata.Tx) time.Time {
	return tx.Now().Add(-c.opts.DeletedGrace).Add(time.Microsecond) // with grace 0, also versions deleted just now
}

// forgetDeleted drops what is kept of versions that were deleted too long ago to be restored, some files in each transaction.
func (c *collection) forgetDeleted(ctx context.Context) error {
	for more := true; more; {
		if err := c.core.Update(ctx, func(tx metadata.Tx) error {
			list, err := tx.Trash().DiscardedBefore(c.forgotten(tx), forgetBatch)
			if err != nil {
				return err
			}
			left := clearBatch
			for i := 0; i < len(list) && left > 0; i++ {
				for _, take := range []func(int64, int) (int64, error){tx.Trash().MoveFiles, tx.Trash().ForgetFiles} {
					if left > 0 {
						n, err := take(list[i], left)
						if left -= int(n); err != nil {
							return err
						}
					}
				}
			}
			more = left <= 0 || len(list) == forgetBatch
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// dropIndexes drops documents of remotes that were not used for a long time.
func (c *collection) dropIndexes(ctx context.Context) error {
	return c.inBatches(ctx, func(tx metadata.Tx) (int64, error) {
		return tx.Caches().DropIndexes(tx.Now().Add(-unusedIndex), gcBatch)
	})
}
