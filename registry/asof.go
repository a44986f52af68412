package registry

import (
	"context"
	"errors"
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

// unsettled is how long an update may be under way. Until then an answer about a past moment can still change.
const unsettled = time.Minute

// SettleUntil waits for the updates still under way whose time is not after m. Afterwards an answer about m can't change. It
// returns m as a moment of the log: where the log is ahead of the clock, since that has jumped, the present is the log's end.
func (s *Core) SettleUntil(ctx context.Context, m AsOf) (AsOf, error) {
	if m.Time.IsZero() || s.Now().Sub(m.Time) > unsettled {
		return m, nil
	}
	if last, ahead := s.clock.logAhead(); ahead && m.Time.Before(last) {
		m.Time = last
	}
	err := s.Update(ctx, func(metadata.Tx) error { return nil })
	if errors.Is(err, ErrClock) {
		err = nil // no update is under way
	}
	return m, err
}

// SeqAsOf returns the last log entry that counts at m. m is from SettleUntil.
func SeqAsOf(log metadata.Log, m AsOf) (int64, error) {
	if m.Seq != nil {
		return *m.Seq, nil
	}
	return log.SeqAt(m.Time)
}
