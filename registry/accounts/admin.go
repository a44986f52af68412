package accounts

import (
	"context"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// AdminUser is the first user.
const AdminUser = "admin"

// EnsureAdmin makes the first user if there is none, with the given password, or with a random one, which it returns to be
// shown once. If there are users already, it does nothing.
func (s *Accounts) EnsureAdmin(ctx context.Context, password string) (generated string, err error) {
	var users []registry.User
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		users, err = tx.Users().Users(registry.Page{Limit: 1})
		return err
	})
	if err != nil || len(users) > 0 {
		return "", err
	}
	if password == "" {
		generated = access.NewSecret(18)
		password = generated
	}
	_, err = s.CreateUser(access.With(ctx, access.System()), AdminUser, UserChange{
		Password: &password, Grants: []access.Grant{{Repository: "*", Actions: []access.Action{access.Admin}}},
	})
	if err != nil && registry.KindOf(err) == registry.AlreadyExists {
		return "", nil // a process that started at the same time made it
	}
	return generated, err
}

// AdminPasswordIs reports whether the first user has this password. It takes as long as a login, and counts as none. NotFound.
func (s *Accounts) AdminPasswordIs(ctx context.Context, password string) (bool, error) {
	var u registry.User
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		u, err = existing(tx.Users(), AdminUser)
		return err
	})
	return err == nil && access.CheckPassword(u.PasswordHash, password), err
}
