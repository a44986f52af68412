package upstreams

import (
	"context"
	"fmt"
	"time"

	"slipway/registry"
)

// note tells the answer to the caller, and the metrics, what became of a look-up.
func (s *Upstreams) note(ctx context.Context, kind registry.CacheKind, result registry.CacheResult) {
	registry.CacheUseOf(ctx).Note(kind, result, 0)
}

// stale notes that a copy is served which the remote could have changed since: it was right until a moment, zero if that is not known. Users of
// images are warned, as their clients print that.
func (s *Upstreams) stale(ctx context.Context, r *remote, kind registry.CacheKind, until time.Time) {
	use := registry.CacheUseOf(ctx)
	age := time.Duration(0)
	if !until.IsZero() {
		age = max(0, s.core.Now().Sub(until))
	}
	use.Note(kind, registry.CacheStale, -age)
	if r.images != nil {
		use.Warn(fmt.Sprintf("upstream %s can't be asked now: this is what it had before", r.Name))
	}
}

// staleAt is stale of what a place says that did not say it now; nil: there is none.
func (s *Upstreams) staleAt(ctx context.Context, p *place, kind registry.CacheKind) {
	if p == nil {
		return
	}
	if r, err := s.remoteOf(*p); err == nil {
		s.stale(ctx, r, kind, time.Time{})
	}
}

// failed notes that a look-up ended with an error.
func (s *Upstreams) failed(ctx context.Context, kind registry.CacheKind, err error) {
	switch registry.KindOf(err) {
	case registry.NotFound:
		s.note(ctx, kind, registry.CacheMiss) // the remote was asked, and has no such thing
	case registry.Blocked:
		s.note(ctx, kind, registry.CacheBlocked)
	case registry.Unauthenticated, registry.Denied:
	default:
		s.note(ctx, kind, registry.CacheFailed)
	}
}

// arrived notes what a transfer came to, of which a caller was the first reader or joined others.
func (s *Upstreams) arrived(ctx context.Context, joined bool, err error) {
	switch {
	case err != nil:
		s.failed(ctx, registry.CacheFile, err)
	case joined:
		s.note(ctx, registry.CacheFile, registry.CacheJoined)
	default:
		s.note(ctx, registry.CacheFile, registry.CacheMiss)
	}
}
