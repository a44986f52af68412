package upstreams

import (
	"context"
	"slices"

	"slipway/metadata"
	"slipway/registry"
)

// maxShadowed bounds the callers that are named.
const maxShadowed = 100

// shadows returns who got a name from a remote in the last 30 days, through a repository that answers from the one into which it is published
// for the first time: from then on they get what is published. The store is asked only where there is such a repository.
func (s *Upstreams) shadows(tx metadata.Tx, repositoryID int64, at registry.Name) ([]string, error) {
	g, err := s.graph(context.Background())
	if err != nil {
		return nil, err
	}
	var out []string
	for id, r := range g.byID {
		places := g.places(r)
		reaches := slices.ContainsFunc(places, func(p place) bool { return p.remote == nil && p.repository.ID == repositoryID && p.admits(at) })
		elsewhere := slices.ContainsFunc(places, func(p place) bool { return p.remote != nil && p.admits(at) })
		if !reaches || !elsewhere {
			continue
		}
		uses, err := tx.Names().NameUses(id, at.Format, at.Package, s.core.Now().Add(-usesKept), maxShadowed)
		if err != nil {
			return nil, err
		}
		for _, u := range uses {
			out = append(out, u.Caller)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxShadowed)], nil
}
