package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// deliveryTTL is how long a finished delivery is kept.
const deliveryTTL = 30 * 24 * time.Hour

// Queue is what an enabled subscription has to send.
type Queue struct {
	Subscription int64
	Receiver     string         // what the bound of one receiver counts by; see Sink
	Due          []registry.Due // the most urgent first; also those whose time has not come
}

// Queues returns the enabled subscriptions that have something to send, each with at most limit deliveries.
func (o *Outbox) Queues(ctx context.Context, limit int) ([]Queue, error) {
	var out []Queue
	err := o.s.core.Store.View(ctx, func(tx metadata.Tx) error {
		subs, err := activeSubscriptions(tx.Subscriptions())
		if err != nil {
			return err
		}
		out = out[:0]
		for _, sub := range subs {
			due, err := tx.Deliveries().DueDeliveries(sub.ID, limit)
			if err != nil {
				return err
			}
			if len(due) > 0 {
				out = append(out, Queue{Subscription: sub.ID, Receiver: o.s.sinks.receiver(sub), Due: due})
			}
		}
		return nil
	})
	return out, err
}

// Backlog counts what enabled subscriptions have to send, and says since when the oldest of it waits.
func (o *Outbox) Backlog(ctx context.Context) (n int64, oldest time.Time, err error) {
	err = o.s.core.Store.View(ctx, func(tx metadata.Tx) error {
		subs, err := activeSubscriptions(tx.Subscriptions())
		n, oldest = 0, time.Time{}
		for _, sub := range subs {
			if err != nil {
				return err
			}
			var count int64
			var since time.Time
			count, since, err = tx.Deliveries().CountDeliveries(sub.ID, metadata.DeliveryPending)
			n += count
			if count > 0 && (oldest.IsZero() || since.Before(oldest)) {
				oldest = since
			}
		}
		return err
	})
	return n, oldest, err
}

// Job is a delivery with all that an attempt needs.
type Job struct {
	registry.Delivery
	Sink    Sink // that the delivery names
	Target  Target
	Message Message
	Ping    bool
	Fault   error // why it can't be sent; nil: it can
}

// Load returns a pending delivery of an enabled subscription. NotFound: it is none any more.
func (o *Outbox) Load(ctx context.Context, id int64) (Job, error) {
	var j Job
	var row metadata.Subscription
	var entries []registry.Entry
	err := o.s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if j.Delivery, err = tx.Deliveries().Delivery(id); err == nil {
			row, err = tx.Subscriptions().Subscription(j.SubscriptionID)
		}
		if err == nil && j.Seq != noSeq {
			entries, err = tx.Log().Entries(metadata.EntryQuery{After: j.Seq - 1, Limit: 1})
		}
		return err
	})
	if err == nil && (j.State != DeliveryPending || !row.DisabledAt.IsZero()) {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return j, registry.Missing(err, registry.AboutDelivery, "the delivery %d is not pending", id)
	}
	j.Ping = j.Seq == noSeq
	j.Target = Target{URL: row.URL, Attempt: j.Attempts + 1, Redelivery: j.Redelivery}
	j.Message = Message{ID: j.MessageID, Key: j.Lane, Type: j.EventType, ContentType: j.ContentType, Body: j.Body}
	if j.Sink = o.s.sinks.named(j.Delivery.Sink); j.Sink == nil {
		j.Fault = fmt.Errorf("this server has no sink %q", j.Delivery.Sink)
		return j, nil
	}
	if err := json.Unmarshal(j.Header, &j.Message.Header); err != nil {
		j.Fault = fmt.Errorf("its headers can't be read: %w", err)
		return j, nil
	}
	for _, entry := range entries {
		j.Message.place(entry)
	}
	j.Fault = o.s.unseal(&j.Target, Subscription{Subscription: row})
	return j, nil
}

// unseal fills in what an attempt signs with, or what a broker knows a subscription by.
func (s *Subscriptions) unseal(t *Target, sub Subscription) error {
	streams := s.sinks.streams(sub)
	if streams && len(sub.Secrets) == 0 {
		return nil
	}
	known, err := s.openSecrets(sub)
	if err != nil {
		return err
	}
	if streams {
		t.Credentials = known.Credentials
		return nil
	}
	t.Secret = known.Current
	texts := []string{known.Current}
	if known.Former != "" && s.core.Now().Before(known.Until) {
		texts = append(texts, known.Former)
	}
	for _, text := range texts {
		key, err := secretKey(text)
		if err != nil {
			return err
		}
		t.Secrets = append(t.Secrets, key)
	}
	return nil
}

