package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// Message is one rendered event. Its bytes are stored, and every attempt sends the same ones under the same ID.
type Message struct {
	ID          string
	Key         string // the event's partition key where the sink keeps order, "" elsewhere; it and the next three are left to the outbox
	Type        string // of the event, without prefix and suffix
	Repository  string // that the event is about; "" for none
	Format      string
	ContentType string
	Header      map[string]string
	Body        []byte
}

// Renderer makes the messages of a preset from an event: none when the preset has nothing to say about it. The IDs of the
// messages of one event differ, and are the same whenever it is rendered. baseURL is this server's, "" when it is unknown.
type Renderer interface {
	Render(preset string, e registry.Event, baseURL string) ([]Message, error)
	Presets() []string       // the first is the default
	BrokerPresets() []string // those whose messages are CloudEvents; the first is the default of brokers
}

// presets are the names that a subscription may have.
func (s *Subscriptions) presets() []string {
	if s.renderer == nil {
		return nil
	}
	return s.renderer.Presets()
}

func (s *Subscriptions) defaultPreset() string { return append(s.presets(), "")[0] }

// baseURL is this server's public address as a subscription's messages name it.
func (s *Subscriptions) baseURL(sub Subscription) string {
	if s.core.URL != "" {
		return s.core.URL
	}
	return sub.BaseURL
}

const (
	// outboxBatch bounds the log entries that a subscription looks at in one step.
	outboxBatch = 100
	// cursorDelay and cursorSlack bound how far the cursor in memory is ahead of the stored one: after a restart, those log entries
	// are looked at again.
	cursorDelay = time.Second
	cursorSlack = 1000
)

// Outbox is what a dispatcher works on. There is one dispatcher, and it calls FanOut from one goroutine.
type Outbox struct {
	s       *Subscriptions
	cursors map[int64]cursor
	streams []Subscription // the enabled ones, as FanOut has found them
}

// cursor is how far a subscription has looked. Entries behind the stored cursor were looked at and not selected.
type cursor struct {
	stored  int64
	at      int64
	storeBy time.Time
	updated time.Time // Subscription.UpdatedAt: after a change the stored cursor counts again
}

// Outbox returns the dispatcher's side.
func (s *Subscriptions) Outbox() *Outbox { return &Outbox{s: s, cursors: map[int64]cursor{}} }

// Grown returns a channel that closes when something new may be there to send.
func (o *Outbox) Grown() <-chan struct{} { return o.s.core.Grown() }

// step is what one subscription found.
type step struct {
	sub  Subscription
	from cursor
	to   int64
	rows []metadata.Delivery
}

// FanOut lets every enabled subscription that is no stream look at log entries that it has not seen, at most a batch of them. What a filter
// selects becomes a pending delivery with its bytes, in one transaction with the subscription's cursor: once, whatever
// happens. more: there is more to look at.
func (o *Outbox) FanOut(ctx context.Context) (more bool, err error) {
	steps, more, err := o.look(ctx)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, st := range steps {
		again, err := o.store(ctx, st)
		more = more || again
		errs = append(errs, err)
	}
	return more, errors.Join(errs...)
}

