package policy

import (
	"context"
	"time"

	"slipway/registry"
	"slipway/registry/upstreams"
)

// Admit implements upstreams.Policy.
func (p *Policies) Admit(ctx context.Context, q upstreams.Candidate) error {
	set, err := p.rules(ctx)
	if err != nil || set.idle() {
		return err
	}
	src := upstreams.From{Repositories: q.Repositories, Remote: q.Remote, PublishedAt: q.PublishedAt, FirstSeenAt: q.FirstSeenAt}
	about := registry.AboutFile
	var d Decision
	if q.At.Version == "" && q.Digest == "" && !q.Known {
		about = registry.AboutPackage
		scope := set.scope(q.At.Format, q.At.Package, q.Repositories)
		for i, list := range scope.lists {
			scope.lists[i] = untilNarrow(list)
		}
		d = scope.decide(Subject{Age: Age{None: true}}, p.core.Now())
	} else {
		d = decideFrom(set, p.core.Rules[q.At.Format], q.At, src, nil, q.Digest, q.Known, p.core.Now())
	}
	if d.Outcome.Served() {
		return nil
	}
	row, err := p.core.RepositoryRow(ctx, q.At.Repository)
	if err != nil {
		return err
	}
	return p.refuse(ctx, row, q.At, p.subjectOf(q.At), d, about)
}

// MinimumAge implements upstreams.Policy.
func (p *Policies) MinimumAge(ctx context.Context, at registry.Name, repositories []int64, remote *upstreams.Upstream) time.Duration {
	set, err := p.rules(ctx)
	if err != nil || set.idle() {
		return 0
	}
	longest := time.Duration(0)
	if c := remote.Settings.Cooldown; c != nil {
		longest = time.Duration(*c)
	}
	for _, list := range set.scope(at.Format, at.Package, repositories).lists {
		for _, r := range list {
			if r.Action == Hold {
				longest = max(longest, r.MinAge)
			}
		}
	}
	return longest
}
