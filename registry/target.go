package registry

import (
	"context"

	"slipway/registry/access"
)

// Target is the repository that takes what a client writes to a repository: that one, or another one that it hands writes on to.
type Target struct {
	Repository Repository // that holds what is written
	Asked      Repository // that the client named
	// Through are the repositories that the write came through, that of the client first; none where the client named the target.
	Through []string
}

// Allows reports whether a caller may act in the target and in every repository on the way to it.
func (t Target) Allows(a access.Actor, action access.Action) bool {
	for _, r := range t.Through {
		if access.Decide(a, action, r) != access.Allow {
			return false
		}
	}
	return access.Decide(a, action, t.Repository.Name) == access.Allow
}

// At is a name in the target.
func (t Target) At(n Name) Name {
	n.Repository = t.Repository.Name
	return n
}

// Forwarding says which repository takes what is written to r; "" is r itself. version may be empty where it is not known. Denied: none
// takes the name.
type Forwarding func(ctx context.Context, r Repository, at Name, version string) (string, error)

// Target finds the repository that takes a write of a caller who has one of the rights in it and in every repository on the way to it.
// version may be empty. Unauthenticated, NotFound, Denied.
func (s *Core) Target(ctx context.Context, at Name, version string, rights ...access.Action) (Target, error) {
	if err := s.AuthorizeAny(ctx, at.Repository, rights...); err != nil {
		return Target{}, err
	}
	r, err := s.RepositoryRow(ctx, at.Repository)
	t := Target{Repository: r, Asked: r}
	for err == nil && s.Forward != nil && t.Repository.Upstreams > 0 {
		var next string
		if next, err = s.Forward(ctx, t.Repository, at, version); err != nil || next == "" {
			return t, err
		}
		if s.AuthorizeAny(ctx, next, rights...) != nil {
			return t, s.notOnward(ctx, t.Repository, next, rights[0])
		}
		t.Through = append(t.Through, t.Repository.Name)
		t.Repository, err = s.RepositoryRow(ctx, next)
	}
	return t, err
}

// AuthorizeTarget checks that the caller may act in a target and in every repository on the way to it. Unauthenticated, NotFound, Denied.
func (s *Core) AuthorizeTarget(ctx context.Context, action access.Action, t Target) error {
	if _, err := s.Authorize(ctx, action, t.Asked.Name); err != nil || len(t.Through) == 0 || t.Allows(access.From(ctx), action) {
		return err
	}
	return s.notOnward(ctx, t.Asked, t.Repository.Name, action)
}

// notOnward is the refusal of a write that another repository would take. That one is named to callers who may read it.
func (s *Core) notOnward(ctx context.Context, from Repository, next string, action access.Action) error {
	actor := access.From(ctx)
	to := "another repository"
	if access.Decide(actor, access.Read, next) == access.Allow {
		to = "repository \"" + next + "\""
	}
	return Errorf(Denied, AboutRepository, "%s may not %s there: repository %q hands writes on to %s, where they need the right as well", Describe(actor), action, from.Name, to)
}
