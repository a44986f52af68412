package integration

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/oklog/ulid/v2"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// States of a delivery.
const (
	DeliveryPending   = metadata.DeliveryPending
	DeliveryDelivered = metadata.DeliveryDelivered
	DeliveryDead      = metadata.DeliveryDead
)

// PingType is the type of the event that tries a subscription. It is in no log.
const PingType = "ping"

// noSeq is the sequence number of a delivery that is about no log entry.
const noSeq = -1

// DeliveryDetail is a delivery with its target and its attempts. What the receiver answered is shown to administrators of
// the instance only: otherwise a subscription could read what the server can reach.
type DeliveryDetail struct {
	registry.Delivery
	URL     string
	Sent    []registry.Attempt
	Answers bool // the answers may be shown
}

// DeliveryQuery selects deliveries of a subscription, the newest first.
type DeliveryQuery = metadata.DeliveryQuery

// Deliveries lists deliveries of a subscription that the caller sees, without their bodies. NotFound, Invalid.
func (s *Subscriptions) Deliveries(ctx context.Context, q DeliveryQuery) ([]registry.Delivery, error) {
	switch q.State {
	case "", DeliveryPending, DeliveryDelivered, DeliveryDead:
	default:
		return nil, registry.Errorf(registry.Invalid, registry.AboutDelivery, "state: %q is not one of %s, %s, %s", registry.Clip(string(q.State)), DeliveryPending, DeliveryDelivered, DeliveryDead)
	}
	q.Limit = registry.Bound(q.Limit)
	var out []registry.Delivery
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		if _, err := s.seenSubscription(ctx, tx.Subscriptions(), q.SubscriptionID); err != nil {
			return err
		}
		var err error
		out, err = tx.Deliveries().Deliveries(q)
		return err
	})
	return out, err
}

// Delivery returns one delivery of a subscription that the caller administers. NotFound.
func (s *Subscriptions) Delivery(ctx context.Context, id int64) (DeliveryDetail, error) {
	var out DeliveryDetail
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		d, sub, err := s.ownDelivery(ctx, tx, id)
		if err != nil {
			return err
		}
		out = DeliveryDetail{Delivery: d, URL: sub.URL, Answers: access.Decide(access.From(ctx), access.Admin, access.Instance) == access.Allow}
		out.Sent, err = tx.Deliveries().Attempts(id)
		if !out.Answers {
			for i := range out.Sent {
				out.Sent[i].Answer = nil
			}
		}
		return err
	})
	return out, err
}

func (s *Subscriptions) ownDelivery(ctx context.Context, tx metadata.Tx, id int64) (registry.Delivery, Subscription, error) {
	if access.From(ctx).Type == access.TypeAnonymous {
		return registry.Delivery{}, Subscription{}, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see deliveries")
	}
	d, err := tx.Deliveries().Delivery(id)
	var sub Subscription
	if err == nil {
		sub, err = s.ownSubscription(ctx, tx.Subscriptions(), d.SubscriptionID)
	}
	if registry.KindOf(err) == registry.NotFound {
		err = registry.Errorf(registry.NotFound, registry.AboutDelivery, "there is no delivery %d", id)
	}
	return d, sub, err
}

// Redeliver sends a delivery again: at once, with the same bytes under the same id, and with all attempts from the start.
// NotFound, Conflict.
func (s *Subscriptions) Redeliver(ctx context.Context, id int64) (registry.Delivery, error) {
	var d registry.Delivery
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		var sub Subscription
		var err error
		if d, sub, err = s.ownDelivery(ctx, tx, id); err != nil {
			return err
		}
		if err := enabled(sub); err != nil {
			return err
		}
		if _, err := tx.Deliveries().PutDelivery(d); err != nil { // the known one is pending again
			return err
		}
		tx.Notify()
		d, err = tx.Deliveries().Delivery(id)
		return err
	})
	return d, err
}

// Replay sends again every event since a sequence number that the filter selects, as it is now. What is still known is
// sent with the same bytes; all keep their ids. NotFound, Conflict, Invalid.
func (s *Subscriptions) Replay(ctx context.Context, id, since int64) (Subscription, error) {
	var sub Subscription
	err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if sub, err = s.ownSubscription(ctx, tx.Subscriptions(), id); err != nil {
			return err
		}
		if err := enabled(sub); err != nil {
			return err
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		if since < 0 || since >= size {
			return registry.Errorf(registry.Invalid, registry.AboutSubscription, "since must be the sequence number of a log entry, at most %d", size-1)
		}
		sub.ReplayTo = max(sub.Cursor, sub.ReplayTo)
		sub.Cursor = min(sub.Cursor, since-1)
		if sub.Subscription, err = tx.Subscriptions().UpdateSubscription(sub.row()); err != nil {
			return err
		}
		return logSubscription(tx.Log(), access.From(ctx), registry.EventSubscriptionChanged, sub, fmt.Sprintf("sent again since %d", since))
	})
	return sub, err
}

func enabled(sub Subscription) error {
	if sub.DisabledAt.IsZero() {
		return nil
	}
	return registry.Errorf(registry.Conflict, registry.AboutSubscription, "the subscription is disabled (%s); enable it first", sub.DisabledReason)
}

// Ping sends an event of its own to try a subscription: once, without further attempts, and without effect on the
// subscription. The delivery shows what became of it. NotFound, Conflict.
func (s *Subscriptions) Ping(ctx context.Context, id int64) (registry.Delivery, error) {
	var sub Subscription
	var size int64
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if sub, err = s.ownSubscription(ctx, tx.Subscriptions(), id); err == nil {
			size, err = tx.Log().LogSize()
		}
		return err
	})
	if err != nil {
		return registry.Delivery{}, err
	}
	if err := enabled(sub); err != nil {
		return registry.Delivery{}, err
	}
	m, err := s.pingMessage(ctx, sub, size-1)
	if err != nil {
		return registry.Delivery{}, err
	}
	var d registry.Delivery
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		row, err := s.deliveryOf(sub, m, registry.Event{Seq: noSeq, Type: registry.EventTypePrefix + PingType + registry.EventTypeSuffix})
		if err != nil {
			return err
		}
		id, err := tx.Deliveries().PutDelivery(row)
		if err == nil {
			tx.Notify()
			d, err = tx.Deliveries().Delivery(id)
		}
		return err
	})
	return d, err
}

// pingMessage renders the ping as the subscription's preset does, or as a plain CloudEvent where that has no word for it.
func (s *Subscriptions) pingMessage(ctx context.Context, sub Subscription, seq int64) (Message, error) {
	actor := access.From(ctx)
	data, err := json.Marshal(registry.EventData{Subscription: fmt.Sprint(sub.ID), Name: sub.Name, Actor: actor.Text()})
	if err != nil {
		return Message{}, err
	}
	e := s.core.Event(registry.Entry{ID: "evt_" + ulid.Make().String(), Seq: seq, Time: s.core.Now(), Type: PingType, Data: data,
		Actor: metadata.Actor{Type: actor.Type, ID: actor.ID}})
	out, err := s.renderer.Render(sub.Preset, e, s.baseURL(sub))
	if err != nil {
		return Message{}, err
	}
	if len(out) > 0 {
		return out[0], nil
	}
	body, err := json.Marshal(e)
	return Message{ID: e.ID, ContentType: "application/cloudevents+json", Body: body}, err
}
