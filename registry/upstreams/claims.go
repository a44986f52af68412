package upstreams

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// A name is owned by what is here once it was published. A claim makes it owned before that.

// Claim reserves names.
type Claim struct {
	metadata.Claim
	Repository string // "": every repository
}

// Claims lists the claims that hold in a repository, or, where it is "", all that the caller may see: those of repositories that it
// may read, and those of the whole server.
func (s *Upstreams) Claims(ctx context.Context, repository string) ([]Claim, error) {
	actor := access.From(ctx)
	if repository != "" {
		if _, err := s.core.Repository(ctx, repository); err != nil {
			return nil, err
		}
	} else if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see claims")
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	out := []Claim{}
	for _, c := range g.claims {
		in := g.byID[c.RepositoryID].Name
		switch {
		case c.RepositoryID == 0:
		case in == "" || access.Decide(actor, access.Read, in) != access.Allow:
			continue
		}
		if repository == "" || in == "" || in == repository {
			out = append(out, Claim{c, in})
		}
	}
	return out, nil
}

// AddClaim reserves names in a repository, or, where that is "", in all. The caller administers it. Invalid, AlreadyExists.
func (s *Upstreams) AddClaim(ctx context.Context, c Claim) (Claim, error) {
	actor, err := s.core.Authorize(ctx, access.Admin, claimScope(c.Repository))
	if err != nil {
		return c, err
	}
	if c.Pattern, err = s.normalPattern(c.Format, c.Pattern); err != nil {
		return c, err
	}
	c.CreatedBy = actor.Text()
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if c.RepositoryID, err = repositoryID(tx, c.Repository); err != nil {
			return err
		}
		if c.Claim, err = tx.Upstreams().CreateClaim(c.Claim); errors.Is(err, metadata.ErrExists) {
			return registry.Errorf(registry.AlreadyExists, registry.AboutClaim, "%q is claimed already", c.Pattern)
		} else if err != nil {
			return err
		}
		return s.noteClaim(tx, actor, registry.EventClaimCreated, c)
	})
	return c, err
}

// RemoveClaim ends a claim; what was published under it stays owned. NotFound, Denied.
func (s *Upstreams) RemoveClaim(ctx context.Context, id int64) error {
	actor := access.From(ctx)
	missing := registry.Errorf(registry.NotFound, registry.AboutClaim, "there is no claim %d", id)
	if actor.Type == access.TypeAnonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to remove claims")
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		g, err := readGraph(tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(g.claims, func(c metadata.Claim) bool { return c.ID == id })
		if i < 0 {
			return missing
		}
		c := Claim{g.claims[i], g.byID[g.claims[i].RepositoryID].Name}
		if _, err := s.core.Authorize(access.With(ctx, actor), access.Admin, claimScope(c.Repository)); isMissing(err, registry.AboutRepository) {
			return missing // of a repository that is hidden from the caller
		} else if err != nil {
			return err
		}
		if err := tx.Upstreams().DeleteClaim(id); err != nil {
			return err
		}
		return s.noteClaim(tx, actor, registry.EventClaimRemoved, c)
	})
}

func (s *Upstreams) noteClaim(tx metadata.Tx, actor access.Actor, kind registry.EventType, c Claim) error {
	if err := changed(tx.Settings()); err != nil {
		return err
	}
	_, err := registry.Append(tx.Log(), actor, kind, c.Pattern, c.RepositoryID, 0, registry.EventData{Repository: c.Repository, Format: c.Format, Name: c.Pattern})
	return err
}

func claimScope(repository string) string {
	if repository == "" {
		return access.Instance
	}
	return repository
}

// repositoryID returns the id of a repository, 0 for "". NotFound.
func repositoryID(tx metadata.Tx, name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	r, err := tx.Repositories().Repository(name)
	return r.ID, registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(name))
}

// wild stands for an asterisk while a pattern is normalised as a name.
const wild = "0wild0"

// normalPattern brings a pattern into the spelling of the format's names: on PyPI Acme_* is acme-*. Invalid.
func (s *Upstreams) normalPattern(format, pattern string) (string, error) {
	rules, known := s.core.Rules[format]
	if !known {
		return "", invalid("there is no format %q", registry.Clip(format))
	}
	if err := checkPattern(pattern); err != nil {
		return "", err
	}
	if strings.Trim(pattern, "*") == "" {
		return "", invalid("a claim on %q would reserve every name; leave out the upstream instead", pattern)
	}
	if name, err := rules.Normalize(strings.ReplaceAll(pattern, "*", wild)); err == nil {
		return fold(strings.ReplaceAll(name, wild, "*")), nil
	}
	return fold(pattern), nil // a part of a name, such as a Maven group
}

