package accounts

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// TokenRequest describes a token to make.
type TokenRequest struct {
	Name      string
	Grants    []access.Grant
	ExpiresIn time.Duration // 0: never
}

const (
	maxTokenName = 100
	maxGrants    = 100 // of a token, or of a user
)

// CreateToken makes a token of the caller. The secret is returned here and never again. The token's rights may not exceed the
// caller's, and a token made with another token ends no later than that. Invalid, Denied, Unauthenticated.
func (s *Accounts) CreateToken(ctx context.Context, req TokenRequest) (secret string, t registry.Token, err error) {
	actor := access.From(ctx)
	switch {
	case actor.UserID == 0:
		return "", t, registry.Errorf(registry.Unauthenticated, registry.AboutToken, "log in to make a token")
	case req.Name == "" || len(req.Name) > maxTokenName || !registry.IsLine(req.Name):
		return "", t, registry.Errorf(registry.Invalid, registry.AboutToken, "a token needs a name of at most %d bytes, without control characters", maxTokenName)
	case len(req.Grants) == 0:
		return "", t, registry.Errorf(registry.Invalid, registry.AboutToken, "a token needs permissions")
	case req.ExpiresIn < 0:
		return "", t, registry.Errorf(registry.Invalid, registry.AboutToken, "a token can't expire in the past")
	}
	if err := checkGrants(registry.AboutToken, req.Grants); err != nil {
		return "", t, err
	}
	if !access.Covers(actor, req.Grants) {
		return "", t, registry.Errorf(registry.Denied, registry.AboutToken, "a token can't have rights that %s does not have", registry.Describe(actor))
	}
	secret, hash := access.NewToken()
	t = registry.Token{UserID: actor.UserID, User: actor.Name, Name: req.Name, Hash: hash, Hint: secret[:len(access.TokenPrefix)+4], Grants: grants(req.Grants)}
	err = s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if u, err := tx.Users().UserByID(actor.UserID); err != nil || u.Disabled {
			return errors.Join(err, registry.Errorf(registry.Unauthenticated, registry.AboutUser, "the user is disabled"))
		}
		t.CreatedAt = tx.Now()
		if req.ExpiresIn > 0 {
			t.ExpiresAt = tx.Now().Add(req.ExpiresIn)
		}
		if err := outlived(tx, actor, &t); err != nil {
			return err
		}
		if t, err = tx.Tokens().CreateToken(t); err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventTokenCreated, "", 0, 0, registry.EventData{Name: t.Name})
		return err
	})
	return secret, t, err
}

// outlived sees to it that a token minted by a token ends no later than its minter: rights are bounded in time too.
func outlived(tx metadata.Tx, minter access.Actor, t *registry.Token) error {
	if minter.Type != access.TypeToken {
		return nil
	}
	m, err := tx.Tokens().Token(minter.TokenID)
	if err != nil {
		return err
	}
	if !m.RevokedAt.IsZero() || !m.ExpiresAt.IsZero() && !tx.Now().Before(m.ExpiresAt) {
		return registry.Errorf(registry.Unauthenticated, registry.AboutToken, "the token is no longer valid")
	}
	if !m.ExpiresAt.IsZero() && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(m.ExpiresAt)) {
		t.ExpiresAt = m.ExpiresAt
	}
	return nil
}

func checkGrants(about registry.Subject, list []access.Grant) error {
	if len(list) > maxGrants {
		return registry.Errorf(registry.Invalid, about, "there are %d permissions; at most %d are kept", len(list), maxGrants)
	}
	for _, g := range list {
		if !access.ValidGrant(g) {
			return registry.Errorf(registry.Invalid, about, "a permission names a repository or a glob, and some of the actions %s", actionList())
		}
	}
	return nil
}

func actionList() string {
	words := make([]string, len(access.Actions))
	for i, a := range access.Actions {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}

func grants(in []access.Grant) []metadata.Grant {
	out := make([]metadata.Grant, len(in))
	for i, g := range in {
		out[i].Repository = g.Repository
		for _, a := range g.Actions {
			out[i].Actions = append(out[i].Actions, string(a))
		}
	}
	return out
}

// Tokens lists the caller's tokens, or all users' tokens for an administrator of the instance; ascending by id.
func (s *Accounts) Tokens(ctx context.Context, afterID int64, limit int) ([]registry.Token, error) {
	actor := access.From(ctx)
	if actor.UserID == 0 {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutToken, "log in to see tokens")
	}
	owner := actor.UserID
	if access.Decide(actor, access.Admin, access.Instance) == access.Allow {
		owner = 0
	}
	var out []registry.Token
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Tokens().Tokens(owner, afterID, registry.Bound(limit))
		return err
	})
	return out, err
}

