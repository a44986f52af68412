// Package policy keeps the rules about single packages, versions and bytes, decides by them, and shows front-ends what they leave: deny,
// hide, hold until old enough, allow, and never evict. It is also what compares the age of versions with the minimum age of an upstream.
package policy

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Policies keeps the rules of an instance.
type Policies struct {
	core      *registry.Core
	requestID func(context.Context) string
	versioned metadata.Versioned // nil: other processes may write the store, so rules are read each time
	current   atomic.Pointer[remembered]
	recorded  recorded
	decisions decisions
	reader    *Reader // set before the first request
}

// New makes the part. requestID returns the id of the request that a context belongs to, "" outside of one.
func New(core *registry.Core, requestID func(context.Context) string, metrics prometheus.Registerer) *Policies {
	p := &Policies{core: core, requestID: requestID, decisions: newDecisions(metrics)}
	p.versioned, _ = core.Store.(metadata.Versioned)
	return p
}

// Rule is a rule as callers see it.
type Rule struct {
	metadata.Rule
	Repository string // "": every repository
}

// Rules lists the rules that the caller may see: those of the whole server, and those of repositories that it may read; with a repository,
// those that hold there. NotFound: about the repository.
func (p *Policies) Rules(ctx context.Context, repository string) ([]Rule, error) {
	actor := access.From(ctx)
	if repository != "" {
		if _, err := p.core.Repository(ctx, repository); err != nil {
			return nil, err
		}
	} else if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see rules")
	}
	set, err := p.rules(ctx)
	if err != nil {
		return nil, err
	}
	out := []Rule{}
	for _, r := range set.all() {
		if r.Repository != "" && (access.Decide(actor, access.Read, r.Repository) != access.Allow || repository != "" && r.Repository != repository) {
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// About lists the rules that may be about a package, of those that the caller may see: of the whole server, and of the repositories.
func (p *Policies) About(ctx context.Context, at registry.Name, repositories []string) ([]Rule, error) {
	if access.From(ctx).Type == access.TypeAnonymous {
		return []Rule{}, nil
	}
	list, err := p.Rules(ctx, "")
	if err != nil {
		return nil, err
	}
	set, err := p.rules(ctx)
	if err != nil {
		return nil, err
	}
	names := map[int64]bool{}
	for _, one := range set.everyRule() {
		names[one.ID] = one.digest == "" && one.names(at.Format, at.Package)
	}
	return slices.DeleteFunc(list, func(r Rule) bool {
		return !names[r.ID] || r.Repository != "" && !slices.Contains(repositories, r.Repository)
	}), nil
}

// Add makes a rule, of a repository or, where that is "", of the whole server, at a position among those of the same place: 0 is the first.
// A negative position is the last. The caller administers the place. Invalid, NotFound, Denied.
func (p *Policies) Add(ctx context.Context, r Rule) (Rule, error) {
	actor, err := p.core.Authorize(ctx, access.Admin, placeOf(r.Repository))
	if err != nil {
		return r, err
	}
	if r.Mode == "" {
		r.Mode = Enforce
	}
	if _, err := compile(r.Rule, p.core.Rules); err != nil {
		return r, err
	}
	if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(p.core.Now()) {
		return r, invalid("the rule would have expired already, at %s", r.ExpiresAt.Format(time.RFC3339))
	}
	r.CreatedBy, r.ExpiresAt = actor.Text(), r.ExpiresAt.Truncate(time.Microsecond).UTC()
	wanted := r.Position
	err = p.core.Update(ctx, func(tx metadata.Tx) error {
		r.RepositoryID = 0
		if r.Repository != "" {
			row, err := tx.Repositories().Repository(r.Repository)
			if err != nil {
				return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(r.Repository))
			}
			r.RepositoryID = row.ID
		}
		rows, err := tx.Policies().Rules()
		if err != nil {
			return err
		}
		if len(rows) >= maxRules {
			return registry.Errorf(registry.Conflict, registry.AboutRule, "there are %d rules already; remove some", len(rows))
		}
		r.Position = place(rows, r.RepositoryID, wanted)
		if r.Rule, err = tx.Policies().CreateRule(r.Rule); err != nil {
			return err
		}
		return note(tx, actor, registry.EventRuleCreated, r)
	})
	return r, err
}

// place is a position in front of all rules of a repository where wanted is 0, behind all where it is negative.
func place(rows []metadata.Rule, repositoryID int64, wanted int) int {
	first, last, some := 0, 0, false
	for _, row := range rows {
		if row.RepositoryID != repositoryID {
			continue
		}
		if !some {
			first, last, some = row.Position, row.Position, true
		}
		first, last = min(first, row.Position), max(last, row.Position)
	}
	switch {
	case !some:
		return 0
	case wanted < 0:
		return last + 1
	default:
		return first - 1
	}
}

// Remove ends a rule. NotFound, Denied.
func (p *Policies) Remove(ctx context.Context, id int64) error {
	actor := access.From(ctx)
	missing := registry.Errorf(registry.NotFound, registry.AboutRule, "there is no rule %d", id)
	if actor.Type == access.TypeAnonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to remove rules")
	}
	return p.core.Update(ctx, func(tx metadata.Tx) error {
		set, err := p.read(tx)
		if err != nil {
			return err
		}
		all := set.all()
		i := slices.IndexFunc(all, func(r Rule) bool { return r.ID == id })
		if i < 0 {
			return missing
		}
		_, err = p.core.Authorize(access.With(ctx, actor), access.Admin, placeOf(all[i].Repository))
		if errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutRepository}) {
			return missing // of a repository that is hidden from the caller
		}
		if err != nil {
			return err
		}
		if err := tx.Policies().DeleteRule(id); err != nil {
			return err
		}
		return note(tx, actor, registry.EventRuleRemoved, all[i])
	})
}

func note(tx metadata.Tx, actor access.Actor, kind registry.EventType, r Rule) error {
	if err := changed(tx.Settings()); err != nil {
		return err
	}
	_, err := registry.Append(tx.Log(), actor, kind, r.Match, r.RepositoryID, 0, registry.EventData{Repository: r.Repository, Name: r.Match, Reason: r.Reason,
		Rule: &registry.EventRule{ID: strconv.FormatInt(r.ID, 10), Action: r.Action, Mode: r.Mode, MinAge: age(r.MinAge), ExpiresAt: moment(r.ExpiresAt)}})
	return err
}

func age(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return metadata.FormatTime(t)
}

func placeOf(repository string) string {
	if repository == "" {
		return access.Instance
	}
	return repository
}
