package upstreams

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// graph is everything that this package keeps, as of one moment. It is shared and never changes, but for what is remembered of it.
type graph struct {
	closures   sync.Map // of []place, by the id of the repository
	generation int64
	byID       map[int64]registry.Repository
	byName     map[string]registry.Repository
	links      map[int64][]*Upstream // by repository, in order
	lost       map[int64][]*Upstream // those that take writes, and whose repository is deleted
	owning     bool                  // a remote owns names
	strict     map[int64]bool        // the repositories whose places answer in the order of their lists
	claims     []metadata.Claim
	origins    map[originKey]metadata.Origin
}

type originKey struct {
	repositoryID int64
	format, key  string
}

// graph returns the present graph, which is read again only after a change of it or of a repository.
func (s *Upstreams) graph(ctx context.Context) (*graph, error) {
	return s.graphs.Get(struct{}{}, func() (g *graph, err error) {
		err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			g, err = readGraph(tx)
			return err
		})
		return g, err
	})
}

func readGraph(tx metadata.Tx) (*graph, error) {
	g := &graph{byID: map[int64]registry.Repository{}, byName: map[string]registry.Repository{}, links: map[int64][]*Upstream{}, lost: map[int64][]*Upstream{},
		origins: map[originKey]metadata.Origin{}, strict: map[int64]bool{}}
	var err error
	if g.generation, err = generation(tx.Settings()); err != nil {
		return nil, err
	}
	repositories, err := registry.AllRepositories(tx.Repositories())
	if err != nil {
		return nil, err
	}
	for _, r := range repositories {
		g.byID[r.ID], g.byName[r.Name] = r, r
		if registry.StrictOrder.In(r) {
			g.strict[r.ID] = true
		}
	}
	rows, err := tx.Upstreams().Upstreams()
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		settings, err := read(row.Settings)
		if err != nil {
			return nil, err
		}
		member := g.byID[row.MemberID].Name
		if row.Type == metadata.UpstreamRepository && member == "" {
			if settings.Writes {
				g.lost[row.RepositoryID] = append(g.lost[row.RepositoryID], &Upstream{row, settings, ""})
			}
			continue // the other repository is deleted; with it the link comes back
		}
		g.links[row.RepositoryID] = append(g.links[row.RepositoryID], &Upstream{row, settings, member})
		g.owning = g.owning || settings.Owns
	}
	if g.claims, err = tx.Upstreams().Claims(); err != nil {
		return nil, err
	}
	origins, err := tx.Upstreams().Origins()
	for _, o := range origins {
		g.origins[originKey{o.RepositoryID, o.Format, o.Key}] = o
	}
	return g, err
}

// place is a repository's own rows, or a remote of a repository, as reached from the repository that a client names.
type place struct {
	repository registry.Repository // of a remote: the repository whose upstream it is
	remote     *Upstream           // nil: the repository's own rows
	path       []*Upstream         // the links from there to here; none for the repository itself
	order      int                 // in the closure: depth first, as the lists have it
	asks       *asking             // of a remote
}

// asking is a remote as it is asked through a place. It is made when it is asked first; a change of its settings makes another graph.
type asking struct{ atomic.Pointer[remote] }

// places returns what a repository reaches, depth first, each place once: the closure. The list is shared.
func (g *graph) places(r registry.Repository) []place {
	if known, ok := g.closures.Load(r.ID); ok {
		return known.([]place) //nolint:forcetypeassert // the map holds nothing else
	}
	out := g.closure(r)
	g.closures.Store(r.ID, out)
	return out
}

func (g *graph) closure(r registry.Repository) []place {
	var out []place
	seen := map[int64]bool{}
	var walk func(r registry.Repository, path []*Upstream)
	walk = func(r registry.Repository, path []*Upstream) {
		if seen[r.ID] || len(out) == maxUpstreams || len(path) > maxDepth {
			return
		}
		seen[r.ID] = true
		out = append(out, place{repository: r, path: path, order: len(out)})
		for _, l := range g.links[r.ID] {
			next := append(slices.Clip(path), l)
			if l.Type == metadata.UpstreamRepository {
				walk(g.byID[l.MemberID], next)
			} else if len(out) < maxUpstreams {
				out = append(out, place{r, l, next, len(out), &asking{}})
			}
		}
	}
	walk(r, nil)
	return out
}

// visible reports whether a caller who may read the first repository may read this place through it.
func (p place) visible(actor access.Actor) bool {
	for _, l := range p.path {
		if l.Type == metadata.UpstreamRepository && !l.Settings.Through && access.Decide(actor, access.Read, l.Member) != access.Allow {
			return false
		}
	}
	return true
}

// admits reports whether every link on the way lets the name through.
func (p place) admits(at registry.Name) bool {
	return !slices.ContainsFunc(p.path, func(l *Upstream) bool { return !l.admits(at) })
}

// speaks reports whether every link on the way has packages of the format; "" is any.
func (p place) speaks(format string) bool {
	return format == "" || !slices.ContainsFunc(p.path, func(l *Upstream) bool {
		return !l.Settings.speaks(format)
	})
}

// mode is what the first link on the way says; "" where it says nothing.
func (p place) mode() string {
	if len(p.path) == 0 {
		return ""
	}
	return p.path[0].Settings.Mode
}

// circle returns the names of the repositories that lead from one back to itself, if there are such.
func (g *graph) circle(from registry.Repository) (names []string, found bool) {
	seen := map[int64]bool{}
	var walk func(id int64, path []string) bool
	walk = func(id int64, path []string) bool {
		for _, l := range g.links[id] {
			if l.Type != metadata.UpstreamRepository || seen[l.MemberID] {
				continue
			}
			seen[l.MemberID] = true
			next := append(slices.Clip(path), l.Member)
			if l.MemberID == from.ID {
				names = next
				return true
			}
			if walk(l.MemberID, next) {
				return true
			}
		}
		return false
	}
	found = walk(from.ID, []string{from.Name})
	return names, found
}

// claimed returns the claim that reserves a name in any of the places.
func (g *graph) claimed(places []place, at registry.Name) (metadata.Claim, bool) {
	for _, c := range g.claims {
		holds := c.RepositoryID == 0 || slices.ContainsFunc(places, func(p place) bool { return p.repository.ID == c.RepositoryID })
		if holds && c.Format == at.Format && MatchName(c.Pattern, at.Package) {
			return c, true
		}
	}
	return metadata.Claim{}, false
}

// originOf returns what an administrator said of a package in any of the places; the zero Origin where none did.
func (g *graph) originOf(places []place, at registry.Name, now time.Time) metadata.Origin {
	if len(g.origins) == 0 {
		return metadata.Origin{}
	}
	for _, p := range places {
		o, ok := g.origins[originKey{p.repository.ID, at.Format, at.Package}]
		if ok && (o.ExpiresAt.IsZero() || now.Before(o.ExpiresAt)) {
			return o
		}
	}
	return metadata.Origin{}
}

func (g *graph) bytes() int {
	n := 1024 + 256*len(g.byID) + 256*len(g.claims) + 256*len(g.origins)
	for _, links := range g.links {
		for _, l := range links {
			n += 512 + 2*len(l.Upstream.Settings)
		}
	}
	return n
}
