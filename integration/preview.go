package integration

import (
	"context"
	"slices"

	"slipway/metadata"
	"slipway/registry"
)

// Bounds of a preview.
const (
	previewLooks = 1000 // entries of the log
	previewShows = 20   // events
)

// Preview is what a subscription would have sent of the newest entries of the log.
type Preview struct {
	Looked  int              // entries that it looked through
	Matched int              // of those, the ones that it would have sent
	Events  []registry.Event // the newest of these
}

// Preview looks through the newest entries of the log with the filter and the preset of a subscription that is not made. It needs what
// making it needs, but for a name and a target. Invalid, Denied, NotFound.
func (s *Subscriptions) Preview(ctx context.Context, c SubscriptionChange) (Preview, error) {
	sub := Subscription{Subscription: metadata.Subscription{Preset: s.defaultPreset(), BaseURL: c.BaseURL}}
	set(&sub.Preset, c.Preset)
	set(&sub.Filter.Repositories, c.Repositories)
	set(&sub.Filter.Packages, c.Packages)
	set(&sub.Filter.Tags, c.Tags)
	if err := s.checkFilter(&sub, c.Types); err != nil {
		return Preview{}, err
	}
	if _, err := s.administers(ctx, sub.Filter); err != nil {
		return Preview{}, err
	}
	var entries []registry.Entry
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		if err := s.checkRepositories(tx.Repositories(), sub.Filter); err != nil {
			return err
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		entries, err = tx.Log().Entries(metadata.EntryQuery{After: max(size-previewLooks, 0) - 1, Limit: previewLooks})
		return err
	})
	out := Preview{Looked: len(entries)}
	for _, entry := range slices.Backward(entries) {
		if err != nil || !sub.Filter.matches(entry) {
			continue
		}
		var e registry.Event
		var messages []Message
		if e, messages, err = s.messages(sub, entry); err != nil || len(messages) == 0 {
			continue
		}
		if out.Matched++; len(out.Events) < previewShows {
			out.Events = append(out.Events, e)
		}
	}
	return out, err
}
