package accounts

import (
	"context"
	"errors"
	"strings"

	"slipway/internal/lazyregexp"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

var userName = lazyregexp.New(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// UserChange has the fields to set; a nil field stays as it is.
type UserChange struct {
	Password *string
	// CurrentPassword is the password until now. A caller with a token changes the own password only with it.
	CurrentPassword *string
	Disabled        *bool
	Grants          []access.Grant // nil keeps
	Service         bool           // of a new user: a service account, which has no password
}

// existing loads a user who is not deleted. NotFound.
func existing(users metadata.Users, name string) (registry.User, error) {
	u, err := users.User(name)
	if err == nil && !u.DeletedAt.IsZero() {
		err = metadata.ErrNotExist
	}
	return u, registry.Missing(err, registry.AboutUser, "there is no user %q", registry.Clip(name))
}

// CreateUser makes a user. The caller must administer the instance, and hands out no right that it lacks. Invalid,
// AlreadyExists, Denied.
func (s *Accounts) CreateUser(ctx context.Context, name string, c UserChange) (registry.User, error) {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return registry.User{}, err
	}
	switch {
	case !userName.MatchString(name):
		return registry.User{}, registry.Errorf(registry.Invalid, registry.AboutUser, "%q can't name a user: lower-case letters, digits, '.', '_', '-', at most 63", registry.Clip(name))
	case c.Service && c.Password != nil:
		return registry.User{}, noPassword(name)
	case !c.Service && c.Password == nil:
		return registry.User{}, registry.Errorf(registry.Invalid, registry.AboutUser, "a new user needs a password")
	case c.CurrentPassword != nil:
		return registry.User{}, registry.Errorf(registry.Invalid, registry.AboutUser, "a new user has no current password")
	}
	hash, err := s.hash(actor, name, c.Password)
	if err != nil {
		return registry.User{}, err
	}
	var u registry.User
	err = s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if err := s.administrator(tx, actor); err != nil {
			return err
		}
		if err := handsOut(tx, actor, registry.AboutUser, c.Grants); err != nil {
			return err
		}
		u = registry.User{Name: name, PasswordHash: hash, Disabled: c.Disabled != nil && *c.Disabled, Grants: access.Stored(c.Grants)}
		if c.Service {
			u.Kind = metadata.Service
		}
		if u, err = tx.Users().CreateUser(u); errors.Is(err, metadata.ErrExists) {
			return taken(tx.Users(), name)
		} else if err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventUserCreated, "", 0, 0, registry.EventData{Name: u.Name, Permissions: u.Grants})
		return err
	})
	if err == nil && c.Password != nil {
		s.auth.Met(ctx, name, *c.Password, u.PasswordHash)
	}
	return u, err
}

// taken is the error for a name that a user has, or had.
func taken(users metadata.Users, name string) error {
	if u, err := users.User(name); err != nil || u.DeletedAt.IsZero() {
		return errors.Join(err, registry.Errorf(registry.AlreadyExists, registry.AboutUser, "there is a user %q already", name))
	}
	return registry.Errorf(registry.AlreadyExists, registry.AboutUser, "there was a user %q, whom the log names; choose another name", name)
}

func noPassword(name string) error {
	return registry.Errorf(registry.Invalid, registry.AboutUser, "%q is a service account, which has tokens and no password", name)
}

// hash returns what is stored of a new password; "" for none. Invalid.
func (s *Accounts) hash(actor access.Actor, name string, password *string) (string, error) {
	if password == nil {
		return "", nil
	}
	if err := checkPassword(name, *password, actor.Type == access.TypeSystem); err != nil {
		return "", err
	}
	return access.HashPassword(*password, s.passwordCost)
}

// handsOut refuses permissions that are malformed, or that the caller lacks.
func handsOut(tx metadata.Tx, actor access.Actor, about registry.Subject, list []access.Grant) error {
	full, err := resolved(access.RolesOf(tx.Roles()), about, list)
	if err == nil && !access.Covers(actor, full) {
		err = registry.Errorf(registry.Denied, about, "rights that %s does not have can't be given", registry.Describe(actor))
	}
	return err
}

