package integration_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"slipway/integration"
	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
)

// TestFailures: a subscription that only fails is disabled in the end, one that works now and then is not.
func TestFailures(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	sub := subscribe(t, e, `{"Types":["artifact.published"]}`)
	for _, v := range []string{"1", "2", "3"} {
		if err := e.Publish("lib", v); err != nil {
			t.Fatal(err)
		}
	}
	fanOut(t, o)
	queues, err := o.Queues(context.Background(), 10)
	if err != nil || len(queues) != 1 || len(queues[0].Due) != 3 {
		t.Fatalf("%+v, %v", queues, err)
	}
	start := time.Now()
	attempt := func(i int, after time.Duration, delivered bool) integration.SubscriptionDetail {
		t.Helper()
		out := integration.Outcome{At: start.Add(after), NextAt: start.Add(after + time.Hour), Delivered: delivered, Status: 200, GiveUpAfter: 100 * time.Hour}
		if !delivered {
			out.Status, out.Error = 500, "HTTP 500"
		}
		d, err := e.Subscriptions.Delivery(e.Admin, queues[0].Due[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Attempted(context.Background(), d.Delivery, out); err != nil {
			t.Fatal(err)
		}
		got, err := e.Subscriptions.Subscription(e.Admin, sub.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := attempt(0, 0, false); got.FailingSince.IsZero() || !got.DisabledAt.IsZero() {
		t.Errorf("after a failure: %+v", got)
	}
	if got := attempt(1, time.Hour, true); !got.FailingSince.IsZero() {
		t.Errorf("after a success: %+v", got)
	}
	attempt(0, 2*time.Hour, false)
	if got := attempt(2, 101*time.Hour, false); !got.DisabledAt.IsZero() {
		t.Errorf("after 99 hours: %+v", got)
	}
	got := attempt(0, 102*time.Hour, false)
	if got.DisabledAt.IsZero() || !strings.HasPrefix(got.DisabledReason, "only failures since ") {
		t.Errorf("after 100 hours: %+v", got)
	}
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"subscription.disabled"}})
	if err != nil || len(events) != 1 || !strings.Contains(string(events[0].Data), got.DisabledReason) || events[0].AuthType != "system" {
		t.Errorf("events: %+v, %v", events, err)
	}
	d, err := e.Subscriptions.Delivery(e.Admin, queues[0].Due[0].ID)
	if err != nil || d.Attempts != 3 || len(d.Sent) != 3 || d.Sent[2].Status != 500 || !d.Answers {
		t.Errorf("%+v, %v", d, err)
	}
	if err := o.Attempted(context.Background(), registry.Delivery{ID: 999}, integration.Outcome{}); err != nil {
		t.Errorf("of a delivery that is gone: %v", err)
	}
}

// TestRedeliverDuringAttempt: what is asked for again while an attempt is under way is sent again, whatever came of that one.
func TestRedeliverDuringAttempt(t *testing.T) {
	for what, out := range map[string]integration.Outcome{
		"the last attempt fails": {Error: "refused"},
		"another one is to come": {Error: "refused", NextAt: time.Now().Add(time.Hour)},
		"delivered":              {Status: 200, Delivered: true},
	} {
		e := registrytest.New(t)
		o := e.Subscriptions.Outbox()
		sub := subscribe(t, e, `{}`)
		must(t, e.Publish("lib", "1"))
		fanOut(t, o)
		due := func() registry.Due {
			t.Helper()
			queues, err := o.Queues(context.Background(), 5)
			if err != nil || len(queues) != 1 || len(queues[0].Due) != 1 {
				t.Fatalf("%s: %+v, %v", what, queues, err)
			}
			return queues[0].Due[0]
		}
		p, err := o.Load(context.Background(), due().ID)
		must(t, err)
		asked, err := e.Subscriptions.Redeliver(e.Admin, p.ID)
		must(t, err)
		out.At = time.Now()
		must(t, o.Attempted(context.Background(), p.Delivery, out))
		if at := due().At; !at.Equal(asked.NextAt) || !at.Before(out.At.Add(time.Second)) {
			t.Errorf("%s: due at %v, asked for at %v", what, at, asked.NextAt)
		}
		d, err := e.Subscriptions.Delivery(e.Admin, p.ID)
		if err != nil || d.State != integration.DeliveryPending || d.Attempts != 1 || d.Tries != 0 || len(d.Sent) != 1 || d.Error != out.Error {
			t.Errorf("%s: %+v, %v", what, d, err)
		}
		// The next attempt counts as ever.
		p, err = o.Load(context.Background(), p.ID)
		must(t, err)
		must(t, o.Attempted(context.Background(), p.Delivery, integration.Outcome{At: out.At, Error: "refused"}))
		if d, err := e.Subscriptions.Delivery(e.Admin, p.ID); err != nil || d.State != integration.DeliveryDead || d.Attempts != 2 || d.Tries != 1 {
			t.Errorf("%s, again: %+v, %v", what, d, err)
		}
		if got, err := e.Subscriptions.Subscription(e.Admin, sub.ID); err != nil || got.FailingSince.IsZero() {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
}