// Outcome is what became of an attempt.
type Outcome struct {
	At        time.Time
	Duration  time.Duration
	Status    int // 0: no answer
	Error     string
	Answer    []byte
	Delivered bool
	NextAt    time.Time // of the next attempt; zero: there is none, and unless it was delivered it is dead
	// Disable says why the subscription is to be disabled; "" leaves it.
	Disable string
	// GiveUpAfter disables the subscription when it has only failed for so long.
	GiveUpAfter time.Duration
}

// Attempted records an attempt of a delivery as it was when the attempt began. One that was asked for again meanwhile stays
// due, whatever came of this attempt; one that is gone by now is no error.
func (o *Outbox) Attempted(ctx context.Context, began registry.Delivery, out Outcome) error {
	return o.s.core.Update(ctx, func(tx metadata.Tx) error {
		d, err := tx.Deliveries().Delivery(began.ID)
		if errors.Is(err, metadata.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		again := d.Tries != began.Tries || !d.NextAt.Equal(began.NextAt)
		d.Attempts++
		d.Status, d.Error = out.Status, out.Error
		if !again {
			d.Tries++
		}
		switch {
		case again:
		case out.Delivered:
			d.State, d.DoneAt = DeliveryDelivered, tx.Now()
		case out.NextAt.IsZero():
			d.State, d.DoneAt = DeliveryDead, tx.Now()
		default:
			d.NextAt = out.NextAt
		}
		if err := tx.Deliveries().UpdateDelivery(d); err != nil {
			return err
		}
		if err := tx.Deliveries().AddAttempt(registry.Attempt{DeliveryID: d.ID, Number: d.Attempts, At: out.At, Duration: out.Duration, Status: out.Status,
			Error: out.Error, Answer: out.Answer}); err != nil || d.Seq == noSeq {
			return err
		}
		return o.s.noteHealth(tx, d.SubscriptionID, out)
	})
}

// noteHealth records whether a subscription works, and disables it when it is to end. A stream says itself how it fares.
func (s *Subscriptions) noteHealth(tx metadata.Tx, id int64, out Outcome) error {
	row, err := tx.Subscriptions().Subscription(id)
	if err != nil || s.sinks.streams(subscriptionOf(row)) {
		return err
	}
	if out.Delivered {
		if row.FailingSince.IsZero() {
			return nil
		}
		return tx.Subscriptions().SetFailing(id, time.Time{}, "")
	}
	reason := out.Disable
	switch {
	case row.FailingSince.IsZero():
		row.FailingSince = out.At
		if err := tx.Subscriptions().SetFailing(id, out.At, ""); err != nil {
			return err
		}
	case reason == "" && out.GiveUpAfter > 0 && out.At.Sub(row.FailingSince) >= out.GiveUpAfter:
		reason = "only failures since " + metadata.FormatTime(row.FailingSince)
	}
	if reason == "" || !row.DisabledAt.IsZero() {
		return nil
	}
	row.DisabledAt, row.DisabledReason = tx.Now(), reason
	if _, err := tx.Subscriptions().UpdateSubscription(row); err != nil {
		return err
	}
	return logSubscription(tx.Log(), access.System(), registry.EventSubscriptionDisabled, subscriptionOf(row), reason)
}

// Tidy removes finished deliveries after their time, and what deleted subscriptions left; a batch of each. more: there is
// more.
func (o *Outbox) Tidy(ctx context.Context) (more bool, err error) {
	err = o.s.core.Update(ctx, func(tx metadata.Tx) error {
		expired, err := tx.Deliveries().ExpireDeliveries(tx.Now().Add(-deliveryTTL), batchSize)
		if err != nil {
			return err
		}
		purged, err := tx.Subscriptions().PurgeSubscriptions(batchSize)
		more = expired+purged > 0
		return err
	})
	return more, err
}
