package maintain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/storage"
)

// A removal is noted, then the bytes go, then the note says so: in between, the bytes can't be published. Where several processes
// share the store, a process that stands still between two steps must not take bytes that were published after another process went
// on in its place. So its request to the store is prepared before the note and has no effect later than removalTime, and another
// process takes a note only when it is takeoverTime old. Both clocks are the store's and the database's; the difference of the two
// times covers what they may be apart.
const (
	removalTime  = 10 * time.Second
	takeoverTime = 30 * time.Second
)

// prepare returns a removal of the bytes of a digest.
func (s *Maintainer) prepare(ctx context.Context, d digest.Digest) (func(ctx context.Context) error, error) {
	if s.core.Store.Exclusive() {
		return func(ctx context.Context) error { return s.core.Blobs.Delete(ctx, d) }, nil
	}
	fencer, ok := s.core.Blobs.(storage.Fencer)
	if !ok {
		return nil, errors.New("registry: blobs in a store of one process are not collected while several processes use the database")
	}
	return fencer.Removal(ctx, d, removalTime)
}

// condemn removes the bytes of a digest if note notes it as collected.
func (s *Maintainer) condemn(ctx context.Context, d digest.Digest, note func(tx metadata.Tx) (bool, error)) (dead bool, err error) {
	remove, err := s.prepare(ctx, d)
	if err != nil {
		return false, fmt.Errorf("remove %s: %w", d, err)
	}
	var since time.Time
	if err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		since = tx.Now()
		dead, err = note(tx)
		return err
	}); err != nil || !dead {
		return false, err
	}
	if err := remove(ctx); err != nil {
		return true, fmt.Errorf("remove %s: %w", d, err)
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error { return tx.Collection().CollectedDone(d, since) })
	if errors.Is(err, metadata.ErrNotExist) {
		return true, nil // another process has taken the note, and removes the bytes again
	}
	return true, err
}

// FinishCollection removes the bytes that a crash or a failing store left condemned: until then they can't be published. It leaves
// those whose removal may still be under way in another process, and returns when the first of them can be taken; the zero time: there
// are none.
func (s *Maintainer) FinishCollection(ctx context.Context) (next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finishCollection(ctx)
}

// finishCollection is FinishCollection with mu held, so that this process runs no other removal at the same time.
func (s *Maintainer) finishCollection(ctx context.Context) (next time.Time, err error) {
	var pending []metadata.Collected
	var now time.Time
	if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		now = tx.Now()
		pending, err = tx.Collection().CollectedPending()
		return err
	}); err != nil {
		return next, err
	}
	for _, p := range pending {
		if ripe := p.At.Add(takeoverTime); !s.core.Store.Exclusive() && now.Before(ripe) {
			if next.IsZero() || ripe.Before(next) {
				next = ripe
			}
			continue
		}
		if _, err := s.condemn(ctx, p.Digest, func(tx metadata.Tx) (bool, error) { return tx.Collection().TakeCollected(p.Digest, p.At) }); err != nil {
			return next, err
		}
	}
	return next, nil
}

// finishAll is FinishCollection until no removal is left over.
func (s *Maintainer) finishAll(ctx context.Context) error {
	for {
		next, err := s.FinishCollection(ctx)
		if err != nil || next.IsZero() {
			return err
		}
		select {
		case <-time.After(max(next.Sub(s.core.Now()), time.Second)):
		case <-ctx.Done():
			return nil
		}
	}
}

// dropRow removes a broken blob that nothing needs, by the collector's own steps.
func (f *fsck) dropRow(ctx context.Context, b registry.Blob, problem string) error {
	dead, err := f.condemn(ctx, b.Digest, func(tx metadata.Tx) (bool, error) { return tx.Collection().Condemn(b, tx.Now().Add(1)) })
	if err == nil && dead {
		f.repaired("blob", "%s %s; nothing needed it, it is forgotten", b.Digest, problem)
	}
	return err
}
