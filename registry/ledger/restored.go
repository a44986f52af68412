package ledger

import (
	"context"
	"fmt"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// LogRestore logs that the installation was made of a backup taken then. What was logged after that is gone, and whoever
// verified the log beyond it will find another one: the entry says why. It needs to administer the instance.
func (s *Ledger) LogRestore(ctx context.Context, taken time.Time) error {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return err
	}
	id := s.core.Identity().ID
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		_, err := registry.Append(tx.Log(), actor, registry.EventInstanceRestored, "", 0, 0, registry.EventData{
			Name: id, Reason: fmt.Sprintf("restored from the backup of %s", taken.UTC().Format(time.RFC3339)),
		})
		return err
	})
}
