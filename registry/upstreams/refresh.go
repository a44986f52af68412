package upstreams

import (
	"context"
	"time"

	"slipway/registry"
	"slipway/registry/access"
)

// Refreshed is how much of what was known of remotes counts no more.
type Refreshed struct {
	Documents int // copies, and absences of whole packages
	Files     int // absences, and what HEADs told
}

// Refresh lets the remotes that a repository reaches be asked again for what a caller asks for next, before its time is over: documents,
// files whose bytes may change, and what they did not have. Copies stay, and are served while a remote does not answer. at.Format and
// at.Package narrow it; "" is all. The caller administers the repository; remotes of others are refreshed where the caller administers
// those too. NotFound, Denied.
func (s *Upstreams) Refresh(ctx context.Context, at registry.Name) (Refreshed, error) {
	actor, err := s.core.Authorize(ctx, access.Admin, at.Repository)
	if err != nil {
		return Refreshed{}, err
	}
	r, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return Refreshed{}, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return Refreshed{}, err
	}
	var out Refreshed
	for _, p := range g.places(r) {
		if p.remote == nil || at.Format != "" && p.remote.Format != at.Format || access.Decide(actor, access.Admin, p.repository.Name) != access.Allow {
			continue
		}
		out.Documents += s.documents.expire(p.remote.ID, at.Package)
		out.Files += s.checked.expire(p.remote.ID, at.Package, s.core.Now())
		s.flights.expire(p.remote.ID, at.Package)
	}
	return out, nil
}

// expire ends the time of the documents of an upstream, or of one package's; it counts those whose time was not over.
func (d *documents) expire(upstreamID int64, pkg string) int {
	var hit []*document
	d.mu.Lock()
	for key, el := range d.byKey {
		if key.upstreamID == upstreamID && (pkg == "" || key.key == pkg) {
			hit = append(hit, el.Value.(*document)) //nolint:forcetypeassert // the list holds nothing else
		}
	}
	d.mu.Unlock()
	count := 0
	for _, doc := range hit {
		doc.mu.Lock()
		if !doc.freshUntil.IsZero() {
			count++
		}
		doc.expire()
		doc.mu.Unlock()
	}
	return count
}

// expire lets the next callers who want a file whose bytes may change begin a transfer of their own: one that is under way may be of the bytes of
// before. Of a copy that is compared, it ends; else its readers get what they began.
func (f *flights) expire(upstreamID int64, pkg string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, one := range f.list {
		if key.upstreamID != upstreamID || pkg != "" && key.pkg != pkg || !one.r.source.Mutable(one.at, one.path) {
			continue
		}
		delete(f.list, key)
		if one.known != nil {
			one.cancel(errExpired)
		}
	}
}

// refreshKey is a package of an upstream; pkg "" is all of them.
type refreshKey struct {
	upstreamID int64
	pkg        string
}

// expire forgets which files an upstream did not have and what it told of others, and makes copies whose bytes may change older than their time.
func (c *checked) expire(upstreamID int64, pkg string, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refreshed == nil || len(c.refreshed) >= maxChecked {
		c.refreshed = map[refreshKey]time.Time{}
	}
	c.refreshed[refreshKey{upstreamID, pkg}] = now
	count := 0
	for key := range c.gone {
		if key.upstreamID == upstreamID && (pkg == "" || key.pkg == pkg) {
			delete(c.gone, key)
			count++
		}
	}
	for key := range c.heads {
		if key.upstreamID == upstreamID && (pkg == "" || key.pkg == pkg) {
			delete(c.heads, key)
			count++
		}
	}
	return count
}

// since reports whether a package of an upstream was refreshed at a moment or later.
func (c *checked) since(upstreamID int64, pkg string, moment time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range []refreshKey{{upstreamID, ""}, {upstreamID, pkg}} {
		if t, ok := c.refreshed[key]; ok && !t.Before(moment) {
			return true
		}
	}
	return false
}
