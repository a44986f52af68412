package ledger

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// EventQuery selects events after a sequence number.
type EventQuery struct {
	After int64         // -1: from the start
	Types []string      // globs, each of which must match a type; prefix and suffix may be left out
	Limit int           // at most MaxPage
	Wait  time.Duration // how long to wait while there is no event
	// Filter is not in the index, unlike the types: a query costs as many entries as it looks through.
	Filter EventFilter
}

// Events returns the events that the caller may see: those of repositories it may read, and those of the whole instance if it
// may audit it. With Wait it blocks until there is an event or the time is over. next is the After of the next query: it also
// moves past events that the caller may not see. Invalid: a glob matches no type.
func (s *Ledger) Events(ctx context.Context, q EventQuery) (events []registry.Event, next int64, err error) {
	if q.Types, err = registry.ShortTypes(q.Types, registry.AboutRequest); err != nil {
		return nil, q.After, err
	}
	if q.Limit <= 0 || q.Limit > registry.MaxPage {
		q.Limit = registry.MaxPage
	}
	deadline := time.NewTimer(q.Wait)
	defer deadline.Stop()
	for {
		grown := s.core.Grown() // before lookThrough, so that no entry is missed in between
		events, next, err = s.lookThrough(ctx, q)
		if err != nil || len(events) > 0 || q.Wait <= 0 {
			return events, next, err
		}
		q.After = next
		select {
		case <-grown:
		case <-deadline.C:
			return nil, next, nil
		case <-ctx.Done():
			return nil, next, registry.AsError(ctx.Err())
		}
	}
}

// logWindow is how many entries one transaction filters, so that it lasts milliseconds.
const logWindow = 20_000

// lookThrough returns the matching events up to the end of the log, or to the limit.
func (s *Ledger) lookThrough(ctx context.Context, q EventQuery) (events []registry.Event, next int64, err error) {
	for next = q.After; ; {
		var some []registry.Event
		var end bool
		rest := q
		rest.After, rest.Limit = next, q.Limit-len(events)
		if some, next, end, err = s.window(ctx, rest); err != nil {
			return events, next, err
		}
		if events = append(events, some...); end || len(events) >= q.Limit {
			return events, next, nil
		}
	}
}

func (s *Ledger) window(ctx context.Context, q EventQuery) (events []registry.Event, next int64, end bool, err error) {
	actor := access.From(ctx)
	next = q.After
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		mq := metadata.EntryQuery{After: q.After, Before: q.After + 1 + logWindow, Types: q.Types, Limit: q.Limit}
		if access.Decide(actor, access.Audit, access.Instance) != access.Allow {
			ids, err := s.core.Readable(tx.Repositories(), actor)
			if err != nil {
				return err
			}
			mq.Repositories = ids
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		if !q.Filter.Since.IsZero() { // entries before then need not be read
			first, err := tx.Log().SeqAt(q.Filter.Since.Add(-time.Microsecond))
			if err != nil {
				return err
			}
			if first > mq.After {
				mq.After, mq.Before = first, first+1+logWindow
				next = first
			}
		}
		entries, err := tx.Log().Entries(mq)
		if err != nil {
			return err
		}
		for _, e := range entries {
			next = e.Seq
			if !q.Filter.selects(e) {
				continue
			}
			if mq.Repositories != nil {
				if e, err = registry.WithoutOthers(e, readable(tx.Deployments(), mq.Repositories)); err != nil {
					return err
				}
			}
			events = append(events, s.core.Event(e))
		}
		if len(entries) < q.Limit {
			next = max(next, min(size, mq.Before)-1)
		}
		end = next >= size-1
		return nil
	})
	return events, next, end, err
}

// readable reports whether a version in an event is of one of the repositories. It looks at the deployment that brought the
// version: a repository's name may have passed to another repository since.
func readable(deployments metadata.Deployments, repositories []int64) func(registry.EventVersion) (bool, error) {
	return func(v registry.EventVersion) (bool, error) {
		id, err := strconv.ParseInt(v.Deployment, 10, 64)
		if err != nil {
			return false, nil
		}
		d, err := deployments.Deployment(id)
		if errors.Is(err, metadata.ErrNotExist) {
			return false, nil
		}
		return err == nil && slices.Contains(repositories, d.RepositoryID), err
	}
}
