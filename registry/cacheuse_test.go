package registry_test

import (
	"context"
	"testing"
	"time"

	"slipway/registry"
)

// TestCacheUse: an answer that is looked up in steps says what is worst of them, and of a file what became of it alone.
func TestCacheUse(t *testing.T) {
	type look struct {
		kind   registry.CacheKind
		result registry.CacheResult
		ttl    time.Duration
	}
	for want, looks := range map[string][]look{
		"":                               nil,
		"slipway; hit":                   {{registry.CacheDocument, registry.CacheNegative, 0}, {registry.CacheTag, registry.CacheHit, 0}},
		"slipway; fwd=miss; stored":      {{registry.CacheDocument, registry.CacheStale, -time.Hour}, {registry.CacheFile, registry.CacheMiss, 0}},
		"slipway; fwd=miss":              {{registry.CacheFile, registry.CachePassed, 0}},
		"slipway; hit; fwd=stale; ttl=0": {{registry.CacheTag, registry.CacheStale, 0}, {registry.CacheDocument, registry.CacheMiss, 0}},
		"slipway; hit; fwd=stale; ttl=-3600": {{registry.CacheDocument, registry.CacheStale, -time.Hour}, {registry.CacheDocument, registry.CacheStale, -time.Minute},
			{registry.CacheDocument, registry.CacheFailed, 0}},
	} {
		var u registry.CacheUse
		ctx := registry.WithCacheUse(context.Background(), &u)
		for _, l := range looks {
			registry.CacheUseOf(ctx).Note(l.kind, l.result, l.ttl)
		}
		if got, warnings := u.Header(); got != want || len(warnings) > 0 {
			t.Errorf("%q %q, not %q", got, warnings, want)
		}
	}
	var u registry.CacheUse
	u.LeaveOut("a")
	if got, _ := u.Header(); got != "" {
		t.Errorf("%q", got)
	}
	for range 2 {
		u.LeaveOut("b")
	}
	u.Note(registry.CacheTag, registry.CacheHit, 0)
	if got, _ := u.Header(); got != `slipway; hit; detail="without a, b"` {
		t.Errorf("%q", got)
	}
	u = registry.CacheUse{}
	if !u.Note(registry.CacheFile, registry.CacheMiss, 0) || u.Note(registry.CacheFile, registry.CacheHit, 0) || !u.Note(registry.CacheDocument, registry.CacheHit, 0) {
		t.Error("a look-up that finds what the one before has asked for counts, or one that is the first of its kind does not")
	}
	for range 2 {
		u.Warn("old")
	}
	if _, warnings := u.Header(); len(warnings) != 1 {
		t.Errorf("%q", warnings)
	}
	if outside := registry.CacheUseOf(context.Background()); !outside.Note(registry.CacheFile, registry.CacheHit, 0) {
		t.Error("a look-up outside of a request counts")
	}
}