// UpdateUser changes a user. An administrator of the instance may change everything; a user may change its own password, with
// the current one where it is not what the caller logged in by. A new password ends the user's sessions, but for the caller's.
// NotFound, Invalid, Denied, Conflict.
func (s *Accounts) UpdateUser(ctx context.Context, name string, c UserChange) (registry.User, error) {
	actor := access.From(ctx)
	own := actor.UserID != 0 && actor.Name == name
	check, proven := s.administrator, actor
	if own && c.Password != nil && c.Disabled == nil && c.Grants == nil {
		check = func(tx metadata.Tx, actor access.Actor) error {
			_, err := s.renew(tx, actor)
			return err
		}
	} else if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return registry.User{}, err
	}
	switch {
	case c.CurrentPassword != nil && (!own || c.Password == nil):
		return registry.User{}, registry.Errorf(registry.Invalid, registry.AboutUser, "current_password goes with a new password of your own")
	case c.CurrentPassword != nil:
		var err error
		if proven, err = s.prove(ctx, name, *c.CurrentPassword); err != nil {
			return registry.User{}, err
		}
	case own && c.Password != nil && (actor.Type == access.TypeToken || actor.WebSession != 0):
		return registry.User{}, registry.Errorf(registry.Denied, registry.AboutUser, "your own password is changed with the current one: give current_password")
	}
	hash, err := s.hash(actor, name, c.Password)
	if err != nil {
		return registry.User{}, err
	}
	var u registry.User
	var more bool
	err = s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if err = check(tx, actor); err == nil && c.CurrentPassword != nil {
			_, err = s.renew(tx, proven)
		}
		if err != nil {
			return err
		}
		u, more, err = change(tx, actor, name, hash, c)
		return err
	})
	s.auth.Forget()
	if err == nil && c.Password != nil {
		s.auth.Met(ctx, name, *c.Password, u.PasswordHash)
	}
	if err == nil && more {
		// The caller's login may be among those that have ended.
		if err := s.revokeAll(access.With(ctx, access.System()), actor, u); err != nil {
			s.core.Log.WarnContext(ctx, "tokens of logins that have ended are revoked later", "user", name, "error", err)
		}
	}
	return u, err
}

// prove checks a user's password, and takes no token instead. Denied; TooMany after too many wrong ones.
func (s *Accounts) prove(ctx context.Context, name, password string) (access.Actor, error) {
	a, err := s.Authenticate(ctx, access.Credentials{User: name, Password: password})
	if registry.KindOf(err) == registry.Unauthenticated && err != nil || err == nil && a.Type != access.TypeUser {
		return a, registry.Errorf(registry.Denied, registry.AboutUser, "the current password is wrong")
	}
	return a, err
}

// change makes the change of a user in its transaction; hash is that of the new password. more: tokens are left to be revoked.
func change(tx metadata.Tx, actor access.Actor, name, hash string, c UserChange) (u registry.User, more bool, err error) {
	u, err = existing(tx.Users(), name)
	if err != nil {
		return u, false, err
	}
	if err := handsOut(tx, actor, registry.AboutUser, c.Grants); err != nil {
		return u, false, err
	}
	var what []string
	if c.Password != nil {
		if u.Kind == metadata.Service {
			return u, false, noPassword(name)
		}
		u.PasswordHash = hash
		what = append(what, "password")
	}
	if c.Disabled != nil && u.Disabled != *c.Disabled {
		u.Disabled = *c.Disabled
		what = append(what, map[bool]string{true: "disabled", false: "enabled"}[u.Disabled])
	}
	data := registry.EventData{Name: u.Name}
	if c.Grants != nil {
		u.Grants = access.Stored(c.Grants)
		data.Permissions = u.Grants
		what = append(what, "permissions")
	}
	store := func() error { return tx.Users().UpdateUser(u) }
	if c.Grants != nil || u.Disabled {
		err = keepingAdministrator(tx, store)
	} else {
		err = store()
	}
	if err != nil {
		return u, false, err
	}
	data.Reason = strings.Join(what, ", ")
	if _, err := registry.Append(tx.Log(), actor, registry.EventUserChanged, "", 0, 0, data); err != nil {
		return u, false, err
	}
	switch {
	case c.Password != nil:
		err = endSessions(tx, actor, u, "the password changed")
	case u.Disabled:
		err = endSessions(tx, actor, u, "the user is disabled")
	}
	if err != nil || c.Password == nil {
		return u, false, err
	}
	if err := tx.Users().EndSessions(u.ID, login(actor)); err != nil {
		return u, false, err
	}
	more, err = revokeSome(tx, actor, u)
	return u, more, err
}

// login returns the id of the token of the login that a caller acts by: its own, or the one that its token descends from. 0: none.
func login(actor access.Actor) int64 {
	first := actor.TokenID
	for _, id := range actor.Line {
		first = min(first, id) // ancestors have smaller ids, and a login has none
	}
	return first
}

