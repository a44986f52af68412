package integration_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestUnknownEventTypes: a filter that can match nothing is refused, and says which type may have been meant.
func TestUnknownEventTypes(t *testing.T) {
	e := registrytest.New(t)
	for asked, want := range map[string]string{
		"artefact.publishd":              `no event type "artefact.publishd": did you mean "artifact.published"?`,
		"dev.slipway.tag.sett.v1":        `no event type "tag.sett": did you mean "tag.set"?`,
		"artefact.*":                     `no event type "artefact.*": did you mean "artifact.*"?`,
		"TAG.SET":                        `did you mean "tag.set"?`,
		"tag":                            `did you mean "tag.*"?`,
		"published":                      `did you mean "artifact.published"?`,
		"xyzzy":                          `no event type "xyzzy"; there are artifact.*, staging.*, package.*, attachment.*, tag.*, deployment.*,`,
		"ping":                           "there are artifact.*",
		"":                               "there are artifact.*",
		"tag.set ":                       `did you mean "tag.set"?`,
		strings.Repeat("*", 65):          "no event type",
		strings.Repeat("tag.\x00", 1000): "no event type",
	} {
		_, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"tag.set", asked}})
		if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("events of %.80q: %v, want %s", asked, err, want)
		}
		text, err := json.Marshal(map[string][]string{"Types": {"tag.*", asked}})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = e.Subscriptions.CreateSubscription(e.Admin, change(t, string(text)))
		if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("a subscription to %.80q: %v, want %s", asked, err, want)
		}
	}
	for _, typ := range registry.EventTypes() {
		group, _, _ := strings.Cut(typ.String(), ".")
		q := ledger.EventQuery{After: -1, Types: []string{typ.String(), typ.CloudEvent(), group + ".*", "*." + strings.TrimPrefix(typ.String(), group+"."), "*"}}
		if _, _, err := e.Ledger.Events(e.Admin, q); err != nil {
			t.Errorf("%q: %v", q.Types, err)
		}
	}
}

// TestStoredEventTypes: a subscription to an unknown type that is stored already is listed, sends what it can, and may be
// changed; only its types may not be set to unknown ones again.
func TestStoredEventTypes(t *testing.T) {
	e := registrytest.New(t)
	sub := subscribe(t, e, `{"Types":["tag.set"]}`)
	must(t, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
		row, err := tx.Subscriptions().Subscription(sub.ID)
		if err != nil {
			return err
		}
		row.Filter = []byte(`{"types":["artefact.publishd","tag.set"],"repositories":["*"]}`)
		_, err = tx.Subscriptions().UpdateSubscription(row)
		return err
	}))
	stored := []string{"artefact.publishd", "tag.set"}
	got, _, err := e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, change(t, `{"Name":"other","Tags":["prod"]}`))
	if err != nil || got.Name != "other" || !slices.Equal(got.Filter.Types, stored) || !slices.Equal(got.Filter.Tags, []string{"prod"}) {
		t.Errorf("changed to %+v, %v", got, err)
	}
	if _, _, err := e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, change(t, `{"Types":["artefact.publishd"]}`)); registry.KindOf(err) != registry.Invalid {
		t.Errorf("unknown types again: %v", err)
	}
	if all, err := e.Subscriptions.Subscriptions(e.Admin, 0, 10); err != nil || len(all) != 1 || !slices.Equal(all[0].Filter.Types, stored) {
		t.Errorf("listed as %+v, %v", all, err)
	}
	must(t, e.Publish("web", "1"))
	must(t, errOf(e.Publisher.SetTag(e.Admin, e.Name("web"), "prod", publish.TagChange{Version: "1"})))
	fanOut(t, e.Subscriptions.Outbox())
	if list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub.ID}); err != nil || len(list) != 1 || list[0].EventType != "tag.set" {
		t.Errorf("deliveries %+v, %v", list, err)
	}
	if got, _, err = e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, change(t, `{"Types":["artifact.*"]}`)); err != nil || !slices.Equal(got.Filter.Types, []string{"artifact.*"}) {
		t.Errorf("mended to %+v, %v", got, err)
	}
}
