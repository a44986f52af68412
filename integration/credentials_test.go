package integration_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// TestCredentials: they are sealed where they are kept and in no entry of the log, the broker gets them, and another server is not
// shown those that were given for the first one.
func TestCredentials(t *testing.T) {
	e, b, _ := newTopic(t)
	create := func(text string) (integration.Subscription, error) {
		sub, secret, err := e.Subscriptions.CreateSubscription(e.Admin, change(t, text))
		if secret != "" {
			t.Errorf("a secret was made for %s", text)
		}
		return sub, err
	}
	for text, want := range map[string]string{
		`{"Sink":"topic","URL":"topic:x","Credentials":{"username":"u"}}`:                               "go together",
		`{"Sink":"topic","URL":"topic:x","Credentials":{"token":"canary"}}`:                             "token is not for a topic",
		`{"Sink":"topic","URL":"topic:x","Credentials":{"ca":"canary"}}`:                                "no certificate",
		`{"Sink":"topic","URL":"topic:x","Credentials":{"client_cert":"canary","client_key":"canary"}}`: "no pair",
		`{"Sink":"topic","URL":"topic:x","Secret":"` + secret + `"}`:                                    "credentials",
		`{"Sink":"topic","URL":"topic:x","RotateSecret":true}`:                                          "credentials",
		`{"Sink":"topic","URL":"topic:x","Preset":"harbor"}`:                                            "CloudEvents",
		`{"Credentials":{"token":"canary"}}`:                                                            "brokers",
	} {
		if _, err := create(text); registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	sub, err := create(`{"Sink":"topic","URL":"topic:x?a","Credentials":{"username":"u","password":"canary"},"Types":["artifact.published"]}`)
	must(t, err)
	if sub.Preset != "cloudevents-binary" || strings.Contains(fmt.Sprintf("%v %+v", sub, integration.Credentials{Password: "canary"}), "canary") {
		t.Errorf("%+v", sub)
	}
	row, err := metadataOf(e.Env, func(tx metadata.Tx) (metadata.Subscription, error) { return tx.Subscriptions().Subscription(sub.ID) })
	if err != nil || len(row.Secrets) == 0 || strings.Contains(string(row.Secrets), "canary") {
		t.Errorf("kept as %q, %v", row.Secrets, err)
	}
	same, other := "topic:x?b", "topic:y"
	must(t, errOf2(e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{URL: &same})))
	for _, ctx := range []context.Context{e.Admin, access.With(t.Context(), access.System())} {
		if _, _, err := e.Subscriptions.UpdateSubscription(ctx, sub.ID, integration.SubscriptionChange{URL: &other}); registry.KindOf(err) != registry.Invalid {
			t.Errorf("another server: %v", err)
		}
	}
	e.start()
	e.publishTo("a", "1")
	e.until("it opens", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.opened, func(to integration.Target) bool { return to.URL == same && to.Credentials.Password == "canary" })
	})
	must(t, errOf2(e.Subscriptions.UpdateSubscription(e.Admin, sub.ID, integration.SubscriptionChange{URL: &other, Credentials: &integration.Credentials{}})))
	e.publishTo("a", "2")
	e.until("it opens there", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.opened, func(to integration.Target) bool { return to.URL == other && to.Credentials.Password == "" })
	})
}
