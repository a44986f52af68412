package ledger

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// EventQuery selects events after a sequence number.
type EventQuery struct {
	After int64 // -1: from the start
	// Newest turns the order: After is the entry before which to go on, -1: from the newest, and 0 is the end. Wait does not count.
	Newest bool
	Types  []string      // globs, each of which must match a type; prefix and suffix may be left out
	Limit  int           // at most MaxPage
	Wait   time.Duration // how long to wait while there is no event
	Look   int           // how many entries to look through at most, where nothing finds those that match; 0 and more than the bound are the bound
	// Filter's times bound what is looked through. An index finds the entries of one package and of one repository; other texts are in none.
	Filter EventFilter
}

// Events returns the events that the caller may see: those of repositories it may read, and those of the whole instance if it
// may audit it. With Wait it blocks at the end of the log until there is an event or the time is over. next is the After of the next
// query: it also moves past events that the caller may not see, and a query that looks through much of the log without finding
// enough returns what it has, which may be nothing. The end is where next stays. Invalid: a glob matches no type.
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
		var end bool
		events, next, end, err = s.lookThrough(ctx, q)
		if err != nil || len(events) > 0 || q.Wait <= 0 || q.Newest || !end {
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

const (
	// logWindow is how many entries one transaction filters, so that it lasts milliseconds.
	logWindow = 20_000
	// logRead is how many entries a transaction reads at once to filter them by what they say.
	logRead = 1000
	fewRead = 100
	// maxNamed is how many repositories, which all had one name, are looked up in the index.
	maxNamed = 8
	// logWalk is how many entries one query looks through, so that a filter that selects almost nothing of a long log is answered
	// in about a second.
	logWalk = 200_000
)

// lookThrough returns the matching events up to the end of the log, to the limit, or to the bound of one query.
func (s *Ledger) lookThrough(ctx context.Context, q EventQuery) (events []registry.Event, next int64, end bool, err error) {
	next = q.After
	walk := s.walk
	if q.Look > 0 {
		walk = min(walk, int64(q.Look))
	}
	for walked := int64(0); walked < walk && !end && len(events) < q.Limit; {
		var some []registry.Event
		var n int64
		rest := q
		rest.After, rest.Limit, rest.Look = next, q.Limit-len(events), int(walk-walked)
		if some, n, next, end, err = s.window(ctx, rest); err != nil {
			return events, next, end, err
		}
		events, walked = append(events, some...), walked+n
	}
	return events, next, end, nil
}

// bounds returns the first and the last entry behind q.After that may match by time, with the size of the log. Times ascend, so
// nothing behind last matches either.
func (q EventQuery) bounds(log metadata.Log) (first, last, size int64, err error) {
	if size, err = log.LogSize(); err != nil {
		return 0, 0, 0, err
	}
	first, last = q.After+1, size-1
	if q.Newest {
		if first = 0; q.After >= 0 {
			last = min(last, q.After-1)
		}
	}
	if !q.Filter.Since.IsZero() {
		before, err := log.SeqAt(q.Filter.Since.Add(-time.Microsecond))
		if err != nil {
			return 0, 0, 0, err
		}
		first = max(first, before+1)
	}
	if !q.Filter.Until.IsZero() {
		until, err := log.SeqAt(q.Filter.Until)
		if err != nil {
			return 0, 0, 0, err
		}
		last = min(last, until)
	}
	return first, last, size, nil
}

// end is the After at which nothing is left to look through.
func (q EventQuery) end(size int64) int64 {
	if q.Newest {
		return 0
	}
	return max(q.After, size-1)
}

// narrow makes mq read only entries that may match, as far as an index finds them, and takes the tests out of the filter that they pass
// then. indexed: the others need not be looked through.
func (s *Ledger) narrow(tx metadata.Tx, q *EventQuery, mq *metadata.EntryQuery) (indexed bool, err error) {
	f := &q.Filter
	if f.Repository == "" || isGlob(f.Repository) {
		return false, nil
	}
	if f.Format != "" && f.Package != "" && !isGlob(f.Package) {
		p, err := s.named(tx, *f)
		if err == nil {
			mq.Packages = []int64{p.ID}
			f.Repository, f.Format, f.Package = "", "", ""
			return true, nil
		}
		if !errors.Is(err, metadata.ErrNotExist) {
			return false, err
		}
	}
	ids, err := tx.Repositories().RepositoriesNamed(f.Repository)
	if err != nil {
		return false, err
	}
	if mq.Repositories != nil {
		ids = slices.DeleteFunc(ids, func(id int64) bool { return !slices.Contains(mq.Repositories, id) })
	}
	mq.Repositories = append([]int64{}, ids...)
	return len(q.Types) == 0 && len(ids) <= maxNamed, nil // else it may be much of the log, and little of that is of the types
}

func isGlob(s string) bool { return strings.Contains(s, "*") }

// named is the package that a filter names. metadata.ErrNotExist.
func (s *Ledger) named(tx metadata.Tx, f EventFilter) (registry.Package, error) {
	at, err := s.core.Rules.NameOf(f.Repository, f.Format, f.Package)
	if err != nil {
		return registry.Package{}, metadata.ErrNotExist // no package has such a name
	}
	return tx.Packages().Package(at.Repository, at.Format, at.Package)
}

// span is what one transaction reads of the entries from first to last: all where an index finds them, else a window.
func (s *Ledger) span(mq *metadata.EntryQuery, first, last int64, indexed bool, look int) {
	width := min(s.perWindow, int64(look))
	if indexed {
		width = last - first + 1
	}
	mq.After, mq.Before = first-1, min(first+width, last+1)
	if mq.Newest {
		mq.After, mq.Before = max(first, last+1-width)-1, last+1
	}
}

// window looks through some entries in one transaction, and returns how many besides.
func (s *Ledger) window(ctx context.Context, asked EventQuery) (events []registry.Event, walked, next int64, end bool, err error) {
	actor := access.From(ctx)
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		q := asked
		events, next = nil, q.After
		mq := metadata.EntryQuery{Types: q.Types, Newest: q.Newest}
		if access.Decide(actor, access.Audit, access.Instance) != access.Allow {
			ids, err := s.core.Readable(tx.Repositories(), actor)
			if err != nil {
				return err
			}
			mq.Repositories = ids
		}
		sees := mq.Repositories
		indexed, err := s.narrow(tx, &q, &mq)
		if err != nil {
			return err
		}
		first, last, size, err := q.bounds(tx.Log())
		if err != nil {
			return err
		}
		if end = first > last; end {
			next = q.end(size)
			return nil
		}
		s.span(&mq, first, last, indexed, q.Look)
		if mq.Limit = q.Limit; q.Filter.reads() {
			mq.Limit = max(q.Limit, min(logRead, q.Look))
			if indexed { // most of them match
				mq.Limit = max(q.Limit, min(fewRead, q.Look))
			}
		}
		entries, err := tx.Log().Entries(mq)
		if err != nil {
			return err
		}
		if events, next, err = s.matching(tx, q, sees, entries); err != nil {
			return err
		}
		if len(entries) < mq.Limit && len(events) < q.Limit {
			next = mq.Before - 1
			if q.Newest {
				next = mq.After + 1
			}
		}
		if walked, end = next-mq.After, next >= last; q.Newest {
			walked, end = mq.Before-next, next <= first
		}
		if indexed {
			walked = int64(len(entries))
		}
		if end {
			next = q.end(size)
		}
		return nil
	})
	return events, walked, next, end, err
}

// matching are the events of those entries that the filter selects, up to the limit, as a caller sees them who may read some repositories,
// nil: all. next is the last entry that was looked at.
func (s *Ledger) matching(tx metadata.Tx, q EventQuery, sees []int64, entries []metadata.Entry) (events []registry.Event, next int64, err error) {
	next = q.After
	for _, e := range entries {
		next = e.Seq
		if !q.Filter.selects(e) {
			continue
		}
		if sees != nil {
			if e, err = registry.WithoutOthers(e, readable(tx.Deployments(), sees)); err != nil {
				return events, next, err
			}
		}
		if events = append(events, s.core.Event(e)); len(events) == q.Limit {
			break
		}
	}
	return events, next, nil
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
