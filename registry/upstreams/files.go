package upstreams

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// file finds a file: among what is published, then among what came from remotes, then at the remotes.
func (s *Upstreams) file(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	f, err := s.look(ctx, at.Name)
	if err != nil {
		return registry.File{}, err
	}
	if err := s.askOwners(ctx, &f, at, path); err != nil {
		return registry.File{}, err
	}
	f.onlyHere(ctx)
	s.contest(ctx, &f, at, path)
	have, in, err := s.fileHere(ctx, &f, at, path)
	if ahead := f.ahead(in.place); err == nil && in.pkg.Origin != metadata.OriginCached && len(ahead) > 0 {
		if file, err := s.fromRemotes(ctx, f, ahead, at, path, err); err == nil || registry.KindOf(err) != registry.NotFound {
			return file, err
		}
	}
	registry.CacheUseOf(ctx).MadeOf(f.copies() && (err != nil || in.pkg.Origin == metadata.OriginCached))
	switch {
	case err == nil && in.pkg.Origin == metadata.OriginCached:
		if err := s.withdrawn(ctx, f, at, path); err != nil {
			return registry.File{}, err
		}
		if earlier := f.before(in.place); len(earlier) > 0 && !s.remotes.env.Offline {
			if file, err := s.fromRemotes(ctx, f, earlier, at, path, err); err == nil || registry.KindOf(err) != registry.NotFound {
				return file, err
			}
		}
		s.used(ctx, f, in.place)
		s.use(ctx, have)
		return s.upToDate(ctx, f, at, path, have)
	case err == nil || registry.KindOf(err) != registry.NotFound || len(f.remotes) == 0:
		return have, f.proven(err)
	}
	return s.fromRemotes(ctx, f, f.remotes, at, path, err)
}

// fileHere finds a file among what is published and what came from remotes, and the source that has it. NotFound.
func (s *Upstreams) fileHere(ctx context.Context, f *found, at registry.Coordinate, path string) (have registry.File, in source, err error) {
	rules := s.core.Rules[at.Format]
	f.answering(rules, f.cached)
	whole := !rules.UnionFiles && at.Version != ""
	have, err = firstOf(*f, f.exact(), func(src source) (registry.File, error) {
		have, err := s.local.File(ctx, registry.Coordinate{Name: src.at(at.Name), Version: at.Version}, path)
		if err == nil && src.pkg.Origin == metadata.OriginCached {
			if away, failed := s.strayed(ctx, f, have.VersionID, have.Path); failed != nil || away {
				return registry.File{}, cmp.Or(failed, f.strayedError(registry.AboutFile))
			}
		}
		if whole && src.pkg.Origin == "" && isMissing(err, registry.AboutFile) {
			err = &final{err} // the version is published here, so no other place's file of it counts
		}
		in = src
		return have, err
	})
	return have, in, err
}

// fromRemotes asks remotes in their order for a file; absent is the error where none has it.
func (s *Upstreams) fromRemotes(ctx context.Context, f found, remotes []place, at registry.Coordinate, path string, absent error) (registry.File, error) {
	if !plain(at.Version, path) {
		return registry.File{}, absent
	}
	var failed error // of places that are left out
	for _, p := range remotes {
		var file registry.File
		r, err := s.remoteOf(p)
		if err == nil {
			file, err = s.fromRemote(ctx, r, at, path)
		}
		if s.passOver(ctx, p, err) {
			failed = err
			continue
		}
		if registry.KindOf(err) == registry.NotFound && err != nil {
			absent = err
			continue
		}
		if err == nil {
			s.used(ctx, f, p)
		}
		return file, err
	}
	return registry.File{}, cmp.Or(failed, absent)
}

// fromRemote fetches a file from a remote. NotFound: the remote has no such file.
func (s *Upstreams) fromRemote(ctx context.Context, r *remote, at registry.Coordinate, path string) (registry.File, error) {
	early := s.early(ctx, r, at, path)
	defer early.end(nil)
	x, entry, err := s.entry(ctx, r, at, path)
	if err != nil {
		return registry.File{}, err
	}
	return s.fromEntry(ctx, r, at, path, x, entry, early)
}

