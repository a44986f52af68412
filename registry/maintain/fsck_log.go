package maintain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/ledger"
)

// viewTime is after what time a view of the database ends, and the next one begins: the database keeps what changes meanwhile for as long.
var viewTime = 30 * time.Second

// log walks the log. It checks numbers, payload hashes, the Merkle tree and the checkpoint, and replays the entries for state.
func (f *fsck) log(ctx context.Context) error {
	return f.view(ctx, func(tx metadata.Tx) error {
		c, err := tx.Log().Checkpoint()
		if errors.Is(err, metadata.ErrNotExist) {
			err = nil
		}
		if err == nil {
			f.sum.Entries = f.next
			err = f.checkpoint(tx.Log(), c, f.next)
		}
		return err
	})
}

// view runs fn over one state of the database, up to which the log was walked.
func (f *fsck) view(ctx context.Context, fn func(tx metadata.Tx) error) error {
	for whole := false; !whole; {
		if err := f.store.View(ctx, func(tx metadata.Tx) (err error) {
			if whole, err = f.walk(tx.Log(), time.Now().Add(viewTime)); err != nil || !whole {
				return err
			}
			return fn(tx)
		}); err != nil {
			return err
		}
	}
	return nil
}

// walk walks the log up to its end, which it reports, or until the given time.
func (f *fsck) walk(log metadata.Log, until time.Time) (whole bool, err error) {
	for {
		page, err := log.Entries(metadata.EntryQuery{After: f.next - 1, Limit: registry.MaxPage})
		if err != nil {
			return false, err
		}
		for _, e := range page {
			if e.Seq != f.next {
				f.wrong("log", "entry %d follows %d: there is a gap", e.Seq, f.next-1)
			}
			f.next = e.Seq + 1
			f.entry(e)
		}
		if err := f.tree.page(log, page, f); err != nil {
			return false, err
		}
		if len(page) < registry.MaxPage {
			return true, nil
		}
		if time.Now().After(until) {
			return false, nil
		}
	}
}

// entry checks one entry's type and payload, and replays it.
func (f *fsck) entry(e registry.Entry) {
	t, known := registry.EventTypeNamed(e.Type)
	if !known {
		f.wrong("log", "entry %d has the type %q, which this version of Slipway does not know", e.Seq, e.Type)
	}
	if e.Data == nil {
		f.note("log", "the payload of entry %d was erased", e.Seq)
		return
	}
	if !bytes.Equal(metadata.HashData(e.Salt, e.Data), e.DataHash) {
		f.wrong("log", "the payload of entry %d is not what the entry commits to", e.Seq)
	}
	var data registry.EventData
	if err := json.Unmarshal(e.Data, &data); err != nil {
		f.wrong("log", "the payload of entry %d can't be read: %v", e.Seq, err)
		return
	}
	if !known {
		return
	}
	if err := replays[t](&f.replay, e, data); err != nil {
		f.wrong("log", "entry %d (%s) can't be replayed: %v", e.Seq, e.Type, err)
	}
}

// treeCheck recomputes the Merkle hashes from the leaves and compares them with the stored ones.
type treeCheck struct {
	known map[int64]tlog.Hash // the newest computed hash of each level, by stored index
}

func (t *treeCheck) page(log metadata.Log, page []registry.Entry, f *fsck) error {
	if len(page) == 0 {
		return nil
	}
	first := tlog.StoredHashIndex(0, page[0].Seq)
	var computed []tlog.Hash
	for _, e := range page {
		hs, err := tlog.StoredHashes(e.Seq, e.Leaf(), tlog.HashReaderFunc(t.read))
		if err != nil {
			return fmt.Errorf("hash entry %d: %w", e.Seq, err)
		}
		at := tlog.StoredHashIndex(0, e.Seq)
		for i, h := range hs {
			t.known[at+int64(i)] = h
		}
		computed = append(computed, hs...)
	}
	indexes := make([]int64, len(computed))
	for i := range indexes {
		indexes[i] = first + int64(i)
	}
	stored, err := log.LogHashes(indexes)
	if err != nil {
		return err
	}
	for i := range computed {
		if tlog.Hash(stored[i]) != computed[i] {
			level, n := tlog.SplitStoredHashIndex(indexes[i])
			f.wrong("log", "stored hash %d (level %d, number %d) is not that of the entries below it", indexes[i], level, n)
			break
		}
	}
	return t.forget(page[len(page)-1].Seq + 1)
}

func (t *treeCheck) read(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		h, ok := t.known[at]
		if !ok {
			return nil, fmt.Errorf("hash %d was not computed", at)
		}
		out[i] = h
	}
	return out, nil
}

// forget keeps only the roots of the complete subtrees of a log of the given size, from which later hashes are made.
func (t *treeCheck) forget(size int64) error {
	keep := map[int64]tlog.Hash{}
	var done int64
	for level := 62; level >= 0; level-- {
		if size&(1<<uint(level)) == 0 {
			continue
		}
		at := tlog.StoredHashIndex(level, done>>uint(level))
		h, ok := t.known[at]
		if !ok {
			return fmt.Errorf("hash %d was not computed", at)
		}
		keep[at] = h
		done += 1 << uint(level)
	}
	t.known = keep
	return nil
}

// checkpoint checks the newest signed statement against the log.
func (f *fsck) checkpoint(log metadata.Log, c registry.Checkpoint, size int64) error {
	if c.Note == nil {
		return nil
	}
	v, err := note.NewVerifier(f.core.Verifier)
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	n, err := note.Open(c.Note, note.VerifierList(v))
	if err != nil {
		f.wrong("log", "the newest checkpoint is not signed by this log's key: %v", err)
		return nil
	}
	if c.Size > size {
		f.wrong("log", "%d entries were signed, but only %d are there", c.Size, size)
		return nil
	}
	root, err := tlog.TreeHash(c.Size, ledger.HashReader(log))
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s\n%d\n%s\n", v.Name(), c.Size, root); n.Text != want {
		f.wrong("log", "the newest checkpoint states another root than the log has at %d", c.Size)
	}
	return nil
}
