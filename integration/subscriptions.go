package integration

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Subscription sends the events that its filter selects to a URL, through the sink that it names. It belongs to the repositories
// of its filter: callers who administer all of them may see and change it.
type Subscription struct {
	metadata.Subscription
	Filter Filter
}

// SubscriptionDetail is a subscription with the state of its deliveries.
type SubscriptionDetail struct {
	Subscription
	Pending       int64
	OldestPending time.Time // zero when nothing pends
	Dead          int64
	LastDelivered time.Time // when the newest of the deliveries that arrived did; zero: none did
	Stream        bool
	Lag           int64 // of a stream: entries of the log behind what the broker has acknowledged
}

// Bounds of a subscription.
const (
	maxSubscriptions    = 1000 // of an instance
	subscriptionShare   = 100  // of one user
	maxSubscriptionName = 100
	maxSubscriptionURL  = 2048 // bytes
)

// Where a subscription goes on when it is enabled again.
const (
	FromCursor = "cursor" // where it stopped: nothing is lost
	FromNow    = "now"    // what happened meanwhile, and what still waited, is not sent
)

// SubscriptionChange are the fields to set; nil keeps what is there.
type SubscriptionChange struct {
	Name         *string
	Sink         *string // of a new subscription; it stays
	URL          *string
	Preset       *string
	Types        *[]string
	Repositories *[]string
	Packages     *[]string
	Tags         *[]string
	Secret       *string      // replaces the secret
	RotateSecret bool         // replaces it by one that the server makes
	Credentials  *Credentials // of a stream; they take the place of the former ones
	Enabled      *bool
	From         string // with Enabled: FromCursor, the default, or FromNow
	BaseURL      string // of this server as its maker sees it, for links in messages; "" keeps
}

// CreateSubscription makes a subscription to what happens from now on. The secret is returned here and never again. It
// needs to administer every repository that the filter names. Invalid, Denied, NotFound, Conflict.
func (s *Subscriptions) CreateSubscription(ctx context.Context, c SubscriptionChange) (sub Subscription, secret string, err error) {
	sub = Subscription{Subscription: metadata.Subscription{Sink: s.sinks.defaultName(), Preset: s.defaultPreset(), ReplayTo: -1}}
	if c.Name == nil || c.URL == nil {
		return sub, "", registry.Errorf(registry.Invalid, registry.AboutSubscription, "a subscription needs a name and a url")
	}
	if c.Enabled != nil || c.From != "" {
		return sub, "", registry.Errorf(registry.Invalid, registry.AboutSubscription, "a new subscription is enabled, and begins now")
	}
	if err := s.applyChange(&sub, c); err != nil {
		return sub, "", err
	}
	actor, err := s.administers(ctx, sub.Filter)
	if err != nil {
		return sub, "", err
	}
	c.RotateSecret = c.RotateSecret || c.Secret == nil && !s.sinks.streams(sub)
	if secret, err = s.replaceSecret(&sub, c); err != nil {
		return sub, "", err
	}
	sub.OwnerID, sub.Owner = actor.ID, actor.Text()
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.checkRepositories(tx.Repositories(), sub.Filter); err != nil {
			return err
		}
		if all, err := tx.Subscriptions().Subscriptions(0, maxSubscriptions); err != nil {
			return err
		} else if err := roomFor(actor, all); err != nil {
			return err
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		sub.Cursor = size - 1
		if sub.Subscription, err = tx.Subscriptions().CreateSubscription(sub.row()); err != nil {
			return err
		}
		return logSubscription(tx.Log(), actor, registry.EventSubscriptionCreated, sub, "")
	})
	return sub, secret, err
}

// Subscription returns one that the caller administers, or sees as an auditor of the instance. NotFound.
func (s *Subscriptions) Subscription(ctx context.Context, id int64) (SubscriptionDetail, error) {
	var out SubscriptionDetail
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if out.Subscription, err = s.seenSubscription(ctx, tx.Subscriptions(), id); err != nil {
			return err
		}
		if out.Pending, out.OldestPending, err = tx.Deliveries().CountDeliveries(id, metadata.DeliveryPending); err != nil {
			return err
		}
		if out.Dead, _, err = tx.Deliveries().CountDeliveries(id, metadata.DeliveryDead); err != nil {
			return err
		}
		if out.LastDelivered, err = tx.Deliveries().LastDelivered(id); errors.Is(err, metadata.ErrNotExist) {
			err = nil
		}
		if err == nil && s.sinks.streams(out.Subscription) {
			err = out.asStream(tx.Log())
		}
		return err
	})
	return out, err
}

