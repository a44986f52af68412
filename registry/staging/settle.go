package staging

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Settling commits areas whose clients do not say when they are complete: an area that Assembler.Settle finds whole is committed
// in its owner's name after some quiet time. The areas are in metadata, so settling continues after a restart or on another
// server.

// Bounds of settling.
const (
	settleBatch  = 1000             // areas on one page of a search
	settleSearch = time.Minute      // between searches for areas that this process has not seen
	sharedSearch = 2 * time.Second  // the same, while other processes get files too
	keepOpen     = time.Second      // between two notes, for other processes, that a file is still coming in
	settleRetry  = 10 * time.Second // after a failure that may be temporary
	settleNever  = Never
)

// settling schedules which areas to check, and when.
type settling struct {
	mu   sync.Mutex
	due  map[string]time.Time // by row of the area
	open map[string]int       // requests that are adding a file
}

// adding marks an area as being added to until the returned function is called.
func (q *settling) adding(row string, now func() time.Time) (done func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open == nil {
		q.open, q.due = map[string]int{}, map[string]time.Time{}
	}
	q.open[row]++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.open[row]--; q.open[row] == 0 {
			delete(q.open, row)
		}
		q.due[row] = now()
	}
}

// at sets the time to check an area again; the zero time drops it until a file is added.
func (q *settling) at(row string, t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.due == nil {
		q.open, q.due = map[string]int{}, map[string]time.Time{}
	}
	if t.IsZero() {
		delete(q.due, row)
		return
	}
	q.due[row] = t
}

// take returns the areas to check now, and drops them from the schedule.
func (q *settling) take(now time.Time) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []string
	for row, t := range q.due {
		if !t.After(now) && q.open[row] == 0 {
			out = append(out, row)
			delete(q.due, row)
		}
	}
	return out
}

// SettleEvery commits the areas that are whole, and looks for them at each interval, until ctx ends.
func (s *Areas) SettleEvery(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var searched, since time.Time
	every := settleSearch
	if !s.core.Store.Exclusive() {
		every = sharedSearch
	}
	for {
		if now := s.core.Now(); now.Sub(searched) >= every {
			searched = now
			since = s.search(ctx, since)
		}
		for _, row := range s.settling.take(s.core.Now()) {
			s.settle(ctx, row)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// keptOpen is the body of a file that comes in. While it does, the area does not count as quiet: requests of this process are known
// to settling, and for other processes the area is noted as changed from time to time.
func (s *Areas) keptOpen(ctx context.Context, row string, r io.Reader) io.Reader {
	if s.core.Store.Exclusive() {
		return r
	}
	return &keptOpen{ctx, s.core, row, r, s.core.Now().Add(keepOpen)}
}

type keptOpen struct {
	ctx  context.Context // of the request whose body it is
	core *registry.Core
	row  string
	r    io.Reader
	next time.Time
}

func (k *keptOpen) Read(p []byte) (int, error) {
	if now := k.core.Now(); now.After(k.next) {
		k.next = now.Add(keepOpen)
		_ = k.core.Update(k.ctx, func(tx metadata.Tx) error { // an area that is not there is not settled; other errors meet the file itself
			set, err := tx.Stagings().Staging(k.row)
			if err == nil {
				_, err = tx.Stagings().TouchStaging(set)
			}
			return err
		})
	}
	return k.r.Read(p)
}

// search finds the areas that got files from another process, or from this one before a restart: those with a file since
// the given time. It returns the time for the next search.
func (s *Areas) search(ctx context.Context, since time.Time) time.Time {
	var began time.Time
	page := metadata.StagingQuery{Open: true, NotScope: publishScope, AfterUpdated: since, Limit: settleBatch}
	for {
		var open []registry.Staging
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			if began.IsZero() {
				began = tx.Now()
			}
			open, err = tx.Stagings().Stagings(page)
			return err
		})
		if err != nil {
			if ctx.Err() == nil {
				s.core.Log.LogAttrs(ctx, slog.LevelError, "search sets of staged files", slog.String("error", err.Error()))
			}
			return since
		}
		for _, set := range open {
			s.settling.at(set.ID, s.core.Now())
			page.AfterUpdated, page.AfterID = set.UpdatedAt, set.ID
		}
		if len(open) < settleBatch {
			return began.Add(-settleSearch) // clocks of replicas differ
		}
	}
}

// settle checks one area and commits it when it is whole and old enough.
func (s *Areas) settle(ctx context.Context, row string) {
	wait, err := s.settleArea(ctx, row)
	switch {
	case err == nil && wait == settleNever:
		s.settling.at(row, time.Time{})
	case err == nil && wait > 0:
		s.settling.at(row, s.core.Now().Add(wait))
	case err == nil || ctx.Err() != nil:
	case registry.KindOf(err) == registry.Internal || registry.KindOf(err) == registry.Unavailable || registry.KindOf(err) == registry.NoSpace:
		s.core.Log.LogAttrs(ctx, slog.LevelError, "commit staged files", slog.String("set", row), slog.String("error", err.Error()))
		s.settling.at(row, s.core.Now().Add(settleRetry))
	default: // the owner gets the error with the next file, or the area is gone
		s.core.Log.LogAttrs(ctx, slog.LevelInfo, "staged files can't be committed", slog.String("set", row), slog.String("error", err.Error()))
	}
}

// settleArea returns how long to wait before the next check; 0 when the area is committed.
func (s *Areas) settleArea(ctx context.Context, row string) (time.Duration, error) {
	owner, key := splitRow(row)
	set, files, err := s.set(ctx, row)
	if err != nil || set.Scope == publishScope || len(files) == 0 {
		return settleNever, ignoreMissing(err)
	}
	assembler := s.assemblers[files[0].Format]
	if assembler == nil {
		return settleNever, nil
	}
	wait, err := assembler.Settle(ctx, s.content.OpenBlob, files)
	if err != nil || wait.After < 0 {
		return settleNever, err
	}
	var idle time.Duration
	if err := s.core.Store.View(ctx, func(tx metadata.Tx) error { idle = tx.Now().Sub(set.UpdatedAt); return nil }); err != nil {
		return 0, err
	}
	if idle < wait.After {
		return wait.After - idle, nil
	}
	actor, err := s.owners.Actor(ctx, owner)
	if errors.Is(err, access.ErrBadCredentials) {
		return settleNever, registry.Errorf(registry.Unauthenticated, registry.AboutToken, "%s, who staged the files, is not valid any more", owner)
	}
	if err != nil {
		return settleNever, err
	}
	ctx = access.With(ctx, actor)
	key.Scope = set.Scope
	_, err = s.Commit(ctx, key, func(files []registry.StagedFile) ([]Release, error) {
		return s.assemble(ctx, key.Repository, files)
	})
	return 0, ignoreMissing(err)
}

// ignoreMissing drops NotFound: another request or process may end an area first.
func ignoreMissing(err error) error {
	if err != nil && registry.KindOf(err) == registry.NotFound {
		return nil
	}
	return err
}
