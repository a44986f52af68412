package upstreams

import (
	"context"
	"errors"
	"slices"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/lookup"
)

// rowsKey is a package as a repository's clients name it.
type rowsKey struct {
	repositoryID int64
	format, key  string
}

// rows are the rows of one package name in all places of a closure, whoever may see them.
type rows struct {
	packages map[int64]registry.Package // by repository
	origin   int64                      // the remote that the name first came from to readers of the repository; 0: none, or there is no choice
	composed *composed
}

func (r rows) bytes() int {
	n := 2 * lookup.RecordBytes // with what is composed of them
	for _, p := range r.packages {
		n += 2*lookup.RecordBytes + len(p.Descriptor)
	}
	return n
}

func (r rows) since(m metadata.Versioned) uint64 {
	last := max(m.GenerationOf(metadata.RepositoryRows), m.GenerationOf(metadata.PackageNames))
	for _, p := range r.packages {
		last = max(last, m.GenerationOf(metadata.Part(p.ID)))
	}
	return last
}

// source is a place that has the package that is asked for.
type source struct {
	place
	pkg   registry.Package
	index *index // of a remote that lists its versions; nil: rows
	kept  bool   // rows that belong to an index: they answer beside it in every mode
}

// at is the package's name in the source's own repository.
func (s source) at(name registry.Name) registry.Name {
	name.Repository = s.repository.Name
	return name
}

// found is what a repository and its upstreams have of one package, as far as it is known without asking a remote.
type found struct {
	name    registry.Name
	asked   registry.Repository
	visible []source  // published here, in places that the caller may see, in order
	held    []source  // the same of what is served by its exact version alone: an administrator has the name come from elsewhere
	union   bool      // an administrator has what is published here shown beside what is elsewhere
	cached  []source  // the same of what came from remotes
	remotes []place   // that may be asked, in order: none for a name that is owned
	owners  []place   // remotes that own names, which are asked before them
	mixed   bool      // others than the owners may have brought what is in their repositories
	owner   *Upstream // that one of the owners which has the package; nil: none is known to
	unknown error     // why it is not known whether a place has the package or what is asked for of it; nil: it is
	others  []place   // remotes that are not asked for the name, as it stays with another one; but for what is pinned by a digest
	rivals  []place   // those of them that come before it in the list
	apart   []source  // what came from the others
	origin  int64     // the remote that the name first came from; 0: none, or there is no choice
	choice  bool      // the name could come from several remotes
	sources []source  // those that answer
	id      int64     // of the composed package: negative
	stamp   int64     // its revision
	owned   bool
	strict  bool // the places answer in the order of the list, wherever they are

	reserved bool // by a claim that the caller may know of
}

// look finds a package in every place of a repository's closure, with one query or none, and decides by the guard where it may come
// from. NotFound: about the repository.
func (s *Upstreams) look(ctx context.Context, at registry.Name) (found, error) {
	actor, err := s.core.Authorize(ctx, access.Read, at.Repository)
	if err != nil {
		return found{}, err
	}
	r, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return found{}, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return found{}, err
	}
	places := g.places(r)
	return s.lookIn(ctx, g, r, places, at, actor)
}

// lookIn is look for a caller whose rights are known.
func (s *Upstreams) lookIn(ctx context.Context, g *graph, r registry.Repository, places []place, at registry.Name, actor access.Actor) (found, error) {
	have, err := s.rowsOf(ctx, r, places, at)
	if err != nil {
		return found{}, err
	}
	if places, have, err = s.chosen(ctx, places, have, at); err != nil {
		return found{}, err
	}
	o := g.originOf(places, at, s.core.Now())
	memo := have.composed
	if o.Origin != "" || slices.ContainsFunc(places, func(p place) bool { return !p.visible(actor) }) {
		memo = nil
	}
	if f, ok := memo.found(g); ok {
		f.name, f.asked = at, r
		return f, nil
	}
	f := found{name: at, asked: r, choice: choice(places, at.Format), strict: g.strict[r.ID]}
	if _, f.owned = g.claimed(places, at); f.owned {
		shown := slices.DeleteFunc(slices.Clone(places), func(p place) bool { return !p.visible(actor) })
		_, f.reserved = g.claimed(shown, at)
	}
	for _, pkg := range have.packages {
		f.stamp += pkg.Revision
		f.owned = f.owned || pkg.Origin == "" && !aside(pkg)
	}
	f.owned = f.owned && o.Origin != OriginBoth && o.Origin != OriginUpstream || o.Origin == OriginPublished
	f.union = o.Origin == OriginBoth
	f.stamp += g.generation << 32
	f.gather(places, have.packages, actor, o)
	f.origin = have.origin
	f.stick(s.core.Rules[at.Format])
	f.id = s.idOf(r, at, places, actor)
	if f.strict {
		f.id ^= strictID
	}
	memo.keep(g, f)
	return f, nil
}

