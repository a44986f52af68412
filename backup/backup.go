package backup

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/storage"
)

// maxPasses bounds how often a backup starts again because the collector removed bytes that were still to be copied.
const maxPasses = 10

// Options describe the installation that is backed up. A server may run on it meanwhile.
type Options struct {
	Database metadata.Snapshotter
	Key      []byte        // content of the file of the log's key
	Blobs    storage.Blobs // nil: the snapshot holds database and key alone
	Keep     int           // snapshots that stay, with this one; 0: all
	Verify   bool          // read the bytes that the backup has already, and copy damaged ones again
	// WithoutCached leaves out bytes that registries elsewhere have: restored, they are as after an eviction. Stays names files whose bytes are
	// copied all the same; nil: none.
	WithoutCached bool
	Stays         func(tx metadata.Tx, file metadata.CachedEntry) (bool, error)
	Progress      Progress
}

// Progress receives how much is done, in bytes of the database and then in blobs; one goroutine at a time calls it.
type Progress func(what string, done, total int64)

// Summary counts what a backup holds and what it did.
type Summary struct {
	Snapshot
	Blobs       int64           `json:"blobs"`        // that the snapshot names
	Bytes       int64           `json:"bytes"`        // of them
	Copied      int64           `json:"copied"`       // blobs that were not there before
	CopiedBytes int64           `json:"copied_bytes"` // of them
	LeftOut     int64           `json:"left_out"`     // blobs that registries elsewhere have
	LeftBytes   int64           `json:"left_bytes"`   // of them
	Lost        []digest.Digest `json:"lost"`         // blobs that the installation itself does not have
	Removed     int             `json:"removed"`      // older snapshots
	Freed       int64           `json:"freed"`        // blobs that no snapshot needs any more
}

// Run adds a snapshot to the directory dir. When bytes are Lost, the snapshot holds the rest, and no older snapshot is
// removed. ErrForeign, ErrBusy, metadata.ErrNewer.
func Run(ctx context.Context, dir string, o Options) (sum Summary, err error) {
	t, err := openTarget(dir, o.Key, o.Blobs != nil)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if sum, err = t.take(ctx, o); err != nil || len(sum.Lost) > 0 || o.Keep == 0 {
		return sum, err
	}
	return sum, t.prune(ctx, o, &sum)
}

// take makes the snapshot. Bytes that are gone when their turn comes were removed by the collector if a newer state of the
// database no longer names them. If it still names them, they are lost.
func (t *target) take(ctx context.Context, o Options) (Summary, error) {
	gone := map[digest.Digest]bool{}
	var copied, bytes int64 // by earlier passes
	for range maxPasses {
		sum, err := t.pass(ctx, o)
		if err != nil {
			return sum, errors.Join(err, os.RemoveAll(sum.path()))
		}
		sum.Copied, sum.CopiedBytes = sum.Copied+copied, sum.CopiedBytes+bytes
		if !slices.ContainsFunc(sum.Lost, func(d digest.Digest) bool { return !gone[d] }) {
			sum.Snapshot, err = t.finish(sum.Snapshot)
			return sum, err
		}
		copied, bytes = sum.Copied, sum.CopiedBytes
		for _, d := range sum.Lost {
			gone[d] = true
		}
		if err := os.RemoveAll(sum.path()); err != nil {
			return sum, fmt.Errorf("backup: %w", err)
		}
	}
	return Summary{}, errors.New("backup: bytes are collected faster than they are copied: try again, or with a longer --gc-grace of the server")
}

func (t *target) pass(ctx context.Context, o Options) (sum Summary, err error) {
	sum.Lost = []digest.Digest{}
	if sum.Snapshot, err = t.begin(); err != nil {
		return sum, err
	}
	if err := writeFile(sum.Key(), o.Key); err != nil {
		return sum, err
	}
	progress := func(done, total int64) { o.Progress("database", done, total) }
	if err := o.Database.Snapshot(ctx, sum.Database(), progress); err != nil {
		return sum, err
	}
	db, err := o.Database.OpenSnapshot(sum.Database())
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if sum.Blobs, sum.Bytes, err = count(ctx, db); err != nil {
		return sum, err
	}
	if o.Blobs == nil {
		return sum, sum.describe(ctx, db, o)
	}
	c := copier{from: o.Blobs, to: t.blobs, verify: o.Verify, total: sum.Blobs, progress: o.Progress}
	pick := all
	if o.WithoutCached {
		pick = func(tx metadata.Tx, b metadata.Blob) (bool, error) {
			again, err := o.comesAgain(tx, b)
			if again {
				sum.LeftOut, sum.LeftBytes = sum.LeftOut+1, sum.LeftBytes+b.Size
				c.did(b, skipped)
			}
			return !again, err
		}
	}
	if err := c.run(ctx, some(ctx, db, pick)); err != nil {
		return sum, err
	}
	sum.Copied, sum.CopiedBytes, sum.Lost = c.copied, c.copiedBytes, c.missing
	return sum, sum.describe(ctx, db, o)
}