// asStream adds how far a stream is behind the log.
func (d *SubscriptionDetail) asStream(log metadata.Log) error {
	size, err := log.LogSize()
	if err != nil {
		return err
	}
	d.Stream, d.Lag = true, max(0, size-1-d.Cursor)
	if d.DeliveredAt.After(d.LastDelivered) {
		d.LastDelivered = d.DeliveredAt
	}
	if d.Lag == 0 {
		return nil
	}
	next, err := log.Entries(metadata.EntryQuery{After: d.Cursor, Limit: 1})
	for _, e := range next {
		if d.OldestPending.IsZero() || e.Time.Before(d.OldestPending) {
			d.OldestPending = e.Time
		}
	}
	return err
}

// Subscriptions lists those that the caller administers, or all for an auditor of the instance, by id. Unauthenticated.
func (s *Subscriptions) Subscriptions(ctx context.Context, afterID int64, limit int) ([]Subscription, error) {
	actor := access.From(ctx)
	if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see subscriptions")
	}
	var out []Subscription
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		rows, err := tx.Subscriptions().Subscriptions(afterID, maxSubscriptions)
		out = out[:0]
		for _, row := range rows {
			if sub, ok := shown(actor, subscriptionOf(row)); ok && len(out) < registry.Bound(limit) {
				out = append(out, sub)
			}
		}
		return err
	})
	return out, err
}

// UpdateSubscription changes a subscription. A new secret is returned here and never again; the former one also signs for
// SecretOverlap. NotFound, Denied, Invalid.
func (s *Subscriptions) UpdateSubscription(ctx context.Context, id int64, c SubscriptionChange) (sub Subscription, secret string, err error) {
	if c.From != "" && c.From != FromCursor && c.From != FromNow || c.From != "" && (c.Enabled == nil || !*c.Enabled) {
		return sub, "", registry.Errorf(registry.Invalid, registry.AboutSubscription, `"from" goes with "enabled": true, and is %q or %q`, FromCursor, FromNow)
	}
	if c.From == FromNow {
		if err := s.skipPending(ctx, id); err != nil {
			return sub, "", err
		}
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if sub, err = s.ownSubscription(ctx, tx.Subscriptions(), id); err != nil {
			return err
		}
		former := sub
		if err := s.applyChange(&sub, c); err != nil {
			return err
		}
		if sub.Sink != former.Sink { // what waits was made for the former sink, and would go to a target of the new one
			return registry.Errorf(registry.Invalid, registry.AboutSubscription, "sink: a subscription keeps its sink, which is %q; make another subscription", registry.Clip(former.Sink))
		}
		if err := s.keepsCredentials(former, sub, c); err != nil {
			return err
		}
		actor, err := s.administers(ctx, sub.Filter)
		if err != nil {
			return err
		}
		if c.Repositories != nil { // one that was deleted since must not stand in the way
			if err := s.checkRepositories(tx.Repositories(), sub.Filter); err != nil {
				return err
			}
		}
		if secret, err = s.replaceSecret(&sub, c); err != nil {
			return err
		}
		kind := registry.EventSubscriptionChanged
		if c.Enabled != nil {
			if changed, err := s.enable(tx, actor, &sub, *c.Enabled, c.From); err != nil {
				return err
			} else if changed && !*c.Enabled {
				kind = registry.EventSubscriptionDisabled
			}
		}
		if sub.Subscription, err = tx.Subscriptions().UpdateSubscription(sub.row()); err != nil {
			return err
		}
		return logSubscription(tx.Log(), actor, kind, sub, sub.DisabledReason)
	})
	return sub, secret, err
}

// enable switches a subscription on or off.
func (s *Subscriptions) enable(tx metadata.Tx, actor access.Actor, sub *Subscription, on bool, from string) (changed bool, err error) {
	if on == sub.DisabledAt.IsZero() {
		return false, nil
	}
	if !on {
		sub.DisabledAt, sub.DisabledReason = tx.Now(), "paused by "+actor.Text()
		return true, nil
	}
	sub.DisabledAt, sub.DisabledReason, sub.FailingSince, sub.FailingReason = time.Time{}, "", time.Time{}, ""
	if from == FromNow {
		size, err := tx.Log().LogSize()
		sub.Cursor, sub.ReplayTo = size-1, -1
		return true, err
	}
	return true, nil
}

