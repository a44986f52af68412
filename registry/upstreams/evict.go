package upstreams

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
)

const (
	defaultUnused = 90 * 24 * time.Hour
	evictBatch    = 500
	always        = 365 * 24 * time.Hour // from now: whatever was used until now was used before
)

// Pins returns a predicate of what is never evicted from a repository.
type Pins func(ctx context.Context, repository registry.Repository) (func(format, pkg, version string, sortKey []byte, d digest.Digest) bool, error)

// Pin lets rules keep files. It is called before the first request.
func (s *Upstreams) Pin(p Pins) { s.pinned = p }

// Eviction says which files of the remotes of a repository go, those first that were not used for longest.
type Eviction struct {
	Upstream string         // name of the only remote whose files go; "": every one
	Format   string         // "": every format
	Package  string         // key of the only package whose files go; "": every one
	Unused   *time.Duration // since their last use; nil: files go however short it is
	Bytes    *int64         // of each remote that may stay; nil: none
	DryRun   bool           // nothing goes
}

// Evicted counts what went.
type Evicted = publish.Evicted

// Evict takes the bytes of files from remotes of a repository away. Versions that are deployed, have a tag that was set here, or are pinned by a
// rule stay whole, and so do files that are on their way. What something else holds, as what was promoted or published does, frees nothing, and
// stays. The caller must administer the repository. NotFound, Denied, Invalid.
func (s *Upstreams) Evict(ctx context.Context, repository string, e Eviction) (Evicted, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, repository); err != nil {
		return Evicted{}, err
	}
	if err := s.core.Renewed(ctx); err != nil {
		return Evicted{}, err
	}
	r, err := s.core.RepositoryRow(ctx, repository)
	if err != nil {
		return Evicted{}, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return Evicted{}, err
	}
	named := false
	var done Evicted
	for _, u := range g.links[r.ID] {
		if u.Type != metadata.UpstreamRemote || e.Upstream != "" && e.Upstream != u.Name {
			continue
		}
		named = true
		went, err := s.evict(ctx, u, r, e)
		done.Files += went.Files
		done.Bytes += went.Bytes
		if err != nil {
			return done, s.evicted(ctx, r, done, "asked", err)
		}
	}
	if e.Upstream != "" && !named {
		return done, noUpstream(repository, e.Upstream)
	}
	if e.DryRun {
		return done, nil
	}
	return done, s.evicted(ctx, r, done, "asked", nil)
}

// EvictEvery evicts after each interval what the settings of the remotes do not keep, until ctx ends or a run fails. Remotes that are offline
// keep everything: what went could not come again.
func (s *Upstreams) EvictEvery(ctx context.Context, interval time.Duration) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if err := s.EvictUnused(ctx); err != nil {
			return err
		}
	}
}

// EvictUnused is one run of EvictEvery.
func (s *Upstreams) EvictUnused(ctx context.Context) error {
	ctx = access.With(ctx, access.System())
	g, err := s.graph(ctx)
	if err != nil {
		return err
	}
	for id, links := range g.links {
		var done Evicted
		rule := ""
		var err error
		for _, u := range links {
			if u.Type != metadata.UpstreamRemote || u.Settings.Offline || s.remotes.env.Offline {
				continue
			}
			for _, e := range u.Settings.Keep.evictions() {
				var went Evicted
				if went, err = s.evict(ctx, u, g.byID[id], e.Eviction); went.Files > 0 {
					rule = e.rule
				}
				done.Files += went.Files
				done.Bytes += went.Bytes
				if err != nil {
					break
				}
			}
		}
		if err := s.evicted(ctx, g.byID[id], done, rule, err); err != nil {
			return err
		}
	}
	return nil
}

// ruled is an eviction by a setting, and the setting's name.
type ruled struct {
	Eviction
	rule string
}

// evictions are what the setting lets go.
func (k Keep) evictions() (out []ruled) {
	if unused := orDefault(k.Unused, defaultUnused); unused > 0 {
		out = append(out, ruled{Eviction{Unused: &unused}, "unused"})
	}
	if k.Bytes > 0 {
		out = append(out, ruled{Eviction{Bytes: &k.Bytes}, "bytes"})
	}
	return out
}

