package ledger

import (
	"context"
	"fmt"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// LogRestore logs that the installation was restored from a backup taken at the given time. Later entries are lost, so an
// auditor who has verified them will find that the log differs; this entry says why. All browsers have to log in again: sessions that
// were ended since the backup was taken are in it. The caller must administer the instance.
func (s *Ledger) LogRestore(ctx context.Context, taken time.Time) error {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return err
	}
	id := s.core.Identity().ID
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		if _, err := tx.Sessions().DeleteUnused(tx.Now().Add(time.Hour), 0); err != nil {
			return err
		}
		_, err := registry.Append(tx.Log(), actor, registry.EventInstanceRestored, "", 0, 0, registry.EventData{
			Name: id, Reason: fmt.Sprintf("restored from the backup of %s", taken.UTC().Format(time.RFC3339)),
		})
		return err
	})
}
