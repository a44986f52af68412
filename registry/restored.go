package registry

import (
	"context"
	"fmt"
	"time"

	"slipway/metadata"
	"slipway/registry/access"
)

// NoteRestored logs that the installation was made of a backup taken then. What was logged after that is gone, and whoever
// verified the log beyond it will find another one: the entry says why. It needs to administer the instance.
func (s *Service) NoteRestored(ctx context.Context, taken time.Time) error {
	actor, err := s.authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return err
	}
	id, _ := s.Instance()
	return s.update(ctx, func(tx metadata.Tx) error {
		_, err := appendEntry(tx.Log(), actor, EventInstanceRestored, "", 0, 0, EventData{
			Name: id, Reason: fmt.Sprintf("restored from the backup of %s", taken.UTC().Format(time.RFC3339)),
		})
		return err
	})
}
