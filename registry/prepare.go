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

// prepare gives an empty database its identity, the genesis entry of the log, and the first repository; in a database that has
// them it reads the identity.
func (s *Core) prepare(ctx context.Context) error {
	err := s.Store.View(ctx, func(tx metadata.Tx) error {
		accepted, err := acceptedClock(tx.Settings())
		if err != nil {
			return err
		}
		s.clock.begin(tx.Now(), accepted)
		s.instance, err = tx.Settings().Setting(settingInstance)
		return err
	})
	if !errors.Is(err, metadata.ErrNotExist) {
		return err
	}
	id := ulid.Make().String()
	err = s.Update(ctx, func(tx metadata.Tx) error {
		s.instance = id
		if first, err := tx.Settings().Setting(settingInstance); !errors.Is(err, metadata.ErrNotExist) { // of a process that started at the same time
			s.instance = first
			return err
		}
		if err := tx.Settings().PutSetting(settingInstance, id); err != nil {
			return err
		}
		if _, err := Append(tx.Log(), access.System(), EventInstanceCreated, "", 0, 0, EventData{Name: id}); err != nil {
			return err
		}
		r, err := tx.Repositories().CreateRepository(Repository{Name: DefaultRepository})
		if err != nil {
			return err
		}
		_, err = Append(tx.Log(), access.System(), EventRepositoryCreated, "", r.ID, 0, EventData{Repository: r.Name})
		return err
	})
	return err
}
