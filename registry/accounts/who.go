package accounts

import (
	"context"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// WhoQuery asks who may do what to a resource. Without a resource it is the whole server.
type WhoQuery struct {
	access.Resource
	Action access.Action // "": any
	Or     access.Action // with Action: those too who may do this; "": no others
	User   string        // "": every user
	After  string        // name of the last user of the page before
	Limit  int           // of users

	environment registry.Environment // as it is; the zero value without one
}

// Holder is a user, or every caller without credentials, who may do something, and why.
type Holder struct {
	User    registry.User // the zero value: callers without credentials
	Actions []access.Action
	Because []access.Grant // with the roles and groups that they come from, and what the ownership of an environment gives
	Tokens  []TokenHolder
}

// TokenHolder is a valid token of a user, what it may do, and which of its permissions say so: those of the token of a login are
// its user's.
type TokenHolder struct {
	registry.Token
	Actions []access.Action
	Because []access.Grant
}

// HoldersPage bounds the users of one page, as all of their tokens are looked at.
const HoldersPage = 100

// Who returns who may do what to a resource, by user name. The caller must audit or administer it, or the whole server.
// Invalid, Denied, NotFound.
func (s *Accounts) Who(ctx context.Context, q WhoQuery) ([]Holder, error) {
	if q.Environment == "" && q.Repository == "" {
		q.Repository = access.Instance
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	actions := q.Actions()
	if q.Action != "" {
		actions = []access.Action{q.Action}
	}
	if q.Or != "" {
		actions = append(actions, q.Or)
	}
	var out []Holder
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		out, q.environment = nil, registry.Environment{Deleted: true}
		if q.Environment != "" {
			e, err := tx.Environments().Environment(q.Environment)
			if err == nil {
				q.environment = e
			} else if !errors.Is(err, metadata.ErrNotExist) {
				return err
			}
		}
		if err := s.mayAsk(ctx, q); err != nil {
			return err
		}
		if q.User != "" {
			u, err := existing(tx.Users(), q.User)
			if registry.KindOf(err) == registry.NotFound && !seesAll(access.From(ctx)) {
				return nil // which users exist is not for the administrators of a repository
			}
			if err != nil || u.Name <= q.After {
				return err
			}
			return s.hold(tx, q, actions, u, &out)
		}
		if h, ok := s.anybody(q, actions); ok {
			out = append(out, h)
		}
		for p := (registry.Page{After: q.After, Limit: registry.MaxPage}); ; {
			users, err := tx.Users().Users(p)
			if err != nil {
				return err
			}
			for _, u := range users {
				p.After = u.Name
				if err := s.hold(tx, q, actions, u, &out); err != nil || len(out) >= min(registry.Bound(q.Limit), HoldersPage) {
					return err
				}
			}
			if len(users) < p.Limit {
				return nil
			}
		}
	})
	return out, err
}

// check refuses a query that makes no sense. Invalid.
func (q WhoQuery) check() error {
	switch {
	case q.Environment != "" && q.Repository == access.Instance:
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "ask about an environment with the repository of the versions, not with the server")
	case q.Action != "" && !slices.Contains(q.Actions(), q.Action):
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "action: %q is not one of %s", registry.Clip(string(q.Action)), words(q.Actions()))
	}
	return nil
}

// mayAsk refuses a query that the caller may not make: about an environment it must administer that, and about a repository audit it.
func (s *Accounts) mayAsk(ctx context.Context, q WhoQuery) error {
	actor := access.From(ctx)
	if seesAll(actor) {
		return nil
	}
	if q.Environment != "" && access.DecideEnvironment(actor.InEnvironment(q.environment), access.Admin, q.Environment) != access.Allow {
		return s.mayList(ctx)
	}
	if q.Repository == "" {
		return nil
	}
	_, err := s.core.Authorize(ctx, access.Audit, q.Repository)
	return err
}

// hold adds a user to out who may do one of the actions.
func (s *Accounts) hold(tx metadata.Tx, q WhoQuery, actions []access.Action, u registry.User, out *[]Holder) error {
	if u.Disabled {
		return nil
	}
	rights, err := access.RightsOf(tx, access.RolesOf(tx.Roles()), u)
	if err != nil {
		return err
	}
	h := Holder{User: u}
	h.Actions, h.Because = q.reasons(access.Actor{Type: access.TypeUser, UserID: u.ID, Grants: rights}, actions)
	if len(h.Actions) == 0 {
		return nil
	}
	for after := int64(0); ; {
		tokens, err := tx.Tokens().Tokens(u.ID, after, registry.MaxPage)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			after = t.ID
			a, err := s.auth.TokenActor(tx, t)
			if errors.Is(err, access.ErrBadCredentials) {
				continue
			}
			if err != nil {
				return err
			}
			th := TokenHolder{Token: t}
			if th.Actions, th.Because = q.reasons(a, actions); len(th.Actions) > 0 {
				h.Tokens = append(h.Tokens, th)
			}
		}
		if len(tokens) < registry.MaxPage {
			*out = append(*out, h)
			return nil
		}
	}
}

// reasons returns which of the actions an actor may do, and the grants of its own that allow them. That an environment has no owner
// is a reason only for who may deploy in some repository: others get nothing by it.
func (q WhoQuery) reasons(a access.Actor, actions []access.Action) (may []access.Action, because []access.Grant) {
	if q.environment.OwnerID != 0 || a.DeploysSomewhere() {
		a = a.InEnvironment(q.environment)
	}
	for _, action := range actions {
		if q.Decide(a, action) == access.Allow {
			may = append(may, action)
		}
	}
	return may, q.Allowing(a.Grants, may)
}

// anybody is the entry of callers without credentials, on the first page, if they may do one of the actions.
func (s *Accounts) anybody(q WhoQuery, actions []access.Action) (Holder, bool) {
	var h Holder
	anyone, err := s.auth.Authenticate(context.Background(), access.Credentials{})
	if err == nil && q.After == "" {
		h.Actions, h.Because = q.reasons(anyone, actions)
	}
	return h, len(h.Actions) > 0
}
