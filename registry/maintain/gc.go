package maintain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/ctxgrace"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/storage"
)

// Bounds of a collection.
const (
	gcBatch = 500
	// forgetBatch is how many deleted versions one transaction forgets.
	forgetBatch = 100
	// orphanGrace is how long bytes without a row stay at least, whatever the grace period: they may belong to a publish that
	// is not committed yet.
	orphanGrace = time.Hour
	// gcMaxShare is the share of all blobs that one run may remove unless it is forced: a larger share looks like a fault in
	// the metadata or in the store's listing rather than garbage.
	gcMaxShare = 0.20
	// gcFreeBlobs is how many blobs a run may always remove: a share of few blobs means nothing.
	gcFreeBlobs = 100
	// collectedMemory is how long a removal is remembered, longer than any publish takes.
	collectedMemory = 7 * 24 * time.Hour
	// unusedIndex is how long what a remote says of a package is kept after its last use.
	unusedIndex = 30 * 24 * time.Hour
)

// CollectOptions say how a collection runs.
type CollectOptions struct {
	Grace time.Duration // blobs that lost their last use less than this long ago stay
	// DeletedGrace is how long deleted versions can be restored: until then their blobs stay.
	DeletedGrace time.Duration
	Force        bool // also where it would remove more than a fifth of all blobs, or the store lists none
	DryRun       bool
}

// CollectReport is what a collection did, or with DryRun would do.
type CollectReport struct {
	Blobs         int64 `json:"blobs"`
	Bytes         int64 `json:"bytes"`
	Orphans       int64 `json:"orphans"` // bytes without a row
	OrphanBytes   int64 `json:"orphan_bytes"`
	Uploads       int64 `json:"uploads"` // unfinished and too old
	StillNeeded   int64 `json:"still_needed"`
	DryRun        bool  `json:"dry_run"`
	DurationMilli int64 `json:"duration_ms"`
	// With DryRun, why the other blobs stay: something uses them; only a deleted version or repository that can be restored does;
	// their last use ended within the grace period.
	InUse           int64 `json:"in_use"`
	InUseBytes      int64 `json:"in_use_bytes"`
	Restorable      int64 `json:"restorable"`
	RestorableBytes int64 `json:"restorable_bytes"`
	Recent          int64 `json:"recent"`
	RecentBytes     int64 `json:"recent_bytes"`
}

// ErrTooMuch: a collection stopped before it removed anything, because it would have removed too large a part.
var ErrTooMuch = errors.New("registry: the collection would remove more than a fifth of all blobs; nothing was removed")

// ErrNothingListed: a collection stopped before it removed anything, because the store lists no blob although it must hold
// some.
var ErrNothingListed = errors.New("registry: the store lists no blobs, although there are some; nothing was removed")

// Collect removes the bytes that nothing needs: no file, no lease, unused for the grace period. It runs beside all other work:
// each blob is condemned in a transaction that checks again that nothing needs it, and a publish that stores the same bytes
// meanwhile notices. The caller must administer the instance. ErrTooMuch, ErrNothingListed (both Conflict).
func (s *Maintainer) Collect(ctx context.Context, o CollectOptions) (CollectReport, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return CollectReport{}, err
	}
	return s.collect(ctx, o)
}

func (s *Maintainer) collect(ctx context.Context, o CollectOptions) (CollectReport, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	start := time.Now()
	c := collection{Maintainer: s, opts: o, report: CollectReport{DryRun: o.DryRun}}
	err := c.run(ctx)
	c.report.DurationMilli = time.Since(start).Milliseconds()
	s.collected.blobs.Add(float64(c.report.Blobs + c.report.Orphans))
	s.collected.bytes.Add(float64(c.report.Bytes + c.report.OrphanBytes))
	for _, stop := range []error{ErrTooMuch, ErrNothingListed} {
		if errors.Is(err, stop) {
			err = &registry.Error{Kind: registry.Conflict, Detail: stop.Error() + "; look with fsck, then force it", Err: err}
		}
	}
	return c.report, err
}