// look reads the log for all subscriptions; those with the same cursor share what is read.
func (o *Outbox) look(ctx context.Context) (steps []step, more bool, err error) {
	type page struct {
		entries []registry.Entry
		to      int64
	}
	var subs, streams []Subscription
	pages := map[int64]page{}
	cursors := map[int64]cursor{}
	err = o.s.core.Store.View(ctx, func(tx metadata.Tx) error {
		var err error
		if subs, err = activeSubscriptions(tx.Subscriptions()); err != nil {
			return err
		}
		streams = slices.DeleteFunc(slices.Clone(subs), func(sub Subscription) bool { return !o.s.sinks.streams(sub) })
		if subs = slices.DeleteFunc(subs, o.s.sinks.streams); len(subs) == 0 {
			return nil
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		more = false
		for _, sub := range subs {
			p := o.cursorOf(sub)
			cursors[sub.ID] = p
			if _, read := pages[p.at]; read || p.at >= size-1 {
				continue
			}
			entries, err := tx.Log().Entries(metadata.EntryQuery{After: p.at, Limit: outboxBatch})
			if err != nil {
				return err
			}
			got := page{entries, size - 1}
			if len(entries) == outboxBatch {
				got.to, more = entries[len(entries)-1].Seq, true
			}
			pages[p.at] = got
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	o.cursors, o.streams = cursors, streams // forgets those that are gone
	for _, sub := range subs {
		p := cursors[sub.ID]
		st := step{sub: sub, from: p, to: p.at}
		if got, read := pages[p.at]; read {
			st.to, st.rows = got.to, o.render(ctx, sub, got.entries)
		}
		steps = append(steps, st)
	}
	return steps, more, nil
}

// cursorOf returns where a subscription goes on: the cursor in memory, unless the stored one was moved.
func (o *Outbox) cursorOf(sub Subscription) cursor {
	p, known := o.cursors[sub.ID]
	if !known || p.stored != sub.Cursor || !p.updated.Equal(sub.UpdatedAt) {
		return cursor{stored: sub.Cursor, at: sub.Cursor, updated: sub.UpdatedAt}
	}
	return p
}

func activeSubscriptions(subscriptions metadata.Subscriptions) ([]Subscription, error) {
	rows, err := subscriptions.Subscriptions(0, maxSubscriptions)
	var out []Subscription
	for _, row := range rows {
		if row.DisabledAt.IsZero() {
			out = append(out, subscriptionOf(row))
		}
	}
	return out, err
}

// render makes the deliveries of the entries that a subscription selects.
func (o *Outbox) render(ctx context.Context, sub Subscription, entries []registry.Entry) []metadata.Delivery {
	var out []metadata.Delivery
	for _, entry := range entries {
		if !sub.Filter.matches(entry) {
			continue
		}
		e, messages, err := o.s.messages(sub, entry)
		for i := 0; i < len(messages) && err == nil; i++ {
			var d metadata.Delivery
			d, err = o.s.deliveryOf(sub, messages[i], e)
			d.Redelivery = e.Seq <= sub.ReplayTo
			out = append(out, d)
		}
		if err != nil { // of this event alone: it must not hold up those behind it
			o.s.core.Log.LogAttrs(ctx, slog.LevelError, "an event can't be rendered for a subscription", slog.Int64("subscription", sub.ID),
				slog.Int64("seq", e.Seq), slog.Any("error", err))
		}
	}
	return out
}

// messages makes the event of an entry as a subscription is told of it, and its messages: none where the preset has no words for it.
func (s *Subscriptions) messages(sub Subscription, entry registry.Entry) (registry.Event, []Message, error) {
	entry, err := registry.WithoutOthers(entry, sub.Filter.covers)
	e := s.core.Event(entry)
	if err != nil {
		return e, nil, err
	}
	out, err := s.renderer.Render(sub.Preset, e, s.baseURL(sub))
	for i := range out {
		out[i].Key, out[i].Type = s.sinks.lane(sub, e), registry.ShortType(e.Type)
		out[i].place(entry)
	}
	return e, out, err
}

// place says which repository and format a message is about.
func (m *Message) place(entry registry.Entry) {
	var d struct{ Repository, Format string }
	if json.Unmarshal(entry.Data, &d) == nil { // erased data say nothing
		m.Repository, m.Format = d.Repository, d.Format
	}
}

func (s *Subscriptions) deliveryOf(sub Subscription, m Message, e registry.Event) (metadata.Delivery, error) {
	header, err := json.Marshal(m.Header)
	return metadata.Delivery{SubscriptionID: sub.ID, Seq: e.Seq, MessageID: m.ID, EventType: registry.ShortType(e.Type), Subject: e.Subject,
		Sink: sub.Sink, Lane: m.Key, ContentType: m.ContentType, Header: header, Body: m.Body}, err
}

// store makes a step durable if the subscription is still as it was when it looked. again: it is not.
func (o *Outbox) store(ctx context.Context, st step) (again bool, err error) {
	p, now := st.from, o.s.core.Now()
	switch {
	case len(st.rows) > 0, st.to-p.stored >= cursorSlack, st.to > p.stored && !p.storeBy.IsZero() && !now.Before(p.storeBy):
	default: // nothing that a restart could not find out again
		if st.to > p.stored && p.storeBy.IsZero() {
			p.storeBy = now.Add(cursorDelay)
		}
		p.at = st.to
		o.cursors[st.sub.ID] = p
		return false, nil
	}
	err = o.s.core.Update(ctx, func(tx metadata.Tx) error {
		row, err := tx.Subscriptions().Subscription(st.sub.ID)
		if errors.Is(err, metadata.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if again = !unchangedSince(row, st.sub.Subscription); again {
			return nil
		}
		for _, row := range st.rows {
			if _, err := tx.Deliveries().PutDelivery(row); err != nil {
				return err
			}
		}
		return tx.Subscriptions().MoveCursor(st.sub.ID, st.to)
	})
	if err != nil || again {
		delete(o.cursors, st.sub.ID)
		return again, err
	}
	o.cursors[st.sub.ID] = cursor{stored: st.to, at: st.to, updated: st.sub.UpdatedAt}
	return false, nil
}

// unchangedSince reports whether a subscription still is as it was read, in all that decides what is sent.
func unchangedSince(a, b metadata.Subscription) bool {
	return a.Cursor == b.Cursor && a.ReplayTo == b.ReplayTo && a.DisabledAt.Equal(b.DisabledAt) && a.Preset == b.Preset &&
		a.BaseURL == b.BaseURL && bytes.Equal(a.Filter, b.Filter)
}
