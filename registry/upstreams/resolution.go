package upstreams

import (
	"context"
	"slices"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
)

// Reasons why a place does not answer for a name.
const (
	Narrowed  = "narrowed"  // the formats or patterns of an upstream on the way leave the name out
	Absent    = "absent"    // it does not have the package, or not the version; a remote that was not asked for it yet is not told from that
	Emptied   = "emptied"   // all that it had is deleted
	Shadowed  = "shadowed"  // an earlier place answers alone
	Published = "published" // the name is published here, so nothing of it comes from elsewhere
	Claimed   = "claimed"   // a claim reserves the name
	Owned     = "owned"     // a remote that owns names has it, so it comes from no other
	Elsewhere = "elsewhere" // it stays with the remote that it first came from
	Directed  = "origin"    // an administrator has it come from somewhere else
	Silent    = "silent"    // the remote does not answer, and nothing is here that it has said
)

// Kinds of what a place has of a name.
const (
	KindPublished = "published" // it was published there
	KindPromoted  = metadata.OriginPromoted
	KindCached    = metadata.OriginCached // it came from the place's remotes
	KindRemote    = "remote"              // what a registry elsewhere lists
)

// Considered is one place of a repository, as seen by a question about a name.
type Considered struct {
	Repository string
	Upstream   string   // of a remote: its name; else ""
	Path       []string // names of the upstreams that lead there; none for the repository itself
	Kind       string   // of what it has; "" where it has nothing
	Versions   int64    // that are not deleted; of a remote: that it listed when it was asked last
	Latest     string
	Answers    bool
	Why        string // of a place that does not answer
}

// Resolution says which places of a repository answer for a name, and why the others do not. It has only places that the caller may
// see.
type Resolution struct {
	Name   registry.Name
	Shown  string // the package's name as it was published; "" where no place has it
	Claims []Claim
	Origin *metadata.Origin // that an administrator has set; nil: none
	Places []Considered     // in the order in which they are asked
}

// Resolution explains how a repository answers for a package or, where at names one, for a version, by what is known without asking a
// remote. A name that no place has is no error. NotFound: about the repository.
func (s *Upstreams) Resolution(ctx context.Context, at registry.Coordinate) (Resolution, error) {
	out := Resolution{Name: at.Name}
	f, err := s.look(ctx, at.Name)
	if err == nil {
		err = s.recallOwners(ctx, &f)
	}
	if err != nil {
		return out, err
	}
	places, err := s.readable(ctx, at.Repository, "")
	if err != nil {
		return out, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return out, err
	}
	s.rulesOf(&out, g, places)
	q := resolving{s: s, f: &f, at: at, claimed: len(out.Claims) > 0, set: g.originOf(places, at.Name, s.core.Now())}
	listed, err := q.recall(ctx)
	if err != nil {
		return out, err
	}
	f.answering(s.core.Rules[at.Format], listed)
	if len(f.visible) > 0 {
		out.Shown = f.visible[0].pkg.Name
	}
	if !f.strict {
		places = asked(places)
	}
	for _, p := range places {
		if p.remote != nil && p.remote.Format != at.Format {
			continue
		}
		c := Considered{Repository: p.repository.Name}
		for _, l := range p.path {
			c.Path = append(c.Path, l.Name)
		}
		if err := q.consider(ctx, p, &c); err != nil {
			return out, err
		}
		c.Answers = c.Why == ""
		q.answered = q.answered || c.Answers && (c.Upstream == "" || f.strict && c.Versions > 0)
		out.Places = append(out.Places, c)
	}
	return out, nil
}

// asked are places in the order in which they are asked: what is here, then the remotes that own names, then the others.
func asked(places []place) []place {
	var here, owners, others []place
	for _, p := range places {
		switch {
		case p.remote == nil:
			here = append(here, p)
		case p.owns():
			owners = append(owners, p)
		default:
			others = append(others, p)
		}
	}
	return slices.Concat(here, owners, others)
}

// resolving is a question about a name under way.
type resolving struct {
	s        *Upstreams
	f        *found
	at       registry.Coordinate
	claimed  bool            // by a claim that the caller may see
	set      metadata.Origin // by an administrator of a place that the caller may see
	answered bool            // by what is here or, where the order of the list counts, by a place before
}

// recall is what the remotes said last that may be asked, up to the first that answers alone.
func (q *resolving) recall(ctx context.Context) (out []source, err error) {
	for _, p := range q.f.remotes {
		r, err := q.s.remoteOf(p)
		if err != nil {
			continue // it can't be asked as it is set up
		}
		if x, gone := q.s.known(ctx, r, q.at.Name); x != nil && !gone {
			out = append(out, source{place: p, pkg: x.listing.Package, index: x})
			if modeOf(p, q.s.core.Rules[q.at.Format]) == First {
				break
			}
		}
	}
	if len(out) == 0 {
		return q.f.cached, nil
	}
	return out, nil
}

