package upstreams

import (
	"context"
	"fmt"
	"slices"

	"slipway/registry"
)

// Repositories returns a repository and those that it answers from, each once, in the order in which they are asked, as far as the caller
// may read them through it. NotFound, Denied.
func (s *Upstreams) Repositories(ctx context.Context, repository string) ([]registry.Repository, error) {
	places, err := s.readable(ctx, repository, "")
	if err != nil {
		return nil, err
	}
	var out []registry.Repository
	for _, p := range places {
		if p.remote == nil && !slices.ContainsFunc(out, func(r registry.Repository) bool { return r.ID == p.repository.ID }) {
			out = append(out, p.repository)
		}
	}
	return out, nil
}

// MayEnter reports why files at paths of a version, which came to another server from an upstream of this name, may not enter a repository: by
// what a transfer from the repository's own upstream of the name would be refused, or from any where it has none. Conflict; Unavailable,
// BadUpstream: a remote that owns names can't tell.
func (s *Upstreams) MayEnter(ctx context.Context, at registry.Coordinate, upstream string, paths ...string) error {
	refuse := func(why string) error {
		return registry.Errorf(registry.Conflict, registry.AboutPackage, "%s %s", at.Display, why)
	}
	f, err := s.look(ctx, at.Name)
	if err != nil {
		return err
	}
	if f.owned {
		return refuse("is published or claimed here; nothing from elsewhere enters it")
	}
	g, err := s.graph(ctx)
	if err != nil {
		return err
	}
	from := func(p place) bool {
		return p.remote != nil && p.repository.ID == f.asked.ID && p.remote.Name == upstream && p.remote.Format == at.Format
	}
	switch {
	case slices.ContainsFunc(f.others, from):
		return refuse(fmt.Sprintf("came from another upstream first, and stays with it; an administrator can move it: slipway origin set %s %s %s upstream --upstream %s",
			at.Repository, at.Format, at.Display, upstream))
	case slices.ContainsFunc(g.places(f.asked), from) && !slices.ContainsFunc(slices.Concat(f.owners, f.remotes), from):
		return refuse("is not asked for at upstream " + upstream + " here")
	}
	if len(paths) == 0 {
		paths = []string{""}
	}
	for _, path := range paths {
		asked := f
		if err := s.askOwners(ctx, &asked, at, path); err != nil {
			return err
		}
		switch {
		case slices.ContainsFunc(f.owners, from):
		case asked.owner != nil:
			return refuse("belongs to upstream " + asked.owner.Name + ", and came from another one")
		case asked.unknown != nil:
			return asked.unknown
		}
	}
	return nil
}