// CollectEvery collects after each interval, 0 never, until ctx ends or a collection fails: the bytes that the failed one left
// condemned can't be published until FinishCollection has run, so it should run soon. It begins with what other processes left.
func (s *Maintainer) CollectEvery(ctx context.Context, interval time.Duration) error {
	if !s.core.Store.Exclusive() {
		if err := s.finishAll(ctx); err != nil {
			return err
		}
	}
	if interval == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	next := func() { s.change(func() { s.runs.next = s.core.Now().Add(interval) }) }
	next()
	defer s.change(func() { s.runs.next = time.Time{} })
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		next()
		o := CollectOptions{Grace: s.grace.Blobs, DeletedGrace: s.grace.Deleted}
		run, err := s.begin(ctx, RunCollect)
		if err != nil {
			continue // one runs that a caller has begun
		}
		report, err := s.collectRun(ctx, run, o)
		if report.Blobs+report.Orphans+report.Uploads > 0 {
			s.core.Log.InfoContext(ctx, "collected unused blobs", "blobs", report.Blobs, "bytes", report.Bytes,
				"orphans", report.Orphans, "uploads", report.Uploads)
		}
		if err != nil {
			return fmt.Errorf("collect unused blobs: %w", err)
		}
	}
}

// collection is one run.
type collection struct {
	*Maintainer
	opts   CollectOptions
	report CollectReport
}

func (c *collection) run(ctx context.Context) error {
	if !c.opts.DryRun {
		if _, err := c.finishCollection(ctx); err != nil {
			return err
		}
		if err := c.FinishDeletions(ctx); err != nil {
			return err
		}
		if err := errors.Join(c.forgetDeleted(ctx), c.dropIndexes(ctx)); err != nil {
			return err
		}
	}
	guarded := !c.opts.Force && !c.opts.DryRun
	var orphans []storage.Blob
	if guarded {
		var err error
		if orphans, err = c.refuseMassDeletion(ctx); err != nil {
			return err
		}
	}
	if !c.opts.DryRun {
		var err error
		if c.report.Uploads, err = c.content.SweepUploads(ctx); err != nil {
			return err
		}
		if err := c.staging.DropIdle(ctx); err != nil {
			return err
		}
		if err := c.expire(ctx); err != nil {
			return err
		}
	}
	if err := c.unreferenced(ctx, c.remove); err != nil {
		return err
	}
	if c.opts.DryRun {
		if err := c.explain(ctx); err != nil {
			return err
		}
	}
	if !guarded {
		return c.orphans(ctx, func(b storage.Blob) error { return c.orphan(ctx, b) })
	}
	for _, b := range orphans {
		if err := c.orphan(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// explain counts the blobs that stay, by what keeps them.
func (c *collection) explain(ctx context.Context) error {
	free := func(o CollectOptions) (blobs, bytes int64, err error) {
		other := collection{Maintainer: c.Maintainer, opts: o}
		err = other.unreferenced(ctx, func(_ context.Context, b registry.Blob, _ time.Time) error {
			blobs, bytes = blobs+1, bytes+b.Size
			return nil
		})
		return blobs, bytes, err
	}
	all, allBytes, err := c.rows(ctx)
	if err != nil {
		return err
	}
	atOnce, atOnceBytes, err := free(CollectOptions{DeletedGrace: c.opts.DeletedGrace})
	if err != nil {
		return err
	}
	ever, everBytes, err := free(CollectOptions{})
	if err != nil {
		return err
	}
	r := &c.report // others write meanwhile, so a difference may come out below zero
	r.InUse, r.InUseBytes = max(0, all-ever), max(0, allBytes-everBytes)
	r.Restorable, r.RestorableBytes = max(0, ever-atOnce), max(0, everBytes-atOnceBytes)
	r.Recent, r.RecentBytes = max(0, atOnce-r.Blobs), max(0, atOnceBytes-r.Bytes)
	return nil
}

// refuseMassDeletion counts, before anything is removed, the blobs that nothing needs and the bytes without a row: with a
// database that does not belong to the store, all bytes are without a row. It returns the bytes without a row.
func (c *collection) refuseMassDeletion(ctx context.Context) ([]storage.Blob, error) {
	var dead int64
	if err := c.unreferenced(ctx, func(context.Context, registry.Blob, time.Time) error { dead++; return nil }); err != nil {
		return nil, err
	}
	rows := int64(-1) // counted when first needed
	tooMuch := func(orphans int64) (bool, error) {
		if dead+orphans <= gcFreeBlobs {
			return false, nil
		}
		if rows < 0 {
			var err error
			if rows, _, err = c.rows(ctx); err != nil {
				return false, err
			}
		}
		return float64(dead+orphans) > gcMaxShare*float64(rows+orphans), nil
	}
	if stop, err := tooMuch(0); stop || err != nil {
		return nil, errors.Join(err, when(stop, ErrTooMuch))
	}
	listed := false
	var orphans []storage.Blob
	for b, err := range c.core.Blobs.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		listed = true
		if is, err := c.isOrphan(ctx, b); err != nil {
			return nil, err
		} else if !is {
			continue
		}
		orphans = append(orphans, b)
		// Checked for each orphan, so that the list never grows far beyond what the number of rows allows.
		if stop, err := tooMuch(int64(len(orphans))); stop || err != nil {
			return nil, errors.Join(err, when(stop, ErrTooMuch))
		}
	}
	if listed {
		return orphans, nil
	}
	var some []registry.Blob
	err := c.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		some, err = tx.Blobs().BlobList("", 1)
		return err
	})
	return nil, errors.Join(err, when(len(some) > 0, ErrNothingListed))
}

