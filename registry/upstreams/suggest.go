package upstreams

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Suggested is a claim that would reserve names like those that are published.
type Suggested struct {
	Format   string
	Pattern  string
	Packages int    // published ones that it matches and that no claim covers
	Example  string // name of one of them
}

type family struct{ format, pattern string }

// SuggestClaims proposes claims from the names that are published in a repository or, where that is "", in all: their scopes, groups,
// folders and prefixes, as far as no claim that holds there covers them. The caller administers the repository, or the server. NotFound, Denied.
func (s *Upstreams) SuggestClaims(ctx context.Context, repository string) ([]Suggested, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, claimScope(repository)); err != nil {
		return nil, err
	}
	if repository != "" {
		if _, err := s.core.RepositoryRow(ctx, repository); err != nil {
			return nil, err
		}
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	found := map[family]*Suggested{}
	for name, r := range g.byName {
		if repository != "" && name != repository {
			continue
		}
		if err := s.families(ctx, g, r, found); err != nil {
			return nil, err
		}
	}
	out := []Suggested{}
	for _, one := range found {
		if one.Packages >= s.core.Rules[one.Format].FamilySize {
			out = append(out, *one)
		}
	}
	out = slices.DeleteFunc(out, func(a Suggested) bool { return slices.ContainsFunc(out, a.within) })
	slices.SortFunc(out, func(a, b Suggested) int {
		return cmp.Or(strings.Compare(a.Format, b.Format), strings.Compare(a.Pattern, b.Pattern))
	})
	return out, nil
}

// within reports whether another suggestion covers all that this one does.
func (a Suggested) within(b Suggested) bool {
	base, ok := cutTail(a.Pattern)
	return ok && a.Format == b.Format && a.Pattern != b.Pattern && MatchName(b.Pattern, base)
}

// families counts the names that are published in a repository by the claims that would reserve names like them.
func (s *Upstreams) families(ctx context.Context, g *graph, r registry.Repository, found map[family]*Suggested) error {
	q := metadata.PackageQuery{RepositoryID: r.ID, Limit: registry.MaxPage}
	for {
		var page []registry.Package
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			page, err = tx.Packages().Packages(q)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range page {
			q.AfterFormat, q.AfterKey = p.Format, p.Key
			rules := s.core.Rules[p.Format]
			if p.Origin != "" || p.VersionCount == 0 || rules.Family == nil {
				continue
			}
			at := registry.Name{Repository: r.Name, Format: p.Format, Package: p.Key}
			pattern := rules.Family(p.Key)
			if _, covered := g.claimed([]place{{repository: r}}, at); covered || pattern == "" {
				continue
			}
			one := found[family{p.Format, pattern}]
			if one == nil {
				one = &Suggested{Format: p.Format, Pattern: pattern, Example: p.Name}
				found[family{p.Format, pattern}] = one
			}
			one.Packages++
			if p.Name < one.Example {
				one.Example = p.Name
			}
		}
		if len(page) < q.Limit {
			return nil
		}
	}
}
