package upstreams

import (
	"context"
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

// MayEnter reports why nothing of a package that is published elsewhere may enter a repository: its name belongs to what is published or
// claimed here. Conflict.
func (s *Upstreams) MayEnter(ctx context.Context, at registry.Name) error {
	f, err := s.look(ctx, at)
	if err == nil && f.owned {
		err = registry.Errorf(registry.Conflict, registry.AboutPackage, "%s is published or claimed here; nothing from elsewhere enters it", at.Package)
	}
	return err
}
