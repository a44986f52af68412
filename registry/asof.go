package registry

import (
	"context"
	"time"

	"slipway/metadata"
)

// AsOf is a moment: the entry of a sequence number, or a time. The zero value is now.
type AsOf struct {
	Time time.Time
	Seq  *int64
}

// IsNow reports whether no moment was given.
func (m AsOf) IsNow() bool { return m.Seq == nil && m.Time.IsZero() }

// unsettled is how long an update may be under way, and so what is said of a moment change.
const unsettled = time.Minute

// SettleUntil waits for the updates that are of a time up to m and still under way: what is true at m stays so.
func (s *Core) SettleUntil(ctx context.Context, m AsOf) error {
	if m.Time.IsZero() || s.Now().Sub(m.Time) > unsettled {
		return nil
	}
	return s.Update(ctx, func(metadata.Tx) error { return nil })
}

// SeqAsOf returns the last log entry that counts at m. The caller has called reach.
func SeqAsOf(log metadata.Log, m AsOf) (int64, error) {
	if m.Seq != nil {
		return *m.Seq, nil
	}
	return log.SeqAt(m.Time)
}