// fromEntry fetches a file of which the remote, or a file that came from it, has said what entry has; nil: nothing is known of it.
func (s *Upstreams) fromEntry(ctx context.Context, r *remote, at registry.Coordinate, path string, x *index, entry *Entry, early *early) (registry.File, error) {
	if _, err := r.source.File(at, path, entry); err != nil {
		return registry.File{}, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutFile, Detail: registry.AsError(err).Error(), Err: err}
	}
	if err := s.admitFile(ctx, r, at, x, entry); err != nil {
		s.failed(ctx, at.Format, registry.CacheFile, err)
		return registry.File{}, err
	}
	part := s.within(ctx, r, at, path, entry)
	if part == nil && !mayFetch(ctx, r) {
		return registry.File{}, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in: this is not cached here, and is fetched for known callers only")
	}
	if err := s.mutated(ctx, r, at, x, entry); err != nil {
		return registry.File{}, err
	}
	if gone := s.checked.absent(r, at, path, s.core.Now()); gone != nil && part == nil {
		s.note(ctx, at.Format, registry.CacheFile, registry.CacheNegative)
		return registry.File{}, gone
	}
	if catalog.IsLook(ctx) && !catalog.NeedsWhole(ctx) {
		if file, known, err := s.head(ctx, r, at, path, x, part.sized(entry)); known || err != nil {
			return file, err
		}
	}
	version := at.Version
	if version == "" && entry != nil {
		version = entry.Version
	}
	if err := s.deleted(ctx, r, at.Name.At(version)); err != nil {
		return registry.File{}, err
	}
	flight, joined := s.fetch(ctx, r, at, path, transfer{index: x, entry: entry, early: early, part: part})
	defer flight.release()
	file, err := flight.arriving(ctx, catalog.NeedsWhole(ctx))
	if err != nil && (registry.KindOf(err) == registry.NotFound || errors.Is(err, errMutated)) {
		s.checked.missing(r, at, path, s.core.Now(), err)
	}
	if part != nil && err == nil {
		s.note(ctx, at.Format, registry.CacheFile, registry.CacheHit)
		return file, nil
	}
	if err == nil && r.source.Mutable(at, path) {
		s.shortened(ctx, r, metadata.CachedFile{VersionID: file.VersionID, Path: path}, flight, s.core.Now())
	}
	s.arrived(ctx, at.Format, joined, err)
	return file, err
}

// entry finds what a remote's index says of a file; none where the format's files are known by their paths: the index is not asked for,
// as there may be none, and a build would cost the remote twice the requests; what is known of the version all the same is returned with it.
// A fresh index that lacks the file is asked for anew. NotFound.
func (s *Upstreams) entry(ctx context.Context, r *remote, at registry.Coordinate, path string) (*index, *Entry, error) {
	if _, err := r.source.File(at, path, nil); err == nil {
		return s.lister(ctx, r, at), nil, nil
	}
	var x *index
	for _, refresh := range []bool{false, true} {
		got, err := s.index(ctx, r, at.Name, refresh)
		switch {
		case errors.Is(err, errNoDocument):
			return nil, nil, nil
		case err != nil:
			return nil, nil, err
		case len(got.Entries) == 0 && len(got.Versions) > 0:
			return got, nil, nil // the index lists versions, not files
		}
		if e := got.entry(at.Version, path); e != nil {
			return got, e, nil
		}
		x = got
	}
	return x, nil, registry.Errorf(registry.NotFound, registry.AboutFile, "there is no file %q of %q at upstream %s", registry.Clip(path), at.Package, r.Name)
}

// lister returns what lists the versions of a package whose files are known by their paths, where a minimum age counts and that was asked for
// before: a version that appeared since is as young as that, whatever time its files have. Where the copy lacks the version it is asked for
// anew. nil: the versions were never asked for, or it does not matter.
func (s *Upstreams) lister(ctx context.Context, r *remote, at registry.Coordinate) *index {
	if _, lists := r.source.Document(at.Name); !lists || at.Version == "" || s.minimumAge(ctx, r, at.Name) == 0 {
		return nil
	}
	doc := s.documents.of(r.key(at.Name, ""))
	s.load(ctx, r, at.Name, doc)
	doc.mu.Lock()
	x := doc.copy()
	doc.mu.Unlock()
	if x == nil {
		return nil
	}
	if _, listed := x.versions[at.Version]; !listed {
		if news, err := s.index(ctx, r, at.Name, true); err == nil {
			return news
		}
	}
	return x
}

// upToDate compares a cached file whose bytes may change with what its remote has, once its time is over. While the remote can't tell, the
// copy is served.
func (s *Upstreams) upToDate(ctx context.Context, f found, at registry.Coordinate, path string, have registry.File) (registry.File, error) {
	source, ok := s.remotes.sources[at.Format]
	if !ok || !source.Mutable(at, path) {
		s.note(ctx, at.Format, registry.CacheFile, registry.CacheHit)
		return have, nil
	}
	known, err := s.cachedFile(ctx, have.VersionID, path)
	if err != nil {
		return have, nil //nolint:nilerr // nothing is known of where it came from, so it is as good as any
	}
	for _, p := range f.remotes {
		if p.remote.ID != known.UpstreamID {
			continue
		}
		r, err := s.remoteOf(p)
		if err != nil {
			return have, err
		}
		return s.compared(ctx, r, at, path, have, known)
	}
	s.note(ctx, at.Format, registry.CacheFile, registry.CacheHit)
	return have, nil
}

// cachedFile returns what is known of the transfer of a file. metadata.ErrNotExist.
func (s *Upstreams) cachedFile(ctx context.Context, versionID int64, path string) (known metadata.CachedFile, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		known, err = tx.Caches().CachedFile(versionID, path)
		return err
	})
	return known, err
}

