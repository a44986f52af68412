package integration

import (
	"context"
	"strings"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// administers reports whether the caller may change a subscription with this filter, and why not.
func (s *Subscriptions) administers(ctx context.Context, f Filter) (access.Actor, error) {
	actor := access.From(ctx)
	for _, r := range f.Repositories {
		if r == access.Instance || !strings.Contains(r, "*") {
			if _, err := s.core.Authorize(ctx, access.Admin, r); err != nil {
				return actor, err
			}
			continue
		}
		if !covers(actor, Filter{Repositories: []string{r}}) {
			if actor.Type == access.TypeAnonymous {
				return actor, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to subscribe")
			}
			return actor, registry.Errorf(registry.Denied, registry.AboutSubscription, "this needs the right %q on every repository that %q can name", access.Admin, registry.Clip(r))
		}
	}
	return actor, nil
}

// covers reports whether a caller administers every repository that a filter names. One that names none is the instance's, as
// the row of a subscription may be that was damaged.
func covers(actor access.Actor, f Filter) bool {
	repositories := f.Repositories
	if len(repositories) == 0 {
		repositories = []string{access.Instance}
	}
	grants := make([]access.Grant, len(repositories))
	for i, r := range repositories {
		grants[i] = access.Grant{Repository: r, Actions: []access.Action{access.Admin}}
	}
	return access.Covers(actor, grants)
}

// checkRepositories refuses names that are no repository: a misspelt one would be silent for ever. NotFound.
func (s *Subscriptions) checkRepositories(repositories metadata.Repositories, f Filter) error {
	for _, r := range f.Repositories {
		if strings.Contains(r, "*") {
			continue
		}
		if _, err := repositories.Repository(r); err != nil {
			return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(r))
		}
	}
	return nil
}

// roomFor refuses another subscription beside all that there are: where there are too many, or where the caller's user has made its
// share of them with all of its tokens. Administrators of the instance have no share. Conflict.
func roomFor(actor access.Actor, all []metadata.Subscription) error {
	if len(all) >= maxSubscriptions {
		return registry.Errorf(registry.Conflict, registry.AboutSubscription, "there are %d subscriptions already, which is the most", maxSubscriptions)
	}
	if access.Decide(actor, access.Admin, access.Instance) == access.Allow {
		return nil
	}
	own := 0
	for _, s := range all {
		if access.UserIn(s.Owner) == actor.Name {
			own++
		}
	}
	if own >= subscriptionShare {
		return registry.Errorf(registry.Conflict, registry.AboutSubscription, "a user makes at most %d subscriptions; delete one, or let an administrator of the server make it", subscriptionShare)
	}
	return nil
}

// seenSubscription returns a subscription that the caller administers, or sees as an auditor. NotFound, Unauthenticated.
func (s *Subscriptions) seenSubscription(ctx context.Context, subscriptions metadata.Subscriptions, id int64) (Subscription, error) {
	actor := access.From(ctx)
	if actor.Type == access.TypeAnonymous {
		return Subscription{}, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see subscriptions")
	}
	row, err := subscriptions.Subscription(id)
	sub, ok := shown(actor, subscriptionOf(row))
	if err == nil && !ok {
		err = metadata.ErrNotExist
	}
	return sub, registry.Missing(err, registry.AboutSubscription, "there is no subscription %d", id)
}

// shown returns a subscription as the caller sees it; false: not at all. An auditor who does not administer it sees the host of
// its target only: what follows may be a secret.
func shown(actor access.Actor, sub Subscription) (Subscription, bool) {
	if covers(actor, sub.Filter) {
		return sub, true
	}
	sub.URL = hostOf(sub.URL)
	return sub, access.Decide(actor, access.Audit, access.Instance) == access.Allow
}

// hostOf cuts a target behind its host: of a broker, behind all that its URL lists.
func hostOf(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest + "/…"
}

// ownSubscription returns a subscription that the caller administers. NotFound, Unauthenticated.
func (s *Subscriptions) ownSubscription(ctx context.Context, subscriptions metadata.Subscriptions, id int64) (Subscription, error) {
	actor := access.From(ctx)
	if actor.Type == access.TypeAnonymous {
		return Subscription{}, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see subscriptions")
	}
	row, err := subscriptions.Subscription(id)
	sub := subscriptionOf(row)
	if err == nil && !covers(actor, sub.Filter) {
		err = metadata.ErrNotExist
	}
	return sub, registry.Missing(err, registry.AboutSubscription, "there is no subscription %d", id)
}