// strictID tells the ids of packages that are composed in the order of the list from those that are not.
const strictID = 1 << 61

// gather sorts the places that the caller may see by what they can contribute.
func (f *found) gather(places []place, have map[int64]registry.Package, actor access.Actor, o metadata.Origin) {
	askable := plain(f.name.Package)
	for _, p := range places {
		if !p.admits(f.name) || !p.visible(actor) {
			continue
		}
		pkg, known := have[p.repository.ID]
		switch {
		case p.remote != nil && !f.owned && askable && (o.Upstream == "" || p.by(o.Upstream)):
			if p.owns() {
				f.owners = append(f.owners, p)
			} else {
				f.remotes = append(f.remotes, p)
			}
		case p.remote != nil || !known:
		case pkg.Origin == "" && o.Origin == OriginUpstream:
			f.held = append(f.held, source{place: p, pkg: pkg})
		case pkg.Origin != metadata.OriginCached:
			f.visible = append(f.visible, source{place: p, pkg: pkg})
		case !f.owned:
			if f.strict {
				p.order = orderElsewhere(places, p, f.name.Format)
			}
			f.cached = append(f.cached, source{place: p, pkg: pkg})
		}
	}
}

// orderElsewhere is where what came from the remotes of a repository stands in the order of the list: where the first of them does.
func orderElsewhere(places []place, p place, format string) int {
	for _, o := range places {
		if o.remote != nil && o.remote.Format == format && o.repository.ID == p.repository.ID {
			return o.order
		}
	}
	return p.order
}

func byPlace(a, b source) int { return a.order - b.order }

// ahead are the remotes that come before a place in a list whose order counts.
func (f *found) ahead(of place) []place {
	if !f.strict {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.remotes), func(p place) bool { return p.order >= of.order || p.remote.Settings.Offline })
}

// find is look, and also asks the remotes for what they list, where the name may come from them. NotFound: about the repository;
// Unavailable, BadUpstream: a remote that may have the package can't tell.
func (s *Upstreams) find(ctx context.Context, at registry.Name) (found, error) {
	f, err := s.look(ctx, at)
	if err != nil {
		return f, err
	}
	if err := s.askOwners(ctx, &f, at.At(""), ""); err != nil {
		return f, err
	}
	rules := s.core.Rules[at.Format]
	listed, err := s.listed(ctx, &f, rules)
	if err != nil {
		return f, err
	}
	f.answering(rules, listed)
	registry.CacheUseOf(ctx).MadeOf(f.copies())
	return f, nil
}

// onlyHere leaves the remotes out in a context of catalog.Local.
func (f *found) onlyHere(ctx context.Context) {
	if catalog.IsLocal(ctx) {
		f.remotes, f.others, f.rivals = nil, nil, nil
	}
}

// copies reports whether nothing of what answers is published here.
func (f *found) copies() bool {
	published := func(src source) bool { return src.index == nil && src.pkg.Origin != metadata.OriginCached }
	return len(f.held) == 0 && !slices.ContainsFunc(f.sources, published)
}

