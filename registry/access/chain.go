package access

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"slipway/metadata"
)

// MaxLine bounds how many tokens a token descends from.
const MaxLine = 16

// unknown turns the error of a missing row into ErrBadCredentials.
func unknown(err error) error {
	if errors.Is(err, metadata.ErrNotExist) {
		return ErrBadCredentials
	}
	return err
}

// Ended reports whether a token was revoked or has expired, whatever became of those that it descends from.
func Ended(t metadata.Token, now time.Time) bool {
	return !t.RevokedAt.IsZero() || !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// TokenActor returns the actor of a token with all that bounds it. ErrBadCredentials: the token, one that it descends from, or
// the user of one of them is no longer valid.
func (a *Authenticator) TokenActor(tx metadata.Tx, t metadata.Token) (Actor, error) {
	roles := RolesOf(tx.Roles())
	actor := Actor{Type: TypeToken, ID: fmt.Sprintf("token:%d", t.ID), Token: t.Name, UserID: t.UserID, TokenID: t.ID, Session: t.Kind == metadata.SessionToken}
	var users []int64 // those whose rights bound the actor already
	for level := t; ; {
		if Ended(level, a.now()) {
			return Actor{}, ErrBadCredentials
		}
		if !level.ExpiresAt.IsZero() && (actor.Ends.IsZero() || level.ExpiresAt.Before(actor.Ends)) {
			actor.Ends = level.ExpiresAt
		}
		u, rights, err := enabled(tx, roles, level.UserID)
		if err != nil {
			return Actor{}, err
		}
		own := rights
		if level.Kind != metadata.SessionToken {
			if own, err = roles.Resolve(Grants(level.Grants)); err != nil {
				return Actor{}, err
			}
		}
		switch {
		case level.ID == t.ID:
			actor.Name, actor.Service, actor.Grants, actor.Owner = u.Name, u.Kind == metadata.Service, own, rights
		case level.Kind != metadata.SessionToken:
			actor.Bounds = append(actor.Bounds, own)
		}
		if !slices.Contains(users, u.ID) {
			if users = append(users, u.ID); level.ID != t.ID {
				actor.Bounds = append(actor.Bounds, rights)
			}
		}
		if level.ParentID == 0 {
			return actor, nil
		}
		parent, err := tx.Tokens().Token(level.ParentID)
		if err != nil {
			return Actor{}, unknown(err)
		}
		if parent.ID >= level.ID || len(actor.Line) == MaxLine { // a damaged row must not be followed for ever
			return Actor{}, ErrBadCredentials
		}
		actor.Line = append(actor.Line, parent.ID)
		level = parent
	}
}

// enabled returns a user who is not disabled, with the user's rights.
func enabled(tx metadata.Tx, roles *Roles, id int64) (metadata.User, []Grant, error) {
	u, err := tx.Users().UserByID(id)
	if err != nil {
		return u, nil, unknown(err)
	}
	if u.Disabled || !u.DeletedAt.IsZero() {
		return u, nil, ErrBadCredentials
	}
	rights, err := RightsOf(tx, roles, u)
	return u, rights, err
}

// userActor returns the actor of a user. ErrBadCredentials: the user is disabled.
func userActor(tx metadata.Tx, u metadata.User) (Actor, error) {
	if u.Disabled || !u.DeletedAt.IsZero() {
		return Actor{}, ErrBadCredentials
	}
	rights, err := RightsOf(tx, RolesOf(tx.Roles()), u)
	return Actor{Type: TypeUser, ID: fmt.Sprintf("user:%d", u.ID), Name: u.Name, UserID: u.ID, Service: u.Kind == metadata.Service, Grants: rights,
		mark: mark(u.PasswordHash)}, err
}

// RightsOf returns what a user may do: its own grants and those of its groups, with roles resolved.
func RightsOf(tx metadata.Tx, roles *Roles, u metadata.User) ([]Grant, error) {
	rights := Grants(u.Grants)
	groups, err := tx.Groups().GroupsOf(u.ID)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		for _, g := range Grants(group.Grants) {
			g.Group = group.Name
			rights = append(rights, g)
		}
	}
	return roles.Resolve(rights)
}

// Grants converts stored grants. Their roles are not resolved.
func Grants(in []metadata.Grant) []Grant {
	out := make([]Grant, len(in))
	for i, g := range in {
		out[i] = Grant{Repository: g.Repository, Environment: g.Environment, Role: g.Role}
		for _, action := range g.Actions {
			out[i].Actions = append(out[i].Actions, Action(action))
		}
	}
	return out
}

// Stored converts grants to those that are stored.
func Stored(in []Grant) []metadata.Grant {
	out := make([]metadata.Grant, len(in))
	for i, g := range in {
		out[i] = metadata.Grant{Repository: g.Repository, Environment: g.Environment, Role: g.Role}
		for _, action := range g.Actions {
			out[i].Actions = append(out[i].Actions, string(action))
		}
	}
	return out
}
