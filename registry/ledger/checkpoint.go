package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// SignEvery signs a new checkpoint whenever the log has grown, at most once per interval, until ctx ends; a failure is retried
// after the interval. The caller took grown from Core.Grown before the newest checkpoint was made.
func (s *Ledger) SignEvery(ctx context.Context, grown <-chan struct{}, interval time.Duration) {
	now := make(chan struct{})
	close(now)
	for {
		select {
		case <-grown:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return
		}
		grown = s.core.Grown()
		if err := s.SignCheckpoint(ctx); err != nil && ctx.Err() == nil {
			s.core.Log.ErrorContext(ctx, "sign the log's checkpoint", "error", err)
			grown = now
		}
	}
}

// SignCheckpoint stores a signed statement of the log's size and root if it has grown since the last one.
func (s *Ledger) SignCheckpoint(ctx context.Context) error {
	var size int64
	var signed []byte
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if size, err = tx.Log().LogSize(); err != nil {
			return err
		}
		last, err := tx.Log().Checkpoint()
		if err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		if err == nil && last.Size > size {
			return fmt.Errorf("the log has %d entries, but %d were signed before: it was cut, or an old backup was restored", size, last.Size)
		}
		if err == nil && last.Size == size && s.signedByUs(last.Note) {
			return nil
		}
		signed, err = s.sign(tx.Log(), size)
		return err
	})
	if err != nil || signed == nil {
		return err
	}
	s.logSize.Set(float64(size))
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		return tx.Log().PutCheckpoint(registry.Checkpoint{Size: size, Note: signed, SignedAt: tx.Now()})
	})
}

func (s *Ledger) signedByUs(signed []byte) bool {
	v, err := note.NewVerifier(s.core.Verifier)
	if err != nil {
		return false
	}
	_, err = note.Open(signed, note.VerifierList(v))
	return err == nil
}

// sign makes the checkpoint of the first size entries (C2SP tlog-checkpoint).
func (s *Ledger) sign(log metadata.Log, size int64) ([]byte, error) {
	root, err := tlog.TreeHash(size, HashReader(log))
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", s.core.Signer.Name(), size, root)}, s.core.Signer)
}

func HashReader(log metadata.Log) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		raw, err := log.LogHashes(indexes)
		out := make([]tlog.Hash, len(raw))
		for i := range raw {
			out[i] = raw[i]
		}
		return out, err
	})
}

// LogCheckpoint returns the newest signed checkpoint. Every caller who may read some repository may read it.
func (s *Ledger) LogCheckpoint(ctx context.Context) (registry.Checkpoint, error) {
	var c registry.Checkpoint
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if _, err := s.core.Readable(tx.Repositories(), access.From(ctx)); err != nil {
			return err
		}
		c, err = tx.Log().Checkpoint()
		return err
	})
	return c, err
}

// LogTile returns the hashes of a tile (C2SP tlog-tiles: 32 bytes each), or NotFound where the log is not that large.
func (s *Ledger) LogTile(ctx context.Context, t tlog.Tile) ([]byte, error) {
	var data []byte
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		if _, err := s.core.Readable(tx.Repositories(), access.From(ctx)); err != nil {
			return err
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		// The comparison counts complete subtrees at the tile's level, so it can't overflow.
		if complete := size >> uint(t.L*t.H); t.N > complete || t.N<<uint(t.H)+int64(t.W) > complete {
			return registry.Errorf(registry.NotFound, registry.AboutRequest, "the log is not that large")
		}
		data, err = tlog.ReadTileData(t, HashReader(tx.Log()))
		return err
	})
	return data, err
}

// LogLeaves returns the leaves [from, to) of the log, for entry bundles. The caller must have the right to audit the instance.
func (s *Ledger) LogLeaves(ctx context.Context, from, to int64) ([][]byte, error) {
	if _, err := s.core.Authorize(ctx, access.Audit, access.Instance); err != nil {
		return nil, err
	}
	var out [][]byte
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		entries, err := tx.Log().Entries(metadata.EntryQuery{After: from - 1, Limit: int(to - from)})
		if err != nil {
			return err
		}
		if int64(len(entries)) < to-from {
			return registry.Errorf(registry.NotFound, registry.AboutRequest, "the log is not that large")
		}
		for _, e := range entries {
			out = append(out, e.Leaf())
		}
		return nil
	})
	return out, err
}

// Proof shows that an entry is in the log.
type Proof struct {
	Seq        int64
	Leaf       []byte
	Hashes     []tlog.Hash
	Checkpoint registry.Checkpoint
}

// LogProof proves an entry that the caller may see, against the newest checkpoint. NotFound: there is no such entry, or no
// checkpoint covers it yet.
func (s *Ledger) LogProof(ctx context.Context, seq int64) (Proof, error) {
	actor := access.From(ctx)
	p := Proof{Seq: seq}
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		q := metadata.EntryQuery{After: seq - 1, Limit: 1}
		if access.Decide(actor, access.Audit, access.Instance) != access.Allow {
			ids, err := s.core.Readable(tx.Repositories(), actor)
			if err != nil {
				return err
			}
			q.Repositories = ids
		}
		entries, err := tx.Log().Entries(q)
		if err != nil {
			return err
		}
		if p.Checkpoint, err = tx.Log().Checkpoint(); err != nil {
			return err
		}
		if len(entries) == 0 || entries[0].Seq != seq || seq >= p.Checkpoint.Size {
			return registry.Errorf(registry.NotFound, registry.AboutRequest, "there is no signed entry %d; the log's newest checkpoint covers %d", seq, p.Checkpoint.Size)
		}
		p.Leaf = entries[0].Leaf()
		p.Hashes, err = tlog.ProveRecord(p.Checkpoint.Size, seq, HashReader(tx.Log()))
		return err
	})
	return p, err
}