// listed asks the remotes that may be asked for their indexes: in the mode First up to the first that has the package. Where none has a
// document, what came from them answers.
func (s *Upstreams) listed(ctx context.Context, f *found, rules registry.Rules) (out []source, err error) {
	s.contest(ctx, f, registry.Coordinate{Name: f.name}, "")
	if f.unknown != nil {
		if entered := f.everythingCached(); len(entered) > 0 {
			return entered, nil
		}
		return nil, f.unknown
	}
	documents, withdrawn := false, false
	var kept []source
	var failed error // of places that are left out
	for _, p := range f.remotes {
		r, err := s.remoteOf(p)
		if s.passOver(ctx, p, err) {
			failed = err
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := s.admit(ctx, Candidate{At: f.name.At(""), Repositories: r.way, Remote: r.Upstream}); err != nil {
			if len(f.visible) > 0 && registry.KindOf(err) == registry.Blocked {
				continue // what is published here is another matter
			}
			return nil, err
		}
		x, err := s.index(ctx, r, f.name, false)
		switch {
		case errors.Is(err, errNoDocument), errors.Is(err, errNotHere):
			continue
		case registry.KindOf(err) == registry.NotFound && err != nil:
			documents = true
			if _, gone := s.known(ctx, r, f.name); gone && r.onRemoval() != RemovalKeep {
				withdrawn = true
			}
			continue
		case s.passOver(ctx, p, err):
			failed = err
			continue
		case err != nil && len(f.cached) > 0:
			f.unknown = err
			s.stale(ctx, r, registry.CacheDocument, time.Time{})
			return f.cached, nil // no copy of the document is left: what is here is better than nothing
		case err != nil:
			return nil, err
		}
		documents = true
		f.stamp += x.revision
		f.id ^= mixed(r.ID)
		out = append(out, source{place: p, pkg: x.listing.Package, index: x})
		if len(x.lost) > 0 && r.onRemoval() == RemovalKeep && !f.mixed {
			kept = f.left()
		}
		if modeOf(p, rules) == First {
			break
		}
	}
	return f.orCached(append(out, kept...), failed, documents && withdrawn)
}

// orCached is what is listed of a package: what remotes list or, where none does, what came from them, unless they have withdrawn it.
// failed is why one of them could not say.
func (f *found) orCached(listed []source, failed error, withdrawn bool) ([]source, error) {
	switch {
	case len(listed) > 0:
		return listed, nil
	case failed != nil && len(f.cached)+len(f.visible) == 0:
		return nil, failed
	case failed != nil:
		f.unknown = failed
		return f.cached, nil
	case withdrawn:
		return nil, nil
	default:
		return f.cached, nil
	}
}

// left is what entered, for documents that keep what a remote lists no more.
func (f *found) left() []source {
	out := slices.Clone(f.cached)
	for i := range out {
		out[i].kept = true
	}
	return out
}

func modeOf(p place, rules registry.Rules) string {
	switch m := p.mode(); {
	case m != "":
		return m
	case rules.Merge:
		return Merge
	default:
		return First
	}
}

// aside reports whether a package has nothing but what is attached to versions of other places, as signatures are.
func aside(pkg registry.Package) bool {
	return pkg.VersionCount > 0 && pkg.Attached == pkg.VersionCount
}

// answering leaves those sources that answer: one in the mode First, in Merge all that may be merged; what is published comes before
// what remotes list. A source whose versions are all deleted answers only where no other has any, and one that is aside answers beside
// whichever has the package.
func (f *found) answering(rules registry.Rules, listed []source) {
	if len(f.visible)+len(listed) <= 1 { // there is no choice
		if f.sources = slices.Clip(f.visible); len(listed) > 0 {
			f.sources = slices.Clip(listed)
		}
		return
	}
	var living []source
	all := append(slices.Clip(f.visible), listed...)
	if f.strict {
		slices.SortStableFunc(all, byPlace)
	}
	for _, s := range all {
		if s.pkg.VersionCount > 0 {
			living = append(living, s)
		}
	}
	if len(living) == 0 {
		living = all[:min(1, len(all))]
	}
	var beside []source
	answered, alone := false, false
	for _, s := range living {
		switch {
		case aside(s.pkg):
			beside = append(beside, s)
		case s.pkg.Origin == metadata.OriginPromoted: // some versions of a package that is elsewhere: they cut off no others
			f.sources = append(f.sources, s)
		case !answered:
			f.sources = append(f.sources, s)
			answered, alone = true, s.mode() == First
		case s.kept || f.union && (s.index != nil || s.pkg.Origin == metadata.OriginCached) || !alone && modeOf(s.place, rules) == Merge:
			f.sources = append(f.sources, s)
		}
	}
	f.sources = append(f.sources, beside...)
}

func (s *Upstreams) rowsOf(ctx context.Context, r registry.Repository, places []place, at registry.Name) (rows, error) {
	return s.rows.Get(rowsKey{r.ID, at.Format, at.Package}, func() (rows, error) {
		var ids []int64
		for _, p := range places {
			if p.remote == nil {
				ids = append(ids, p.repository.ID)
			}
		}
		have := rows{packages: map[int64]registry.Package{}, composed: &composed{}}
		err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
			list, err := tx.Packages().PackagesNamed(ids, at.Format, at.Package)
			for _, p := range list {
				if err == nil && s.core.Rules[at.Format].Images {
					err = registry.CountAttached(tx, &p)
				}
				have.packages[p.RepositoryID] = p
			}
			if err == nil && choice(places, at.Format) {
				have.origin, err = originIn(tx, r.ID, at)
			}
			return err
		})
		return have, err
	})
}
