package upstreams

import (
	"context"
	"maps"
	"sync"
	"time"

	"slipway/registry"
)

// Bounds of asking for the dates of versions, of a document that has none.
const (
	maxDated    = 20 // versions, the newest ones
	datedAtOnce = 5
	datedWait   = 5 * time.Second
)

// dated returns a copy of what is known of a package with the dates of its newest versions; nil: there is nothing to add. They are asked for
// where a minimum age counts, and once: they are those of files that do not change. A package that has not changed for so long has no version
// that is too young. f is what came of a refresh, prev what was known before; where f replaces that, it gets the dates itself.
func (s *Upstreams) dated(ctx context.Context, r *remote, at registry.Name, f *fetched, prev *index, failed error) *index {
	source, ok := r.source.(Dated)
	if !ok || failed != nil {
		return nil
	}
	x := prev
	if f != nil {
		x = f.index
	}
	minimum := s.minimumAge(ctx, r, at)
	if x == nil || minimum == 0 || !x.UpdatedAt.IsZero() && s.core.Now().Sub(x.UpdatedAt) > minimum {
		return nil
	}
	dates := s.askDates(ctx, r, at, source, x)
	if len(dates) == 0 {
		return nil
	}
	maps.Copy(dates, x.dates)
	if f != nil {
		f.index.dates = dates
	}
	if prev == nil {
		return nil
	}
	y := *prev
	y.dates, y.revision = dates, revisions.Add(1) // documents that were made of it are made anew
	y.listing.Package.Revision = y.revision
	return &y
}

// askDates asks for the dates of the newest versions that have none. What can't be had is left out.
func (s *Upstreams) askDates(ctx context.Context, r *remote, at registry.Name, source Dated, x *index) map[string]time.Time {
	ctx, cancel := context.WithTimeout(ctx, datedWait)
	defer cancel()
	var (
		mu    sync.Mutex
		out   = map[string]time.Time{}
		tasks sync.WaitGroup
		room  = make(chan struct{}, datedAtOnce)
	)
	for i := len(x.Versions) - 1; i >= max(0, len(x.Versions)-maxDated); i-- {
		name := x.Versions[i].Name
		if _, known := x.dates[name]; known || !x.firstSeen(name, "").IsZero() {
			continue
		}
		room <- struct{}{}
		tasks.Go(func() {
			defer func() { <-room }()
			c := at.At(name)
			told, err := r.headSize(ctx, c, source.DatedBy(c), nil)
			if err != nil || told.modified.IsZero() {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			out[name] = told.modified
		})
	}
	tasks.Wait()
	return out
}