// RevokeToken ends a token of the caller, or any token for an administrator of the instance. NotFound.
func (s *Accounts) RevokeToken(ctx context.Context, id int64) error {
	actor := access.From(ctx)
	if actor.UserID == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutToken, "log in to revoke a token")
	}
	admin := access.Decide(actor, access.Admin, access.Instance) == access.Allow
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		t, err := tx.Tokens().Token(id)
		if errors.Is(err, metadata.ErrNotExist) || err == nil && t.UserID != actor.UserID && !admin {
			return registry.Errorf(registry.NotFound, registry.AboutToken, "there is no token %d", id)
		}
		if err != nil || !t.RevokedAt.IsZero() {
			return err
		}
		// A narrow token must not end a wider one: that would be a right it was not given.
		if actor.Type == access.TypeToken && actor.TokenID != id && !access.Covers(actor, access.Grants(t.Grants)) {
			return registry.Errorf(registry.Denied, registry.AboutToken, "%s may not revoke a token with wider rights", registry.Describe(actor))
		}
		if err := tx.Tokens().RevokeToken(id); err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventTokenRevoked, "", 0, 0, registry.EventData{Name: t.Name})
		return err
	})
	s.auth.Forget()
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

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// UserChange has the fields to set; a nil field stays as it is.
type UserChange struct {
	Password *string
	Disabled *bool
	Grants   []access.Grant // nil keeps
}

// CreateUser makes a user. The caller must administer the instance, and hands out no right that it lacks.
func (s *Accounts) CreateUser(ctx context.Context, name string, c UserChange) (registry.User, error) {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return registry.User{}, err
	}
	if !userName.MatchString(name) {
		return registry.User{}, registry.Errorf(registry.Invalid, registry.AboutUser, "%q can't name a user: lower-case letters, digits, '.', '_', '-', at most 63", registry.Clip(name))
	}
	if c.Password == nil {
		return registry.User{}, registry.Errorf(registry.Invalid, registry.AboutUser, "a new user needs a password")
	}
	u := registry.User{Name: name}
	if err := c.apply(actor, name, &u, s.passwordCost); err != nil {
		return registry.User{}, err
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if u, err = tx.Users().CreateUser(u); errors.Is(err, metadata.ErrExists) {
			return registry.Errorf(registry.AlreadyExists, registry.AboutUser, "there is a user %q already", name)
		} else if err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventUserCreated, "", 0, 0, registry.EventData{Name: u.Name})
		return err
	})
	if err == nil {
		s.auth.Met(ctx, name, *c.Password, u.PasswordHash)
	}
	return u, err
}

func (c UserChange) apply(actor access.Actor, name string, u *registry.User, cost int) error {
	if c.Password != nil {
		if err := checkPassword(name, *c.Password, actor.Type == access.TypeSystem); err != nil {
			return err
		}
		hash, err := access.HashPassword(*c.Password, cost)
		if err != nil {
			return err
		}
		u.PasswordHash = hash
	}
	if c.Disabled != nil {
		u.Disabled = *c.Disabled
	}
	if c.Grants != nil {
		if err := checkGrants(registry.AboutUser, c.Grants); err != nil {
			return err
		}
		if !access.Covers(actor, c.Grants) {
			return registry.Errorf(registry.Denied, registry.AboutUser, "rights that %s does not have can't be given", registry.Describe(actor))
		}
		u.Grants = grants(c.Grants)
	}
	return nil
}

// UpdateUser changes a user. An administrator of the instance may change everything; a user who is logged in by password may
// change that password.
func (s *Accounts) UpdateUser(ctx context.Context, name string, c UserChange) (registry.User, error) {
	actor := access.From(ctx)
	own := actor.Type == access.TypeUser && actor.Name == name && c.Disabled == nil && c.Grants == nil
	if !own {
		if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
			return registry.User{}, err
		}
	}
	var change registry.User
	if err := c.apply(actor, name, &change, s.passwordCost); err != nil {
		return registry.User{}, err
	}
	var u registry.User
	err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if u, err = tx.Users().User(name); err != nil {
			return registry.Missing(err, registry.AboutUser, "there is no user %q", registry.Clip(name))
		}
		before := u
		if c.Password != nil {
			u.PasswordHash = change.PasswordHash
		}
		if c.Disabled != nil {
			u.Disabled = change.Disabled
		}
		if c.Grants != nil {
			u.Grants = change.Grants
		}
		if err := tx.Users().UpdateUser(u); err != nil {
			return err
		}
		if administers(before) && !administers(u) {
			if err := mustHaveAdministrator(tx.Users()); err != nil {
				return err
			}
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventUserChanged, "", 0, 0, registry.EventData{Name: u.Name})
		return err
	})
	s.auth.Forget()
	if err == nil && c.Password != nil {
		s.auth.Met(ctx, name, *c.Password, u.PasswordHash)
	}
	return u, err
}

// mustHaveAdministrator refuses a change after which no user could administer the instance.
func mustHaveAdministrator(rows metadata.Users) error {
	for p := (registry.Page{Limit: registry.MaxPage}); ; {
		users, err := rows.Users(p)
		if err != nil {
			return err
		}
		for _, u := range users {
			if p.After = u.Name; administers(u) {
				return nil
			}
		}
		if len(users) < p.Limit {
			return registry.Errorf(registry.Conflict, registry.AboutUser, "nobody would be left who administers the server: give another user the right \"admin\" on \"*\" first")
		}
	}
}

// administers reports whether a user may do everything everywhere, now.
func administers(u registry.User) bool {
	return !u.Disabled && slices.ContainsFunc(u.Grants, func(g metadata.Grant) bool {
		return g.Repository == access.Instance && slices.Contains(g.Actions, string(access.Admin))
	})
}

// Users lists users by name. The caller must administer the instance.
func (s *Accounts) Users(ctx context.Context, p registry.Page) ([]registry.User, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return nil, err
	}
	p.Limit = registry.Bound(p.Limit)
	var out []registry.User
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Users().Users(p)
		return err
	})
	return out, err
}
