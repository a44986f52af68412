package upstreams

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// The remote that a name first came from keeps it. Two remotes that anybody may publish to are two chances for an attacker, so another one
// that begins to have the name, or comes before it in the list, changes nothing until an administrator says so.

// choice reports whether a name of a format could come from several remotes.
func choice(places []place, format string) bool {
	n := 0
	for _, p := range places {
		if p.remote != nil && p.remote.Format == format {
			n++
		}
	}
	return n > 1
}

// originIn is the remote that a name first came from to the readers of a repository; 0: none.
func originIn(tx metadata.Tx, repositoryID int64, at registry.Name) (int64, error) {
	o, err := tx.Names().NameOrigin(repositoryID, at.Format, at.Package)
	if errors.Is(err, metadata.ErrNotExist) {
		err = nil
	}
	return o.UpstreamID, err
}

// by reports whether a link on the way to the place has the name.
func (p place) by(name string) bool {
	return slices.ContainsFunc(p.path, func(l *Upstream) bool { return l.Name == name })
}

// stick puts the remote that the name first came from before the others. In the mode First the name is its alone.
func (f *found) stick(rules registry.Rules) {
	i := slices.IndexFunc(f.remotes, func(p place) bool { return p.remote.ID == f.origin })
	if i < 0 || len(f.remotes) == 1 {
		return
	}
	p, others := f.remotes[i], slices.Delete(slices.Clone(f.remotes), i, i+1)
	f.rivals = slices.Clone(f.remotes[:i])
	if modeOf(p, rules) != First {
		f.remotes = append([]place{p}, others...)
		f.cached = slices.Concat(f.cachedIn(p, true), f.cachedIn(p, false))
		return
	}
	f.remotes, f.others = []place{p}, others
	f.cached, f.apart = f.cachedIn(p, true), f.cachedIn(p, false)
}

// everythingCached is what came from remotes, whichever the name stays with.
func (f *found) everythingCached() []source { return slices.Concat(f.cached, f.apart) }

// cachedIn is what came from remotes of the place's repository, or from those of others.
func (f *found) cachedIn(p place, same bool) (out []source) {
	for _, src := range f.cached {
		if (src.repository.ID == p.repository.ID) == same {
			out = append(out, src)
		}
	}
	return out
}

// before are the remotes that come before those of a place which has something of a name that readers of the repository did not get so far:
// what others got there decides nothing.
func (f *found) before(in place) []place {
	i := slices.IndexFunc(f.remotes, func(p place) bool { return p.repository.ID == in.repository.ID })
	if f.origin != 0 || !f.choice || i < 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.remotes[:i]), func(p place) bool { return p.remote.Settings.Offline })
}

// contested remembers which remotes were asked whether they have a name that stays with another one, and when.
type contested struct {
	mu    sync.Mutex
	asked map[contestedKey]time.Time
}

type contestedKey struct {
	upstreamID  int64
	format, key string
	path        string // of a format whose remotes tell of files only
}

const (
	contestAgain = time.Hour
	maxContested = 10_000
)

// due reports whether a remote was not asked for a while, and notes that it is now.
func (c *contested) due(key contestedKey, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, ok := c.asked[key]; ok && now.Sub(last) < contestAgain {
		return false
	}
	if c.asked == nil || len(c.asked) >= maxContested {
		c.asked = map[contestedKey]time.Time{}
	}
	c.asked[key] = now
	return true
}

// contest finds out, behind, whether a remote that comes first in the list has a name that stays with a later one, and tells of it. The
// remote is asked once in a while. at and path are what is asked for.
func (s *Upstreams) contest(ctx context.Context, f *found, at registry.Coordinate, path string) {
	if len(f.others) == 0 {
		return
	}
	for _, p := range f.rivals {
		r, err := s.remoteOf(p)
		if err != nil || !mayFetch(ctx, r) {
			continue
		}
		key := contestedKey{upstreamID: r.ID, format: at.Format, key: at.Package}
		if _, lists := r.source.Document(at.Name); !lists {
			key.path = at.Version + "/" + path
		}
		if !s.contested.due(key, s.core.Now()) {
			continue
		}
		has := *f
		s.flights.behind(ctx, func(ctx context.Context) {
			if yes, err := s.has(catalog.Look(ctx), has, p, r, at, path); err != nil || !yes {
				return
			}
			s.tellOnce(ctx, r.event(registry.EventNameContested, at.Name, registry.EventData{
				Reason: "it has the name now, which came from another upstream first and stays with it until an administrator sets its origin"}))
		})
	}
}

// has asks a remote whether it has a package. Where the format has no document, the answer is about the file at path; "": it is no.
func (s *Upstreams) has(ctx context.Context, f found, p place, r *remote, at registry.Coordinate, path string) (bool, error) {
	if err := s.admit(ctx, Candidate{At: at.Name.At(""), Repositories: r.way, Remote: r.Upstream}); err != nil {
		return false, err
	}
	var err error
	if r.images != nil {
		_, err = s.tagList(ctx, f, p)
	} else {
		_, err = s.index(ctx, r, at.Name, false)
	}
	if errors.Is(err, errNoDocument) {
		if path == "" || !plain(at.Version, path) {
			return false, nil
		}
		if _, unknown := r.source.File(at, path, nil); unknown != nil {
			return false, nil // no registry has such a file
		}
		if gone := s.checked.absent(r, at, path, s.core.Now()); gone != nil {
			return false, nil
		}
		if !mayFetch(ctx, r) {
			return false, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in: upstreams are asked for known callers only")
		}
		_, _, err = s.head(ctx, r, at, path, nil, nil)
	}
	if err != nil && registry.KindOf(err) == registry.NotFound {
		return false, nil
	}
	return err == nil, err
}
