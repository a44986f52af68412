package accounts

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

// TokenRequest describes a token to make.
type TokenRequest struct {
	Name   string
	User   string // whose token it is to be; "": the caller's
	Grants []access.Grant
	// Session makes the token of a login: it has no grants of its own, but those that its user has at any time. It needs the
	// password, and ends when that changes.
	Session bool
	// ExpiresIn 0: it ends with the token that makes it; never, where a password makes it.
	ExpiresIn time.Duration
	// Endless asks for a token that never ends: Invalid where the token that makes it ends.
	Endless bool
}

const maxTokenName = 100

// check checks a request without looking at what is stored.
func (r TokenRequest) check(actor access.Actor) error {
	switch {
	case actor.UserID == 0:
		return registry.Errorf(registry.Unauthenticated, registry.AboutToken, "log in to make a token")
	case r.Name == "" || len(r.Name) > maxTokenName || !registry.IsLine(r.Name):
		return registry.Errorf(registry.Invalid, registry.AboutToken, "a token needs a name of at most %d bytes, without control characters", maxTokenName)
	case r.Session && (len(r.Grants) > 0 || r.User != "" && r.User != actor.Name):
		return registry.Errorf(registry.Invalid, registry.AboutToken, "the token of a login has the rights of its user, and no permissions of its own")
	case r.Session && (actor.Type != access.TypeUser || actor.WebSession != 0):
		return registry.Errorf(registry.Denied, registry.AboutToken, "a token or a browser's session can't log in: that needs the password")
	case !r.Session && len(r.Grants) == 0:
		return registry.Errorf(registry.Invalid, registry.AboutToken, "a token needs permissions")
	case r.ExpiresIn < 0:
		return registry.Errorf(registry.Invalid, registry.AboutToken, "a token can't expire in the past")
	case len(actor.Line)+1 >= access.MaxLine:
		return registry.Errorf(registry.Invalid, registry.AboutToken, "this token descends from %d others, which is the most; make the new one with your password", len(actor.Line))
	}
	return nil
}

// CreateToken makes a token. The secret is returned here and never again. Made with a token, it is that token's child: it ends
// with it, and its rights are bounded by it now and later. Its rights may exceed neither the caller's nor those of its user,
// which is the caller; an administrator of the instance names any user. Invalid, Denied, NotFound, Unauthenticated.
func (s *Accounts) CreateToken(ctx context.Context, req TokenRequest) (secret string, t registry.Token, err error) {
	actor := access.From(ctx)
	if err := req.check(actor); err != nil {
		return "", t, err
	}
	secret, hash := access.NewToken()
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		actor, err := s.renew(tx, actor)
		if err != nil {
			return err
		}
		owner, err := tokenOwner(tx, actor, req.User)
		if err != nil {
			return err
		}
		if err := checkRights(tx, actor, owner, req.Grants); err != nil {
			return err
		}
		t = registry.Token{UserID: owner.ID, User: owner.Name, ParentID: actor.TokenID, MakerID: actor.UserID, Name: req.Name, Hash: hash,
			Hint: secret[:len(access.TokenPrefix)+4], Grants: access.Stored(req.Grants)}
		if req.Session {
			t.Kind = metadata.SessionToken
		}
		if t.ExpiresAt, err = req.end(s.core.Now().UTC().Truncate(time.Microsecond), actor); err != nil {
			return err
		}
		if t, err = tx.Tokens().CreateToken(t); err != nil {
			return err
		}
		if req.Session {
			if err := tx.Users().NoteLogin(owner.ID); err != nil {
				return err
			}
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventTokenCreated, "", 0, 0,
			registry.EventData{Name: t.Name, User: owner.Name, Permissions: t.Grants})
		return err
	})
	return secret, t, err
}

// tokenOwner returns the user whose token the caller may make: name, or the caller's own for "".
func tokenOwner(tx metadata.Tx, actor access.Actor, name string) (registry.User, error) {
	if name == "" || name == actor.Name {
		return tx.Users().UserByID(actor.UserID)
	}
	if access.Decide(actor, access.Admin, access.Instance) != access.Allow {
		return registry.User{}, registry.Errorf(registry.Denied, registry.AboutToken, "a token of another user is made by an administrator of the server")
	}
	u, err := existing(tx.Users(), name)
	if err == nil && u.Disabled {
		err = registry.Errorf(registry.Conflict, registry.AboutUser, "user %q is disabled", name)
	}
	return u, err
}