func count(ctx context.Context, db viewer) (blobs, bytes int64, err error) {
	for b, err := range blobsOf(ctx, db) {
		if err != nil {
			return 0, 0, err
		}
		blobs, bytes = blobs+1, bytes+b.Size
	}
	return blobs, bytes, nil
}

// comesAgain reports whether the bytes need not be copied, as registries elsewhere have them.
func (o Options) comesAgain(tx metadata.Tx, b metadata.Blob) (bool, error) {
	files, err := tx.Evictions().OnlyCached(b.ID)
	if err != nil || len(files) == 0 || o.Stays == nil {
		return len(files) > 0, err
	}
	for _, f := range files {
		if stays, err := o.Stays(tx, f); stays || err != nil {
			return false, err
		}
	}
	return true, nil
}

// viewer is a database.
type viewer interface {
	View(ctx context.Context, fn func(tx metadata.Tx) error) error
}

const pageOfBlobs = 1000

// blobsOf yields all blobs that a database knows, ascending by digest. Blobs that no version needs any more are few.
func blobsOf(ctx context.Context, db viewer) iter.Seq2[metadata.Blob, error] {
	return some(ctx, db, all)
}

// picker chooses blobs.
type picker func(tx metadata.Tx, b metadata.Blob) (bool, error)

func all(metadata.Tx, metadata.Blob) (bool, error) { return true, nil }

// some yields those of blobsOf that are picked.
func some(ctx context.Context, db viewer, pick picker) iter.Seq2[metadata.Blob, error] {
	return func(yield func(metadata.Blob, error) bool) {
		for after := digest.Digest(""); ; {
			var picked []metadata.Blob
			more := false
			err := db.View(ctx, func(tx metadata.Tx) error {
				page, err := tx.Blobs().BlobList(after, pageOfBlobs)
				for _, b := range page {
					yes := false
					if yes, err = pick(tx, b); err != nil {
						return err
					}
					if yes {
						picked = append(picked, b)
					}
					after = b.Digest
				}
				more = len(page) == pageOfBlobs
				return err
			})
			if err != nil {
				yield(metadata.Blob{}, err)
				return
			}
			for _, b := range picked {
				if !yield(b, nil) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

// prune removes all but the newest snapshots, and the bytes that no remaining snapshot names.
func (t *target) prune(ctx context.Context, o Options, sum *Summary) error {
	list, err := List(t.dir)
	if err != nil {
		return err
	}
	for len(list) > o.Keep {
		if err := t.remove(list[0]); err != nil {
			return err
		}
		list, sum.Removed = list[1:], sum.Removed+1
	}
	if t.blobs == nil || sum.Removed == 0 {
		return nil
	}
	return t.deleteUnreferenced(ctx, o.Database, list, sum)
}

// deleteUnreferenced walks the stored blobs and the blobs that the snapshots name in parallel: all lists ascend by digest.
func (t *target) deleteUnreferenced(ctx context.Context, database metadata.Snapshotter, list []Snapshot, sum *Summary) error {
	named := make([]func(digest.Digest) (bool, error), len(list))
	for i, s := range list {
		db, err := database.OpenSnapshot(s.Database())
		if err != nil {
			return err
		}
		defer db.Close()
		next, stop := iter.Pull2(blobsOf(ctx, db))
		defer stop()
		named[i] = member(next)
	}
	for b, err := range t.blobs.List(ctx, "") {
		if err != nil {
			return err
		}
		needed := false
		for _, has := range named {
			yes, err := has(b.Digest)
			if err != nil {
				return err
			}
			needed = needed || yes
		}
		if needed {
			continue
		}
		if err := t.blobs.Delete(ctx, b.Digest); err != nil {
			return err
		}
		sum.Freed++
	}
	return nil
}

// member returns a function that reports whether an ascending sequence has a digest; its calls must ascend too.
func member(next func() (metadata.Blob, error, bool)) func(digest.Digest) (bool, error) {
	b, err, more := next()
	return func(d digest.Digest) (bool, error) {
		for more && err == nil && b.Digest < d {
			b, err, more = next()
		}
		return more && b.Digest == d, err
	}
}