// Origins of a package that an administrator can set.
const (
	OriginPublished = "published" // what is published here only, as the guard decides by itself for owned names
	OriginUpstream  = "upstream"  // remotes; what is published stays reachable by its exact version
	OriginBoth      = "both"      // both together; what is published wins
)

// SetOrigin lets the versions of a package come from elsewhere than the guard would decide; a zero expires is for ever. The caller
// administers the repository. Invalid, NotFound.
func (s *Upstreams) SetOrigin(ctx context.Context, at registry.Name, o metadata.Origin) error {
	switch {
	case o.Origin != OriginPublished && o.Origin != OriginUpstream && o.Origin != OriginBoth:
		return invalid("an origin is %q, %q or %q, not %q", OriginPublished, OriginUpstream, OriginBoth, registry.Clip(o.Origin))
	case o.Reason == "" || !registry.IsLine(o.Reason) || len(o.Reason) > registry.MaxFactBytes:
		return invalid("an origin needs a reason of one line")
	case !o.ExpiresAt.IsZero() && o.ExpiresAt.Before(s.core.Now()):
		return invalid("the origin would have expired already, at %s", o.ExpiresAt.Format(time.RFC3339))
	}
	if _, err := s.core.Authorize(ctx, access.Admin, at.Repository); err != nil {
		return err
	}
	if err := s.knownUpstream(ctx, at, o.Upstream); err != nil {
		return err
	}
	return s.origin(ctx, at, registry.EventOriginSet, o, func(tx metadata.Tx, o metadata.Origin) error { return tx.Upstreams().PutOrigin(o) })
}

// moved reports whether the origin of a name is OriginUpstream in one of the repositories. The store is not asked.
func (s *Upstreams) moved(at registry.Name, repositoryIDs ...int64) (bool, error) {
	g, err := s.graph(context.Background())
	if err != nil {
		return false, err
	}
	for _, id := range repositoryIDs {
		o := g.originOf([]place{{repository: registry.Repository{ID: id}}}, at, s.core.Now())
		if o.Origin == OriginUpstream {
			return true, nil
		}
	}
	return false, nil
}

// knownUpstream refuses an origin whose upstream is not on the way to any place of the repository. Invalid.
func (s *Upstreams) knownUpstream(ctx context.Context, at registry.Name, name string) error {
	if name == "" {
		return nil
	}
	r, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(g.places(r), func(p place) bool { return p.remote != nil && p.admits(at) && p.by(name) }) {
		return invalid("repository %q has no upstream %q that %s packages such as %q come from", at.Repository, registry.Clip(name), at.Format, registry.Clip(at.Package))
	}
	return nil
}

// ClearOrigin leaves a package to the guard again. NotFound.
func (s *Upstreams) ClearOrigin(ctx context.Context, at registry.Name) error {
	return s.origin(ctx, at, registry.EventOriginCleared, metadata.Origin{}, func(tx metadata.Tx, o metadata.Origin) error {
		return registry.Missing(tx.Upstreams().DeleteOrigin(o), registry.AboutPackage, "no origin is set for %q", registry.Clip(at.Package))
	})
}

func (s *Upstreams) origin(ctx context.Context, at registry.Name, kind registry.EventType, o metadata.Origin, write func(metadata.Tx, metadata.Origin) error) error {
	actor, err := s.core.Authorize(ctx, access.Admin, at.Repository)
	if err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		id, err := repositoryID(tx, at.Repository)
		if err != nil {
			return err
		}
		o.RepositoryID, o.Format, o.Key, o.SetBy = id, at.Format, at.Package, actor.Text()
		if err := write(tx, o); err != nil {
			return err
		}
		if err := changed(tx.Settings()); err != nil {
			return err
		}
		pkg, err := registry.PackageID(tx.Packages(), at.Repository, at.Format, at.Package)
		if err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, kind, at.Package, id, pkg,
			registry.EventData{Repository: at.Repository, Format: at.Format, Package: at.Package, Name: o.Origin, Reason: o.Reason})
		return err
	})
}