// checkRights refuses permissions that exceed what the caller may do, or the user whose token it is to be.
func checkRights(tx metadata.Tx, actor access.Actor, owner registry.User, want []access.Grant) error {
	roles := access.RolesOf(tx.Roles())
	full, err := resolved(roles, registry.AboutToken, want)
	if err != nil {
		return err
	}
	if actor, err = inEnvironments(tx, actor, full); err != nil {
		return err
	}
	if !access.Covers(actor, full) {
		return registry.Errorf(registry.Denied, registry.AboutToken, "a token can't have rights that %s does not have", registry.Describe(actor))
	}
	rights, err := access.RightsOf(tx, roles, owner)
	if err != nil {
		return err
	}
	user, err := inEnvironments(tx, access.Actor{Type: access.TypeUser, UserID: owner.ID, Grants: rights}, full)
	if err == nil && !access.Covers(user, full) {
		err = registry.Errorf(registry.Denied, registry.AboutToken, "a token of user %q can't have rights that the user does not have", owner.Name)
	}
	return err
}

// inEnvironments returns an actor with what it may do, as their owner, in the environments that permissions name. A glob names none.
func inEnvironments(tx metadata.Tx, a access.Actor, want []access.Grant) (access.Actor, error) {
	for _, g := range want {
		if g.Environment == "" || strings.Contains(g.Environment, "*") {
			continue
		}
		e, err := tx.Environments().Environment(g.Environment)
		switch {
		case err == nil:
			a = a.InEnvironment(e)
		case !errors.Is(err, metadata.ErrNotExist):
			return a, err
		}
	}
	return a, nil
}

// end is when the token ends that a caller makes now; zero: never. Invalid: after the token that makes it.
func (r TokenRequest) end(now time.Time, actor access.Actor) (time.Time, error) {
	var end time.Time
	switch {
	case r.ExpiresIn > 0:
		end = now.Add(r.ExpiresIn)
	case !r.Endless:
		return actor.Ends, nil
	}
	if !actor.Ends.IsZero() && (end.IsZero() || end.After(actor.Ends)) {
		return end, registry.Errorf(registry.Invalid, registry.AboutToken, "expires_in: the token that you use (%q) ends at %s, and with it every token that it makes; "+
			"ask for an earlier end or for none, or make the token with your password", registry.Clip(actor.Token), metadata.FormatTime(actor.Ends))
	}
	return end, nil
}

// TokenQuery selects tokens, ascending by id.
type TokenQuery struct {
	User  string // of this user; "": of all that the caller sees
	Valid bool   // without those that were revoked or have expired
	After int64  // behind this id
	Limit int    // 0: as many as a page holds
}

// Tokens lists tokens: to an administrator or auditor of the instance all; to a user who is logged in all of its own; to any other
// token itself and those that descend from it. Of each, RevokedAt and ExpiresAt tell of the tokens that it descends from too.
// Unauthenticated; NotFound for a user who is not there, and Denied for one whose tokens the caller never sees.
func (s *Accounts) Tokens(ctx context.Context, q TokenQuery) ([]registry.Token, error) {
	actor := access.From(ctx)
	switch {
	case actor.UserID == 0:
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutToken, "log in to see tokens")
	case q.User != "" && q.User != actor.Name && !seesAll(actor):
		return nil, registry.Errorf(registry.Denied, registry.AboutToken, "%s may not see the tokens of another user", registry.Describe(actor))
	}
	q.Limit = registry.Bound(q.Limit)
	var out []registry.Token
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		out = nil
		of := actor.UserID
		if q.User != "" && q.User != actor.Name {
			u, err := existing(tx.Users(), q.User)
			if err != nil {
				return err
			}
			of = u.ID
		}
		for more := true; more && len(out) < q.Limit; {
			list, err := visible(tx.Tokens(), actor, of, q)
			if err != nil {
				return err
			}
			if err := inherited(tx.Tokens(), list); err != nil {
				return err
			}
			more = len(list) == q.Limit
			for _, t := range list {
				if q.After = t.ID; len(out) < q.Limit && (!q.Valid || !access.Ended(t, s.core.Now())) {
					out = append(out, t)
				}
			}
		}
		return nil
	})
	s.noted(out)
	return out, err
}

// visible returns a page of the tokens that a caller sees: with a user named, of that one.
func visible(tokens metadata.Tokens, actor access.Actor, user int64, q TokenQuery) ([]registry.Token, error) {
	switch {
	case seesAll(actor) && q.User == "":
		return tokens.Tokens(0, q.After, q.Limit)
	case seesAll(actor) || actor.ActsForUser():
		return tokens.Tokens(user, q.After, q.Limit)
	}
	out, err := family(tokens, actor.TokenID)
	out = slices.DeleteFunc(out, func(t registry.Token) bool { return t.ID <= q.After || q.User != "" && t.UserID != user })
	return out[:min(len(out), q.Limit)], err
}

// Token returns a token that Tokens lists. NotFound, Unauthenticated.
func (s *Accounts) Token(ctx context.Context, id int64) (registry.Token, error) {
	actor := access.From(ctx)
	if actor.UserID == 0 {
		return registry.Token{}, registry.Errorf(registry.Unauthenticated, registry.AboutToken, "log in to see tokens")
	}
	list := make([]registry.Token, 1)
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if list[0], err = seen(tx.Tokens(), actor, id); err != nil {
			return err
		}
		s.noted(list)
		return inherited(tx.Tokens(), list)
	})
	return list[0], err
}

