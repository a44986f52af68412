package registry

import (
	"context"
	"errors"

	"github.com/oklog/ulid/v2"

	"slipway/metadata"
	"slipway/registry/access"
)

const (
	settingInstance = "instance.id"
	// DefaultRepository is made at the first start.
	DefaultRepository = "main"
)

// AdminUser is the first user.
const AdminUser = "admin"

// prepare gives an empty database its identity, the genesis entry of the log, and the first repository; in a known one
// it reads who we are.
func (s *Service) prepare(ctx context.Context) error {
	err := s.meta.View(ctx, func(tx metadata.Tx) (err error) {
		s.instance, err = tx.Settings().Setting(settingInstance)
		return err
	})
	if !errors.Is(err, metadata.ErrNotExist) {
		return err
	}
	id := ulid.Make().String()
	err = s.update(ctx, func(tx metadata.Tx) error {
		if err := tx.Settings().PutSetting(settingInstance, id); err != nil {
			return err
		}
		if _, err := appendEntry(tx.Log(), access.System(), EventInstanceCreated, "", 0, 0, EventData{Name: id}); err != nil {
			return err
		}
		r, err := tx.Repositories().CreateRepository(Repository{Name: DefaultRepository})
		if err != nil {
			return err
		}
		_, err = appendEntry(tx.Log(), access.System(), EventRepositoryCreated, "", r.ID, 0, EventData{Repository: r.Name})
		return err
	})
	s.instance = id
	return err
}

// EnsureAdmin makes the first user if there is none, with the given password, or with a random one that it returns:
// it is to be shown once. Where there are users already it does nothing.
func (s *Service) EnsureAdmin(ctx context.Context, password string) (generated string, err error) {
	var users []User
	err = s.meta.View(ctx, func(tx metadata.Tx) (err error) {
		users, err = tx.Users().Users(Page{Limit: 1})
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
	return generated, err
}
