package integration_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry/registrytest"
)

// change is a subscription to main with the fields that a JSON text sets.
func change(t *testing.T, text string) integration.SubscriptionChange {
	t.Helper()
	name, url := "deploys", "https://ci.example.com/hook"
	c := integration.SubscriptionChange{Name: &name, URL: &url, Repositories: &[]string{"main"}, BaseURL: "https://slipway.example.com"}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func subscribe(t *testing.T, e *registrytest.Env, text string) integration.Subscription {
	t.Helper()
	sub, _, err := e.Subscriptions.CreateSubscription(e.Admin, change(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// fanOut lets all subscriptions look at the whole log.
func fanOut(t *testing.T, o *integration.Outbox) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = o.FanOut(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// told lists what a subscription's deliveries tell of, the oldest first.
func told(t *testing.T, e *registrytest.Env, id int64) []string {
	t.Helper()
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: id})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, d := range list {
		full, err := e.Subscriptions.Delivery(e.Admin, d.ID)
		if err != nil {
			t.Fatal(err)
		}
		var event struct {
			ID   string
			Data struct{ Version, Tag, Name string }
		}
		if err := json.Unmarshal(full.Body, &event); err != nil || event.ID != d.MessageID {
			t.Fatalf("delivery %d: %v %s", d.ID, err, full.Body)
		}
		out = append(out, strings.TrimSpace(d.EventType+" "+event.Data.Version+" "+event.Data.Tag))
	}
	slices.Reverse(out)
	return out
}

func wantTold(t *testing.T, e *registrytest.Env, id int64, want ...string) {
	t.Helper()
	if got := told(t, e, id); !slices.Equal(got, want) {
		t.Errorf("subscription %d was told %q, want %q", id, got, want)
	}
}

func metadataOf[T any](e *registrytest.Env, get func(tx metadata.Tx) (T, error)) (out T, err error) {
	err = e.Metadata.View(context.Background(), func(tx metadata.Tx) error {
		out, err = get(tx)
		return err
	})
	return out, err
}

func errOf[A any](_ A, err error) error { return err }

func errOf2[A, B any](_ A, _ B, err error) error { return err }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
