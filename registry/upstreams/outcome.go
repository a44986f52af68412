package upstreams

import (
	"context"
	"fmt"
	"time"

	"slipway/registry"
)

// note tells the answer to the caller, and the metrics, what became of a look-up.
func (s *Upstreams) note(ctx context.Context, format string, kind registry.CacheKind, result registry.CacheResult) {
	s.noted(ctx, format, kind, result, 0)
}

func (s *Upstreams) noted(ctx context.Context, format string, kind registry.CacheKind, result registry.CacheResult, ttl time.Duration) {
	if registry.CacheUseOf(ctx).Note(kind, result, ttl) {
		s.metrics.noted(format, kind, result)
	}
}

// fresh notes that a copy is served, or what a question just told, which is taken to be right until a moment.
func (s *Upstreams) fresh(ctx context.Context, format string, kind registry.CacheKind, result registry.CacheResult, until time.Time) {
	s.noted(ctx, format, kind, result, max(1, until.Sub(s.core.Now()))) // 0 would say that it never changes
}

// stale notes that a copy is served which the remote could have changed since: it was right until a moment, zero if that is not known. Users of
// images are warned, as their clients print that.
func (s *Upstreams) stale(ctx context.Context, r *remote, kind registry.CacheKind, until time.Time) {
	age := time.Duration(0)
	if !until.IsZero() {
		age = max(0, s.core.Now().Sub(until))
	}
	s.noted(ctx, r.Format, kind, registry.CacheStale, -age)
	if r.images != nil {
		registry.CacheUseOf(ctx).Warn(fmt.Sprintf("upstream %s can't be asked now: this is what it had before", r.Name))
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
func (s *Upstreams) failed(ctx context.Context, format string, kind registry.CacheKind, err error) {
	switch registry.KindOf(err) {
	case registry.NotFound:
		s.note(ctx, format, kind, registry.CacheMiss) // the remote was asked, and has no such thing
	case registry.Blocked:
		s.note(ctx, format, kind, registry.CacheBlocked)
	case registry.Unauthenticated, registry.Denied:
	default:
		s.note(ctx, format, kind, registry.CacheFailed)
	}
}

// arrived notes what a transfer came to, of which a caller was the first reader or joined others.
func (s *Upstreams) arrived(ctx context.Context, format string, joined bool, err error) {
	switch {
	case err != nil:
		s.failed(ctx, format, registry.CacheFile, err)
	case joined:
		s.note(ctx, format, registry.CacheFile, registry.CacheJoined)
	default:
		s.note(ctx, format, registry.CacheFile, registry.CacheMiss)
	}
}