// revokedAtOnce is how many tokens one transaction revokes: other changes wait for it.
const revokedAtOnce = 250

// revokeSome revokes some of the tokens that a new password of a user has ended: until then they only count as revoked, and the log
// does not tell of them. more: there may be others.
func revokeSome(tx metadata.Tx, actor access.Actor, u registry.User) (more bool, err error) {
	list, err := tx.Tokens().Ended(u.ID, revokedAtOnce)
	for _, t := range list {
		if err == nil {
			err = revoke(tx, actor, t, "the password changed")
		}
	}
	if more = len(list) == revokedAtOnce; err != nil || more {
		return more, err
	}
	return false, tx.Users().SessionsEnded(u.ID)
}

// revokeAll revokes what revokeSome has left of a user.
func (s *Accounts) revokeAll(ctx context.Context, actor access.Actor, u registry.User) error {
	for more := true; more; {
		if err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
			more, err = revokeSome(tx, actor, u)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// RevokeEnded revokes the tokens that have ended with new passwords and that a crash or an error left unrevoked.
func (s *Accounts) RevokeEnded(ctx context.Context) error {
	for {
		var users []registry.User
		if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			users, err = tx.Users().Ending(1)
			return err
		}); err != nil || len(users) == 0 {
			return err
		}
		if err := s.revokeAll(ctx, access.System(), users[0]); err != nil {
			return err
		}
	}
}

// DeleteUser deletes a user: password, permissions and memberships are gone, and every token of the user ends. The name stays
// taken, since the log names it. The caller must administer the instance. NotFound, Conflict, Denied.
func (s *Accounts) DeleteUser(ctx context.Context, name string) error {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return err
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.administrator(tx, actor); err != nil {
			return err
		}
		u, err := existing(tx.Users(), name)
		if err != nil {
			return err
		}
		groups, err := tx.Groups().GroupsOf(u.ID)
		if err != nil {
			return err
		}
		u.PasswordHash, u.Disabled, u.DeletedAt, u.Grants = "", true, tx.Now(), nil
		if err := keepingAdministrator(tx, func() error { return tx.Users().UpdateUser(u) }); err != nil {
			return err
		}
		for _, g := range groups {
			if err := tx.Groups().RemoveMember(g.ID, u.ID); err != nil {
				return err
			}
		}
		if _, err = registry.Append(tx.Log(), actor, registry.EventUserDeleted, "", 0, 0, registry.EventData{Name: u.Name}); err != nil {
			return err
		}
		return endSessions(tx, actor, u, "the user is deleted")
	})
	s.auth.Forget()
	return err
}

// mayList checks that the caller may see users, groups and roles: it audits or administers the instance.
func (s *Accounts) mayList(ctx context.Context) error {
	if seesAll(access.From(ctx)) {
		return nil
	}
	_, err := s.core.Authorize(ctx, access.Audit, access.Instance)
	return err
}

// Users lists users by name. The caller must administer or audit the instance.
func (s *Accounts) Users(ctx context.Context, p registry.Page) ([]UserDetail, error) {
	return listed(ctx, s, p, func(tx metadata.Tx, p registry.Page) ([]registry.User, error) { return tx.Users().Users(p) },
		func(tx metadata.Tx, u registry.User) (UserDetail, error) { return userDetail(tx.Groups(), u) })
}

// UserDetail is a user with the names of its groups.
type UserDetail struct {
	registry.User
	Groups []string
}

// Service reports whether the user is a service account.
func (d UserDetail) Service() bool { return d.Kind == metadata.Service }

func userDetail(groups metadata.Groups, u registry.User) (UserDetail, error) {
	d := UserDetail{User: u}
	list, err := groups.GroupsOf(u.ID)
	for _, g := range list {
		d.Groups = append(d.Groups, g.Name)
	}
	return d, err
}

// User returns one user: any, for a caller who administers or audits the instance, else the caller's own. NotFound, Denied.
func (s *Accounts) User(ctx context.Context, name string) (UserDetail, error) {
	if actor := access.From(ctx); actor.UserID == 0 || actor.Name != name {
		if err := s.mayList(ctx); err != nil {
			return UserDetail{}, err
		}
	}
	var d UserDetail
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		u, err := existing(tx.Users(), name)
		if err != nil {
			return err
		}
		d, err = userDetail(tx.Groups(), u)
		return err
	})
	return d, err
}
