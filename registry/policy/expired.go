package policy

import (
	"context"
	"slices"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// NoteExpired writes the end of rules that expired into the log. What they refused or allowed ended with them.
func (p *Policies) NoteExpired(ctx context.Context) error {
	set, err := p.rules(ctx)
	if err != nil {
		return err
	}
	over := func(r metadata.Rule) bool {
		return !r.Expired && !r.ExpiresAt.IsZero() && !p.core.Now().Before(r.ExpiresAt)
	}
	if !slices.ContainsFunc(set.all(), func(r Rule) bool { return over(r.Rule) }) {
		return nil
	}
	return p.core.Update(ctx, func(tx metadata.Tx) error {
		set, err := p.read(tx)
		if err != nil {
			return err
		}
		for _, r := range set.all() {
			if !over(r.Rule) {
				continue
			}
			r.Expired = true
			if err := tx.Policies().UpdateRule(r.Rule); err != nil {
				return err
			}
			if err := note(tx, access.System(), registry.EventRuleExpired, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// NoteExpiredEvery runs NoteExpired at intervals until ctx ends, the first time after one, so that walks over failing calls count
// their own calls alone.
func (p *Policies) NoteExpiredEvery(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.NoteExpired(ctx); err != nil && ctx.Err() == nil {
			p.core.Log.WarnContext(ctx, "the end of rules could not be noted", "error", err.Error())
		}
	}
}
