package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// CacheKind says what of a registry elsewhere a look-up was about.
type CacheKind int

// Kinds of look-ups.
const (
	CacheDocument CacheKind = iota // what lists versions, tags or files
	CacheTag                       // what a tag names
	CacheFile
)

var cacheKinds = [...]string{CacheDocument: "document", CacheTag: "tag", CacheFile: "file"}

// String is the name in metrics.
func (k CacheKind) String() string { return cacheKinds[k] }

// CacheResult says what became of a look-up. Of two, the greater one says more about an answer that is made of both.
type CacheResult int

// Results of look-ups.
const (
	_                CacheResult = iota
	CacheHit                     // the copy is right
	CacheNegative                // the registry did not have it a moment ago
	CacheRevalidated             // the registry says that the copy is right
	CacheJoined                  // another request was asking already
	CacheMiss                    // the registry was asked for it
	CachePassed                  // a part, or what a HEAD tells, came straight from the registry
	CacheBlocked                 // a rule refuses it
	CacheFailed                  // the registry can't tell, and there is no copy
	CacheStale                   // the registry can't tell, or has not yet, and the copy is older than its time
)

var cacheResults = [...]string{CacheHit: "hit", CacheNegative: "negative", CacheRevalidated: "revalidated", CacheJoined: "joined", CacheMiss: "miss",
	CachePassed: "passed", CacheBlocked: "blocked", CacheFailed: "failed", CacheStale: "stale"}

// CacheResults are all results.
func CacheResults() []CacheResult {
	return []CacheResult{CacheHit, CacheNegative, CacheRevalidated, CacheJoined, CacheMiss, CachePassed, CacheBlocked, CacheFailed, CacheStale}
}

// CacheKinds are all kinds.
func CacheKinds() []CacheKind { return []CacheKind{CacheDocument, CacheTag, CacheFile} }

// String is the name in metrics.
func (r CacheResult) String() string { return cacheResults[r] }

// CacheUse collects what copies from registries elsewhere have to do with the answer to one request. The zero value is that of an answer with
// which they have nothing to do. It is safe for concurrent use.
type CacheUse struct {
	mu       sync.Mutex
	results  [len(cacheKinds)]CacheResult // 0: there was no look-up of the kind
	ttl      time.Duration                // of the oldest stale copy: how long it still has, so not positive
	left     time.Duration                // of the copy whose time is over first; where bounded
	bounded  bool                         // a copy has a time
	remote   bool                         // what is answered is made of copies
	local    bool                         // something of it is published here
	warnings []string
	without  []string // names of upstreams
}

type cacheUseKey struct{}

// WithCacheUse returns a context whose look-ups are noted in u; nil: in none.
func WithCacheUse(ctx context.Context, u *CacheUse) context.Context {
	return context.WithValue(ctx, cacheUseKey{}, u)
}

// CacheUseOf returns where the look-ups of a context are noted; nil: nowhere.
func CacheUseOf(ctx context.Context) *CacheUse {
	u, _ := ctx.Value(cacheUseKey{}).(*CacheUse)
	return u
}

// Note adds a look-up, and reports whether it says more than those of its kind before: an answer may be looked up in steps, of which the first
// one asks, and those behind it find the copy. ttl is the time that the copy still has: not positive of a stale one, 0 of one that never changes.
func (u *CacheUse) Note(kind CacheKind, result CacheResult, ttl time.Duration) bool {
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if result == CacheStale {
		u.ttl = min(u.ttl, ttl)
	}
	if result == CacheStale || ttl > 0 {
		u.bound(max(0, ttl))
	}
	more := result > u.results[kind]
	u.results[kind] = max(u.results[kind], result)
	return more
}

func (u *CacheUse) bound(left time.Duration) {
	if !u.bounded || left < u.left {
		u.left, u.bounded = left, true
	}
}

// Bound notes that the answer may be another one after a time, whatever copies it is made of.
func (u *CacheUse) Bound(left time.Duration) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bound(max(0, left))
}

// MadeOf notes whether what is answered is made of copies from registries elsewhere alone, or has something that is published here.
func (u *CacheUse) MadeOf(copies bool) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.remote = u.remote || copies
	u.local = u.local || !copies
}

// Keeps returns for how long the client may use its copy of the answer without asking again. may is false where it has something that is
// published here, which is right at once, and where no copy has a time. changes says that the answer has copies which may be replaced.
func (u *CacheUse) Keeps() (left time.Duration, may, changes bool) {
	if u == nil {
		return 0, false, false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.left, u.bounded && u.remote && !u.local && u.left > 0, u.bounded
}

// Warn adds a sentence for the users of clients that print warnings.
func (u *CacheUse) Warn(text string) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.warnings, text) {
		u.warnings = append(u.warnings, text)
	}
}

// LeaveOut adds an upstream that can't answer and is left out, as its settings say. Upstreams have names of a few plain characters.
func (u *CacheUse) LeaveOut(upstream string) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.without, upstream) {
		u.without = append(u.without, upstream)
	}
}

// Header returns the value of the answer's Cache-Status (RFC 9211), "" for none, and the sentences that were added by Warn. A file says more
// than the documents that were read to find it.
func (u *CacheUse) Header() (status string, warnings []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	result := u.results[CacheFile]
	if result == 0 {
		result = max(u.results[CacheDocument], u.results[CacheTag])
	}
	status = cacheStatus(result, u.ttl)
	if status != "" && len(u.without) > 0 {
		status += `; detail="without ` + strings.Join(u.without, ", ") + `"`
	}
	return status, slices.Clone(u.warnings)
}

// cacheName is the server's name in Cache-Status.
const cacheName = "slipway"

func cacheStatus(result CacheResult, ttl time.Duration) string {
	var params string
	switch result {
	case CacheHit, CacheNegative:
		return cacheName + "; hit"
	case CacheRevalidated:
		params = "fwd=stale"
	case CacheJoined:
		params = "fwd=miss; stored; collapsed"
	case CacheMiss:
		params = "fwd=miss; stored"
	case CachePassed, CacheFailed:
		params = "fwd=miss"
	case CacheStale:
		params = fmt.Sprintf("hit; fwd=stale; ttl=%d", int64(ttl/time.Second))
	default:
		return ""
	}
	return cacheName + "; " + params
}