// compared is upToDate with the remote that the file came from.
func (s *Upstreams) compared(ctx context.Context, r *remote, at registry.Coordinate, path string, have registry.File, known metadata.CachedFile) (registry.File, error) {
	now := s.core.Now()
	last := s.checked.last(known)
	right := last.right.Add(last.kept(r))
	if now.Before(right) && !s.checked.since(r.ID, at.Package, last.right) {
		s.fresh(ctx, at.Format, registry.CacheFile, registry.CacheHit, right)
		return have, nil
	}
	failed := now.Before(last.failed.Add(min(r.ttl(), retryDocument))) && !s.checked.since(r.ID, at.Package, last.failed)
	if failed || !mayFetch(ctx, r) || catalog.IsLook(ctx) {
		s.stale(ctx, r, registry.CacheFile, right)
		return have, nil
	}
	s.checked.at(known, looked{right: now, short: -1})
	flight, joined := s.fetch(ctx, r, at, path, transfer{known: &known})
	defer flight.release()
	waiting, cancel := context.WithTimeout(ctx, r.staleAfter())
	defer cancel()
	fresh, err := flight.arriving(waiting, catalog.NeedsWhole(ctx))
	switch {
	case err == nil:
		s.arrived(ctx, at.Format, joined, nil)
		s.shortened(ctx, r, known, flight, now)
		return fresh, nil
	case errors.Is(err, errUnchanged):
		s.fresh(ctx, at.Format, registry.CacheFile, registry.CacheRevalidated, now.Add(s.shortened(ctx, r, known, flight, now)))
		return have, nil
	case registry.KindOf(err) == registry.NotFound:
		s.fresh(ctx, at.Format, registry.CacheFile, registry.CacheHit, now.Add(r.ttl())) // it stays as it was
		return have, nil
	}
	s.checked.at(known, looked{right: last.right, failed: now, short: last.short})
	s.stale(ctx, r, registry.CacheFile, right)
	return have, nil
}

// shortened notes for how long a file that may change is taken to be right, which may be less than the upstream's ttl by the remote's word,
// and returns it.
func (s *Upstreams) shortened(ctx context.Context, r *remote, f metadata.CachedFile, from *flight, now time.Time) time.Duration {
	l := looked{right: now, short: from.freshFor()}
	if l.short >= 0 && f.VersionID > 0 {
		s.checked.at(f, l)
	}
	kept := l.kept(r)
	registry.CacheUseOf(ctx).Bound(kept)
	return kept
}

// mayFetch reports whether the caller may cause a fetch.
func mayFetch(ctx context.Context, r *remote) bool {
	return !catalog.IsLocal(ctx) && (r.Settings.AnonymousFetch || access.From(ctx).Type != access.TypeAnonymous)
}

// checked remembers when remotes were last asked about files: those that are here, and those that they do not have.
type checked struct {
	mu        sync.Mutex
	files     map[checkedKey]looked
	gone      map[flightKey]absence
	heads     map[flightKey]headed
	refreshed map[refreshKey]time.Time // when an administrator asked for news
}

type checkedKey struct {
	versionID int64
	path      string
}

type absence struct {
	until time.Time
	err   error
}

// maxChecked bounds how many files are remembered; then all are forgotten, and asked about again.
const maxChecked = 100_000

// looked says when a remote was asked about a file: with success, and last without; and for how long its answer holds, by its own word: -1,
// it did not say. After a restart the upstream's ttl counts.
type looked struct {
	right, failed time.Time
	short         time.Duration
}

// kept is how long the last answer holds.
func (l looked) kept(r *remote) time.Duration {
	if l.short >= 0 {
		return min(l.short, r.ttl())
	}
	return r.ttl()
}

func (c *checked) last(f metadata.CachedFile) looked {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.files[checkedKey{f.VersionID, f.Path}]; ok {
		return t
	}
	return looked{right: f.CheckedAt, short: -1}
}

func (c *checked) at(f metadata.CachedFile, t looked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil || len(c.files) >= maxChecked {
		c.files = map[checkedKey]looked{}
	}
	c.files[checkedKey{f.VersionID, f.Path}] = t
}

func absenceKey(r *remote, at registry.Coordinate, path string) flightKey {
	return flightKey{upstreamID: r.ID, format: at.Format, pkg: at.Package, ver: at.Version, path: path}
}

func (c *checked) missing(r *remote, at registry.Coordinate, path string, now time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone == nil || len(c.gone) >= maxChecked {
		c.gone = map[flightKey]absence{}
	}
	c.gone[absenceKey(r, at, path)] = absence{now.Add(r.negativeTTL()), err}
}

// forget lets remotes be asked about a file that was missing, or refused.
func (c *checked) forget(at registry.Coordinate, path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.gone {
		if key.format == at.Format && key.pkg == at.Package && key.path == path && (key.ver == at.Version || key.ver == "") {
			delete(c.gone, key)
		}
	}
}

func (c *checked) absent(r *remote, at registry.Coordinate, path string, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.gone[absenceKey(r, at, path)]; ok && now.Before(a.until) {
		return a.err
	}
	return nil
}