// noted sets when tokens were used last to what is not stored yet, where that is later.
func (s *Accounts) noted(list []registry.Token) {
	for i := range list {
		list[i].Use = s.auth.NotedUse(access.Used{Token: list[i].ID}, list[i].Use)
	}
}

// seesAll reports whether a caller sees the tokens of all users.
func seesAll(a access.Actor) bool {
	return access.Decide(a, access.Admin, access.Instance) == access.Allow || access.Decide(a, access.Audit, access.Instance) == access.Allow
}

// family returns a token and those that descend from it, ascending by id.
func family(tokens metadata.Tokens, id int64) ([]registry.Token, error) {
	first, err := tokens.Token(id)
	if err != nil {
		return nil, err
	}
	out := []registry.Token{first}
	for i := 0; i < len(out); i++ {
		children, err := tokens.TokensMadeWith(out[i].ID)
		if err != nil {
			return nil, err
		}
		out = append(out, children...)
	}
	slices.SortFunc(out, func(a, b registry.Token) int { return int(a.ID - b.ID) })
	return out, nil
}

// seen returns a token that a caller sees. NotFound.
func seen(tokens metadata.Tokens, actor access.Actor, id int64) (registry.Token, error) {
	hidden := registry.Errorf(registry.NotFound, registry.AboutToken, "there is no token %d", id)
	t, err := tokens.Token(id)
	if errors.Is(err, metadata.ErrNotExist) {
		return t, hidden
	}
	if err != nil || seesAll(actor) || actor.ActsForUser() && t.UserID == actor.UserID {
		return t, err
	}
	if mine, err := actor.Descends(tokens, id); err != nil || mine {
		return t, err
	}
	return registry.Token{}, hidden
}

// inherited sets when tokens were revoked to when the first of those was that they descend from, if that came first.
func inherited(tokens metadata.Tokens, list []registry.Token) error {
	known := map[int64]registry.Token{}
	for _, t := range list {
		known[t.ID] = t
	}
	for i := range list {
		for up := list[i].ParentID; up != 0; {
			parent, ok := known[up]
			if !ok {
				var err error
				if parent, err = tokens.Token(up); err != nil {
					return err
				}
				known[up] = parent
			}
			if at := parent.RevokedAt; !at.IsZero() && (list[i].RevokedAt.IsZero() || at.Before(list[i].RevokedAt)) {
				list[i].RevokedAt = at
			}
			up = parent.ParentID
		}
	}
	return nil
}

// RevokeToken ends a token that the caller sees, and with it all that descend from it. To see all tokens as an auditor is not
// enough. NotFound, Denied, Unauthenticated.
func (s *Accounts) RevokeToken(ctx context.Context, id int64) error {
	actor := access.From(ctx)
	if actor.UserID == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutToken, "log in to revoke a token")
	}
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		actor, err := s.renew(tx, actor)
		if err != nil {
			return err
		}
		t, err := seen(tx.Tokens(), actor, id)
		if err != nil || !t.RevokedAt.IsZero() {
			return err
		}
		if err := mayRevoke(tx.Tokens(), actor, t); err != nil {
			return err
		}
		return revoke(tx, actor, t, "")
	})
	s.auth.Forget()
	return err
}

// mayRevoke refuses a caller who sees a token as an auditor only.
func mayRevoke(tokens metadata.Tokens, actor access.Actor, t registry.Token) error {
	if access.Decide(actor, access.Admin, access.Instance) == access.Allow {
		return nil
	}
	own := actor
	own.Grants = nil // without its rights, an auditor sees what is its own
	if _, err := seen(tokens, own, t.ID); registry.KindOf(err) == registry.NotFound && err != nil {
		return registry.Errorf(registry.Denied, registry.AboutToken, "%s may not revoke a token of user %q", registry.Describe(actor), t.User)
	} else if err != nil {
		return err
	}
	return nil
}

func revoke(tx metadata.Tx, actor access.Actor, t registry.Token, reason string) error {
	if err := tx.Tokens().RevokeToken(t.ID); err != nil {
		return err
	}
	_, err := registry.Append(tx.Log(), actor, registry.EventTokenRevoked, "", 0, 0, registry.EventData{Name: t.Name, User: t.User, Reason: reason})
	return err
}

// RevokeSecret ends the token of the given secret, as a logout does. NotFound.
func (s *Accounts) RevokeSecret(ctx context.Context, secret string) error {
	var t registry.Token
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		t, err = tx.Tokens().TokenByHash(access.HashToken(secret))
		return err
	})
	if err != nil {
		return registry.Missing(err, registry.AboutToken, "there is no such token")
	}
	return s.RevokeToken(ctx, t.ID)
}
