package integration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// send sends what can be sent, all at once, and waits for what the broker says. sent: it said something.
func (s *stream) send(ctx, attempts context.Context) (sent bool, wait time.Duration, err error) {
	batch, next := s.ready()
	if len(batch) == 0 {
		return false, s.until(next), nil
	}
	if s.sender == nil && !s.open(attempts) {
		return false, s.until(s.openAt), nil
	}
	messages := make([]Message, len(batch))
	for i, f := range batch {
		messages[i] = f.message
	}
	began := time.Now()
	limit, cancel := context.WithTimeout(attempts, sendTimeout)
	results := s.sender.Send(limit, messages)
	cancel()
	if attempts.Err() != nil { // cut off: what was not acknowledged is sent by whoever goes on
		s.note(batch, results)
		return false, 0, attempts.Err()
	}
	s.metrics.sent(s.sub, results, time.Since(began))
	failed := s.note(batch, results)
	for i, f := range batch {
		if results[i].Verdict == Refused {
			if err := s.skip(ctx, f, results[i]); err != nil {
				return false, 0, err
			}
		}
	}
	if failed == len(batch) { // the connection may be what is broken
		s.hangUp()
	}
	s.fault = s.failing()
	return true, 0, nil
}

// until is how long to wait for a moment; zero is unknown.
func (s *stream) until(at time.Time) time.Duration {
	if at.IsZero() {
		return idlePause
	}
	return min(idlePause, max(time.Millisecond, at.Sub(s.now())))
}

// note settles what arrived, puts off what failed, and counts that.
func (s *stream) note(batch []*flight, results []Result) (failed int) {
	for i, f := range batch {
		switch r := results[i]; r.Verdict {
		case Delivered:
			s.delivered = s.now()
			s.settle(f)
		case Refused:
		default:
			failed++
			f.at = s.now().Add(max(s.backoff(f.tries), min(r.After, lastRetry)))
			f.tries++
			s.fault = cmp.Or(shortened(r.Note), "the broker does not take events")
		}
	}
	return failed
}

// failing is why the stream fails: the latest reason, while a message waits that has failed.
func (s *stream) failing() string {
	for _, f := range s.window {
		if !f.settled && f.tries > 0 {
			return s.fault
		}
	}
	return ""
}

// backoff is how long to wait after a failure before which there were so many in a row.
func (s *stream) backoff(before int) time.Duration {
	return s.policy.jitter(min(firstRetry<<min(before, 16), lastRetry))
}

// open makes a connection, if it is time to, and says whether there is one.
func (s *stream) open(ctx context.Context) bool {
	if s.now().Before(s.openAt) {
		return false
	}
	sender, err := s.dial(ctx)
	if err == nil {
		s.sender, s.opening, s.openAt = sender, 0, time.Time{}
		return true
	}
	if ctx.Err() == nil {
		s.fault = cmp.Or(shortened(err.Error()), "the broker can't be reached")
		s.openAt = s.now().Add(s.backoff(s.opening))
		s.opening++
		s.log.LogAttrs(ctx, slog.LevelWarn, "a broker can't be reached", slog.Int64("subscription", s.sub.ID), slog.Int("attempts", s.opening))
	}
	return false
}

func (s *stream) dial(ctx context.Context) (Sender, error) {
	if s.broker == nil {
		return nil, fmt.Errorf("this server has no sink %q", s.sub.Sink)
	}
	t := Target{URL: s.sub.URL, Attempt: 1}
	if err := s.out.s.unseal(&t, s.sub); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return s.broker.Open(ctx, t)
}

func (s *stream) hangUp() {
	if s.sender == nil {
		return
	}
	if err := s.sender.Close(); err != nil {
		s.log.LogAttrs(context.Background(), slog.LevelDebug, "a connection to a broker was not closed well", slog.Int64("subscription", s.sub.ID), slog.Any("error", err))
	}
	s.sender = nil
}

// skip gives up a message that no attempt can deliver: a dead delivery keeps it, and the log says so, once for each message. That of the
// event about it is not logged again: it may be refused like this one.
func (s *stream) skip(ctx context.Context, f *flight, r Result) error {
	note := cmp.Or(shortened(r.Note), "the broker refuses it")
	row, err := s.out.s.deliveryOf(s.sub, f.message, f.event)
	if err != nil {
		return err
	}
	err = s.out.s.core.Update(ctx, func(tx metadata.Tx) error {
		if now, err := tx.Subscriptions().Subscription(s.sub.ID); err != nil || !now.UpdatedAt.Equal(s.sub.UpdatedAt) {
			return gone(err)
		}
		known, err := tx.Deliveries().Deliveries(metadata.DeliveryQuery{SubscriptionID: s.sub.ID, MessageID: row.MessageID, Limit: 1})
		if err != nil {
			return err
		}
		if err := bury(tx, row, note, r); err != nil || len(known) > 0 || row.EventType == registry.EventSubscriptionSkipped.String() {
			return err
		}
		return logSubscription(tx.Log(), access.System(), registry.EventSubscriptionSkipped, s.sub, fmt.Sprintf("%s, entry %d of the log (%s): %s", row.MessageID, row.Seq, row.EventType, note))
	})
	if err != nil {
		return err
	}
	if slices.Contains(s.window, f) { // not where it could not be rendered
		s.settle(f)
	}
	return nil
}

// bury stores a delivery that is dead after one attempt.
func bury(tx metadata.Tx, row metadata.Delivery, note string, r Result) error {
	id, err := tx.Deliveries().PutDelivery(row)
	if err != nil {
		return err
	}
	d, err := tx.Deliveries().Delivery(id)
	if err != nil {
		return err
	}
	d.State, d.DoneAt, d.Status, d.Error = DeliveryDead, tx.Now(), r.Status, note
	d.Attempts++
	d.Tries++
	if err := tx.Deliveries().UpdateDelivery(d); err != nil {
		return err
	}
	return tx.Deliveries().AddAttempt(registry.Attempt{DeliveryID: id, Number: d.Attempts, At: tx.Now(), Status: r.Status, Error: note, Answer: r.Answer})
}

// gone makes no error of a subscription that is not there any more.
func gone(err error) error {
	if errors.Is(err, metadata.ErrNotExist) {
		return nil
	}
	return err
}