// batchSize bounds the deliveries that one transaction gives up, expires or removes.
const batchSize = 200

// skipPending gives up what a disabled subscription has not sent, in small transactions.
func (s *Subscriptions) skipPending(ctx context.Context, id int64) error {
	for {
		var n int64
		err := s.core.Update(ctx, func(tx metadata.Tx) error {
			sub, err := s.ownSubscription(ctx, tx.Subscriptions(), id)
			if err != nil || sub.DisabledAt.IsZero() {
				return err
			}
			n, err = tx.Deliveries().SkipPending(id, "skipped when the subscription was enabled again", batchSize)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// DeleteSubscription removes a subscription and its deliveries. NotFound.
func (s *Subscriptions) DeleteSubscription(ctx context.Context, id int64) error {
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		sub, err := s.ownSubscription(ctx, tx.Subscriptions(), id)
		if err != nil {
			return err
		}
		if err := tx.Subscriptions().DeleteSubscription(id); err != nil {
			return err
		}
		return logSubscription(tx.Log(), access.From(ctx), registry.EventSubscriptionDeleted, sub, "")
	})
}

// logSubscription writes a log entry. It holds neither secret nor URL, which may have one in its query. Entries of the
// whole instance are for auditors.
func logSubscription(log metadata.Log, actor access.Actor, kind registry.EventType, sub Subscription, reason string) error {
	_, err := registry.Append(log, actor, kind, "", 0, 0, registry.EventData{Subscription: strconv.FormatInt(sub.ID, 10), Name: sub.Name, Reason: reason})
	return err
}

// applyChange checks a change and makes it, but for secret and state.
func (s *Subscriptions) applyChange(sub *Subscription, c SubscriptionChange) error {
	set(&sub.Name, c.Name)
	set(&sub.Sink, c.Sink)
	set(&sub.URL, c.URL)
	set(&sub.Preset, c.Preset)
	set(&sub.Filter.Repositories, c.Repositories)
	set(&sub.Filter.Packages, c.Packages)
	set(&sub.Filter.Tags, c.Tags)
	if c.BaseURL != "" {
		sub.BaseURL = c.BaseURL
	}
	if sub.Name == "" || len(sub.Name) > maxSubscriptionName || !utf8.ValidString(sub.Name) || strings.ContainsFunc(sub.Name, isControl) {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "a subscription needs a name of at most %d bytes", maxSubscriptionName)
	}
	named := c.Sink != nil || c.URL != nil // else the subscription stays changeable where this server has lost its sink
	sink, err := s.sinks.known(sub.Sink)
	if named && err != nil {
		return err
	}
	if named {
		if err := checkTarget(sink, sub.URL); err != nil {
			return err
		}
	}
	if _, ok := sink.(Broker); ok {
		presets := s.renderer.BrokerPresets()
		if sub.ID == 0 && c.Preset == nil {
			sub.Preset = presets[0]
		}
		if !slices.Contains(presets, sub.Preset) {
			return registry.Errorf(registry.Invalid, registry.AboutSubscription, "preset: a broker gets CloudEvents, %q is not one of %s", registry.Clip(sub.Preset), strings.Join(presets, ", "))
		}
	}
	return s.checkFilter(sub, c.Types)
}

// checkFilter checks preset and filter of a subscription, and sets its types unless they are nil. Invalid.
func (s *Subscriptions) checkFilter(sub *Subscription, types *[]string) error {
	if presets := s.presets(); !slices.Contains(presets, sub.Preset) {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "preset: %q is not one of %s", registry.Clip(sub.Preset), strings.Join(presets, ", "))
	}
	if types != nil { // a type that was stored before the server refused it must not stand in the way of other changes
		short, err := registry.ShortTypes(*types, registry.AboutSubscription)
		if err != nil {
			return err
		}
		sub.Filter.Types = short
	}
	return sub.Filter.check()
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func subscriptionOf(row metadata.Subscription) Subscription {
	sub := Subscription{Subscription: row}
	if json.Unmarshal(row.Filter, &sub.Filter) != nil {
		sub.Filter = Filter{} // damaged: it matches no repository
	}
	return sub
}

func (sub Subscription) row() metadata.Subscription {
	row := sub.Subscription
	row.Filter, _ = json.Marshal(sub.Filter) // lists of strings always marshal
	return row
}