func when(is bool, err error) error {
	if is {
		return err
	}
	return nil
}

// rows counts the blobs in the metadata, and their bytes.
func (c *collection) rows(ctx context.Context) (total, bytes int64, err error) {
	after := digest.Digest("")
	for {
		var page []registry.Blob
		if err := c.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			page, err = tx.Blobs().BlobList(after, registry.MaxPage)
			return err
		}); err != nil {
			return 0, 0, err
		}
		for _, b := range page {
			total, bytes = total+1, bytes+b.Size
		}
		if len(page) < registry.MaxPage {
			return total, bytes, nil
		}
		after = page[len(page)-1].Digest
	}
}

// unreferenced calls fn for every blob that nothing needs.
func (c *collection) unreferenced(ctx context.Context, fn func(context.Context, registry.Blob, time.Time) error) error {
	var last int64
	for {
		var page []registry.Blob
		var before time.Time
		if err := c.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			before = tx.Now().Add(-c.opts.Grace).Add(time.Microsecond) // with grace 0, also blobs released just now
			page, err = tx.Collection().Unreferenced(before, c.forgotten(tx), last, gcBatch)
			return err
		}); err != nil {
			return err
		}
		for _, b := range page {
			last = b.ID
			if err := fn(ctx, b, before); err != nil {
				return err
			}
		}
		if len(page) < gcBatch {
			return nil
		}
	}
}

// remove removes one blob: it checks the blob again and condemns it, then removes the bytes.
func (c *collection) remove(ctx context.Context, b registry.Blob, before time.Time) error {
	if !c.opts.DryRun {
		dead, err := c.take(ctx, b.Digest, func(tx metadata.Tx) (bool, error) { return tx.Collection().Condemn(b, before) })
		if err != nil {
			return err
		}
		if !dead {
			c.report.StillNeeded++
			return nil
		}
	}
	c.report.Blobs++
	c.report.Bytes += b.Size
	return nil
}

// take removes the bytes of a digest if condemn returns true. Condemned bytes can't be published until their removal is
// recorded, so a removal that has begun goes on for a while after ctx is done.
func (c *collection) take(ctx context.Context, d digest.Digest, condemn func(tx metadata.Tx) (bool, error)) (dead bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	ctx, cancel := ctxgrace.Extend(ctx, content.KeepTimeout)
	defer cancel()
	return c.condemn(ctx, d, condemn)
}
