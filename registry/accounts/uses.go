package accounts

import (
	"context"
	"log/slog"
	"time"

	"slipway/metadata"
	"slipway/registry/access"
)

// Bounds of writing when tokens and sessions were used last.
const (
	usesEvery  = time.Minute
	usesAtOnce = 250 // of one transaction: other changes wait for it
)

// ReportUses stores when tokens and sessions were used last, once a minute until ctx ends, and then once more.
func (s *Accounts) ReportUses(ctx context.Context) {
	tick := time.NewTicker(usesEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		s.WriteUses(context.WithoutCancel(ctx))
	}
}

// WriteUses stores the uses that were noted. Those that can't be stored wait for the next time.
func (s *Accounts) WriteUses(ctx context.Context) {
	for {
		noted := s.auth.NotedUses(usesAtOnce)
		if len(noted) == 0 {
			return
		}
		if err := s.core.Update(ctx, func(tx metadata.Tx) error { return storeUses(tx, noted) }); err != nil {
			s.core.Log.LogAttrs(ctx, slog.LevelDebug, "the last uses of tokens and sessions are not stored", slog.String("error", err.Error()))
			return
		}
		s.auth.StoredUses(noted)
	}
}

func storeUses(tx metadata.Tx, noted map[access.Used]metadata.Use) error {
	for of, u := range noted {
		note, id := tx.Tokens().NoteUse, of.Token
		if of.Session != 0 {
			note, id = tx.Sessions().NoteUse, of.Session
		}
		if err := note(id, u); err != nil {
			return err
		}
	}
	return nil
}