// evict runs an eviction over one remote, in transactions of at most evictBatch files.
func (s *Upstreams) evict(ctx context.Context, u *Upstream, r registry.Repository, e Eviction) (done Evicted, err error) {
	s.writeUsed(ctx)
	keep, err := s.keeps(ctx, u, r, e)
	if err != nil {
		return done, err
	}
	before := s.core.Now().Add(always)
	if e.Unused != nil {
		before = s.core.Now().Add(-*e.Unused)
	}
	tooMuch := int64(-1) // bytes that have to go; all
	if e.Bytes != nil {
		var have int64
		if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			have, err = tx.Evictions().CachedBytes(u.ID)
			return err
		}); err != nil {
			return done, err
		}
		if tooMuch = have - *e.Bytes; tooMuch <= 0 {
			return done, nil
		}
	}
	var last metadata.CachedFile
	for {
		var page []metadata.CachedEntry
		if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			page, err = tx.Evictions().Unused(metadata.UnusedQuery{UpstreamID: u.ID, Before: before, After: last, Limit: evictBatch})
			return err
		}); err != nil || len(page) == 0 {
			return done, err
		}
		some := page
		if tooMuch >= 0 {
			some = upTo(page, tooMuch-done.Bytes, keep)
		}
		last = some[len(some)-1].CachedFile
		went, err := s.evictPage(ctx, r, some, keep, e.DryRun)
		done.Files += went.Files
		done.Bytes += went.Bytes
		if err != nil || len(some) == len(page) && len(page) < evictBatch || tooMuch >= 0 && done.Bytes >= tooMuch {
			return done, err
		}
	}
}

// upTo returns as many files as are needed for a number of bytes.
func upTo(page []metadata.CachedEntry, bytes int64, keep func(metadata.CachedEntry) bool) []metadata.CachedEntry {
	for i, c := range page {
		if !keep(c) {
			bytes -= c.Size
		}
		if bytes <= 0 {
			return page[:i+1]
		}
	}
	return page
}

// errDry ends the transaction of a dry run.
var errDry = &registry.Error{Kind: registry.Conflict, Detail: "a dry run"}

func (s *Upstreams) evictPage(ctx context.Context, r registry.Repository, page []metadata.CachedEntry, keep func(metadata.CachedEntry) bool, dry bool) (went Evicted, err error) {
	err = s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if went, err = s.publisher.Evict(tx, page, keep); err == nil && dry {
			err = errDry
		}
		return err
	})
	switch {
	case dry && registry.AsError(err) == errDry:
		return went, nil
	case err != nil:
		return Evicted{}, err
	}
	s.metrics.evicted.WithLabelValues(r.Name).Add(float64(went.Bytes))
	return went, nil
}

// keeps returns a predicate of the files that an eviction is not about, that are pinned, or that are on their way.
func (s *Upstreams) keeps(ctx context.Context, u *Upstream, r registry.Repository, e Eviction) (func(metadata.CachedEntry) bool, error) {
	pinned := func(string, string, string, []byte, digest.Digest) bool { return false }
	if s.pinned != nil {
		var err error
		if pinned, err = s.pinned(ctx, r); err != nil {
			return nil, err
		}
	}
	return func(c metadata.CachedEntry) bool {
		if e.Format != "" && e.Format != c.Format || e.Package != "" && e.Package != c.Key {
			return true
		}
		return pinned(c.Format, c.Key, c.Version.Name, c.Version.SortKey, c.Digest) || s.flights.has(u.ID, c)
	}, nil
}

// has reports whether a file is on its way from a remote.
func (f *flights) has(upstreamID int64, c metadata.CachedEntry) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.list {
		if k.upstreamID == upstreamID && k.format == c.Format && k.pkg == c.Key && k.path == c.Path {
			return true
		}
	}
	return false
}

// evicted writes what went into the log, if anything did; failed is why there was not more.
func (s *Upstreams) evicted(ctx context.Context, r registry.Repository, done Evicted, rule string, failed error) error {
	if done.Files == 0 {
		return failed
	}
	err := s.core.Update(context.WithoutCancel(ctx), func(tx metadata.Tx) error {
		_, err := registry.Append(tx.Log(), access.From(ctx), registry.EventCacheEvicted, "", r.ID, 0,
			registry.EventData{Repository: r.Name, Evicted: &registry.EventEvicted{Files: done.Files, Bytes: done.Bytes, Rule: rule}})
		return err
	})
	if failed != nil {
		return failed
	}
	return err
}
