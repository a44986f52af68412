package upstreams

import (
	"context"
	"slices"

	"slipway/metadata"
	"slipway/registry"
)

// Reasons why a place does not answer for a name.
const (
	Narrowed = "narrowed" // the formats or patterns of an upstream on the way leave the name out
	Absent   = "absent"   // it does not have the package, or not the version
	Emptied  = "emptied"  // all that it had is deleted
	Shadowed = "shadowed" // an earlier place answers alone
)

// Considered is one place of a repository, as seen by a question about a name.
type Considered struct {
	Repository string
	Path       []string // names of the upstreams that lead there; none for the repository itself
	Versions   int64    // that are not deleted
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

// Resolution explains how a repository answers for a package or, where at names one, for a version. A name that no place has is no
// error. NotFound: about the repository.
func (s *Upstreams) Resolution(ctx context.Context, at registry.Coordinate) (Resolution, error) {
	out := Resolution{Name: at.Name}
	f, err := s.find(ctx, at.Name)
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
	if len(f.visible) > 0 {
		out.Shown = f.visible[0].pkg.Name
	}
	answered := false
	for _, p := range places {
		c := Considered{Repository: p.repository.Name}
		for _, l := range p.path {
			c.Path = append(c.Path, l.Name)
		}
		has := func(src source) bool { return src.repository.ID == p.repository.ID }
		i := slices.IndexFunc(f.visible, has)
		switch {
		case !p.admits(at.Name):
			c.Why = Narrowed
		case i < 0:
			c.Why = Absent
		default:
			pkg := f.visible[i].pkg
			c.Versions, c.Latest = pkg.VersionCount, pkg.Latest
			if c.Why, err = s.silence(ctx, f, f.visible[i], at, answered); err != nil {
				return out, err
			}
			c.Answers = c.Why == ""
			answered = answered || c.Answers
		}
		out.Places = append(out.Places, c)
	}
	return out, nil
}

// silence is why a place that has the package does not answer; "" if it does.
func (s *Upstreams) silence(ctx context.Context, f found, src source, at registry.Coordinate, answered bool) (string, error) {
	answering := slices.ContainsFunc(f.sources, func(a source) bool { return a.repository.ID == src.repository.ID })
	switch {
	case src.pkg.VersionCount == 0:
		return Emptied, nil
	case !answering:
		return Shadowed, nil
	case at.Version == "":
		return "", nil
	}
	at, err := s.local.CanonicalVersion(ctx, registry.Coordinate{Name: src.at(f.name), Version: at.Version})
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
	case answered && !s.core.Rules[at.Format].UnionFiles:
		return Shadowed, nil
	}
	return "", nil
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