// consider fills in what a place has, and why it does not answer.
func (q *resolving) consider(ctx context.Context, p place, c *Considered) (err error) {
	if p.remote != nil {
		c.Upstream, c.Kind = p.remote.Name, KindRemote
	}
	if !p.admits(q.at.Name) {
		c.Why = Narrowed
		return nil
	}
	if p.remote != nil {
		c.Why = q.remote(ctx, p, c)
		return nil
	}
	of := func(src source) bool { return src.repository.ID == p.repository.ID }
	for kind, list := range map[string][]source{KindPublished: q.f.visible, KindCached: q.f.cached, Elsewhere: q.f.apart, Directed: q.f.held} {
		i := slices.IndexFunc(list, of)
		if i < 0 {
			continue
		}
		src := list[i]
		c.Kind, c.Versions, c.Latest = KindPublished, src.pkg.VersionCount, src.pkg.Latest
		if src.pkg.Origin != "" {
			c.Kind = src.pkg.Origin
		}
		switch {
		case kind == Elsewhere || kind == Directed && q.at.Version == "":
			c.Why = kind
		default:
			c.Why, err = q.silence(ctx, src, kind)
		}
		return err
	}
	c.Why = Absent
	return nil
}

// silence is why a place that has the package does not answer; "" if it does. What came from remotes is served beside what they list.
func (q *resolving) silence(ctx context.Context, src source, kind string) (string, error) {
	s, f := q.s, q.f
	answering := kind != KindPublished || slices.ContainsFunc(f.sources, func(a source) bool { return a.repository.ID == src.repository.ID && a.remote == nil })
	switch {
	case src.pkg.VersionCount == 0:
		return Emptied, nil
	case !answering:
		return Shadowed, nil
	case q.at.Version == "":
		return "", nil
	}
	at, err := s.local.CanonicalVersion(ctx, registry.Coordinate{Name: src.at(f.name), Version: q.at.Version})
	if err != nil {
		return "", err
	}
	d, err := s.local.VersionDetail(ctx, at)
	switch {
	case isMissing(err, registry.AboutVersion) || isMissing(err, registry.AboutPackage):
		return Absent, nil
	case err != nil:
		return "", err
	case d.Version.State == registry.Deleted:
		return Emptied, nil
	case q.answered && !s.core.Rules[at.Format].UnionFiles:
		return Shadowed, nil
	}
	return "", nil
}

// remote is why a remote does not answer; "" if it does. That a place which the caller may not see has the name shows in nothing: it is as
// with a name that is nowhere.
func (q *resolving) remote(ctx context.Context, p place, c *Considered) string {
	in := func(list []place) bool {
		return slices.ContainsFunc(list, func(o place) bool { return o.remote.ID == p.remote.ID })
	}
	f := q.f
	hidden := false
	switch {
	case f.owned && q.set.Origin == OriginPublished, !f.owned && q.set.Upstream != "" && !p.by(q.set.Upstream):
		return Directed
	case f.owned && slices.ContainsFunc(f.visible, func(src source) bool { return src.pkg.Origin == "" }):
		return Published
	case f.owned && q.claimed:
		return Claimed
	case f.owned:
		hidden = true
	case f.owner != nil && !p.owns():
		return Owned
	case in(f.others):
		return Elsewhere
	case !in(f.remotes):
		return Absent
	}
	r, err := q.s.remoteOf(p)
	if err != nil {
		return Silent
	}
	if !q.s.lists(p, q.at.Name) || r.images != nil {
		return "" // it is asked for each thing, as nothing lists all
	}
	x, gone := q.s.known(ctx, r, q.at.Name)
	if x == nil || gone || hidden {
		if state := q.s.State(*p.remote); r.offline || state != nil && state.Breaker != origin.Closed.String() {
			return Silent
		}
		return Absent
	}
	c.Versions, c.Latest = x.listing.Package.VersionCount, x.listing.Package.Latest
	switch {
	case q.at.Version != "" && x.versions[q.at.Version] == nil:
		return Absent
	case !slices.ContainsFunc(q.f.sources, func(src source) bool { return src.remote != nil && src.remote.ID == p.remote.ID }),
		q.at.Version != "" && q.answered && !q.s.core.Rules[q.at.Format].UnionFiles:
		return Shadowed
	}
	return ""
}

// rulesOf fills in what administrators have said about the name.
func (s *Upstreams) rulesOf(out *Resolution, g *graph, places []place) {
	for _, c := range g.claims {
		holds := c.RepositoryID == 0 || slices.ContainsFunc(places, func(p place) bool { return p.repository.ID == c.RepositoryID })
		if holds && c.Format == out.Name.Format && MatchName(c.Pattern, out.Name.Package) {
			out.Claims = append(out.Claims, Claim{c, g.byID[c.RepositoryID].Name})
		}
	}
	o, ok := g.origins[originKey{places[0].repository.ID, out.Name.Format, out.Name.Package}]
	if ok && (o.ExpiresAt.IsZero() || o.ExpiresAt.After(s.core.Now())) {
		out.Origin = &o
	}
}
