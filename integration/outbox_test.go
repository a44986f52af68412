package integration_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"slipway/integration"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// TestSubscriptionFilter: each kind of filter selects what it says, and nothing else.
func TestSubscriptionFilter(t *testing.T) {
	e := registrytest.New(t)
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	all := subscribe(t, e, `{"Repositories":["*"]}`)
	main := subscribe(t, e, `{}`)
	glob := subscribe(t, e, `{"Repositories":["m*n"],"Types":["artifact.published"]}`)
	tags := subscribe(t, e, `{"Tags":["prod*"]}`)
	scoped := subscribe(t, e, `{"Packages":["@acme/*"],"Types":["artifact.*"]}`)
	elsewhere := subscribe(t, e, `{"Repositories":["other"]}`)
	quiet := subscribe(t, e, `{"Preset":"`+registrytest.PresetQuiet+`"}`)
	for _, pkg := range []string{"@acme/web", "lib"} {
		if err := e.Publish(pkg, "1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []string{"production", "beta"} {
		if _, err := e.Publisher.SetTag(e.Admin, e.Name("lib"), tag, publish.TagChange{Version: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	fanOut(t, e.Subscriptions.Outbox())
	wantTold(t, e, main.ID, "artifact.published 1", "artifact.published 1", "tag.set 1 production", "tag.set 1 beta")
	wantTold(t, e, glob.ID, "artifact.published 1", "artifact.published 1")
	wantTold(t, e, tags.ID, "tag.set 1 production")
	wantTold(t, e, scoped.ID, "artifact.published 1")
	wantTold(t, e, elsewhere.ID)
	wantTold(t, e, quiet.ID)
	// What concerns the whole server is for those of every repository: six more subscriptions were made behind the first.
	if got := told(t, e, all.ID); len(got) != 4+7 || got[0] != "subscription.created" {
		t.Errorf("everything: %q", got)
	}
}

// TestPause: a disabled subscription stores nothing; it goes on where it stopped, or now.
func TestPause(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	a, b := subscribe(t, e, `{}`), subscribe(t, e, `{}`)
	publish := func(version string) {
		t.Helper()
		if err := e.Publish("lib", version); err != nil {
			t.Fatal(err)
		}
		fanOut(t, o)
	}
	publish("1")
	enable := func(id int64, on bool, from string) {
		t.Helper()
		if _, _, err := e.Subscriptions.UpdateSubscription(e.Admin, id, integration.SubscriptionChange{Enabled: &on, From: from}); err != nil {
			t.Fatal(err)
		}
	}
	enable(a.ID, false, "")
	enable(b.ID, false, "")
	publish("2")
	if queues, err := o.Queues(context.Background(), 5); err != nil || len(queues) != 0 {
		t.Errorf("disabled ones have %+v, %v", queues, err)
	}
	if _, err := e.Subscriptions.Ping(e.Admin, a.ID); registry.KindOf(err) != registry.Conflict {
		t.Errorf("ping: %v", err)
	}
	if _, err := e.Subscriptions.Replay(e.Admin, a.ID, 1); registry.KindOf(err) != registry.Conflict {
		t.Errorf("replay: %v", err)
	}
	wantTold(t, e, a.ID, "artifact.published 1")
	enable(a.ID, true, "")
	enable(b.ID, true, integration.FromNow)
	publish("3")
	wantTold(t, e, a.ID, "artifact.published 1", "artifact.published 2", "artifact.published 3")
	wantTold(t, e, b.ID, "artifact.published 1", "artifact.published 3")
	pending, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: b.ID, State: integration.DeliveryDead})
	if err != nil || len(pending) != 1 || pending[0].Error == "" {
		t.Errorf("what waited is %+v, %v", pending, err)
	}
	d, err := e.Subscriptions.Redeliver(e.Admin, pending[0].ID)
	if err != nil || d.State != integration.DeliveryPending || !d.Redelivery {
		t.Errorf("redelivered: %+v, %v", d, err)
	}
	if got, err := e.Subscriptions.Subscription(e.Admin, b.ID); err != nil || got.Pending != 2 || got.Dead != 0 || got.OldestPending.IsZero() {
		t.Errorf("detail: %+v, %v", got, err)
	}
}

// TestReplay sends again what was sent and what came before the subscription, once each, with the bytes it had.
func TestReplay(t *testing.T) {
	e := registrytest.New(t)
	o := e.Subscriptions.Outbox()
	if err := e.Publish("lib", "1"); err != nil {
		t.Fatal(err)
	}
	sub := subscribe(t, e, `{}`)
	if err := e.Publish("lib", "2"); err != nil {
		t.Fatal(err)
	}
	fanOut(t, o)
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub.ID})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := o.Attempted(context.Background(), list[0], integration.Outcome{At: time.Now(), Status: 200, Delivered: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Subscriptions.Replay(e.Admin, sub.ID, 1000); registry.KindOf(err) != registry.Invalid {
		t.Errorf("since the future: %v", err)
	}
	if _, err := e.Subscriptions.Replay(e.Admin, sub.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("lib", "3"); err != nil {
		t.Fatal(err)
	}
	fanOut(t, o)
	// repository.created of the first start belongs to main too; the known delivery keeps its number.
	wantTold(t, e, sub.ID, "artifact.published 2", "repository.created", "artifact.published 1", "artifact.published 3")
	again, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub.ID})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, true, true} { // the newest first
		if d := again[i]; d.Redelivery != want || d.State != integration.DeliveryPending {
			t.Errorf("delivery %d: %+v", i, d)
		}
	}
	if d := again[3]; d.ID != list[0].ID || d.Attempts != 1 || d.Tries != 0 {
		t.Errorf("the known one: %+v", d)
	}
}

// TestSubscriptionClockStandsStill: a change counts also where the clock was set back, so that the times of two changes would
// be one: the next look begins at the stored place again.
func TestSubscriptionClockStandsStill(t *testing.T) {
	e := registrytest.New(t)
	at := time.Now()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), sqlite.WithClock(func() time.Time { return at }))
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	c := e.Config
	c.Metadata, c.Metrics = store, nil
	s, err := instance.Open(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	o := s.Subscriptions.Outbox()
	ctx := access.With(t.Context(), access.System())
	sub, _, err := s.Subscriptions.CreateSubscription(ctx, change(t, `{"Types":["tag.*"]}`))
	must(t, err)
	must(t, errOf(s.Core.UpdateRepository(ctx, "main", registry.RepositoryChange{Description: &sub.Name})))
	fanOut(t, o) // past it, in memory alone
	all := []string{"*"}
	must(t, errOf2(s.Subscriptions.UpdateSubscription(ctx, sub.ID, integration.SubscriptionChange{Types: &all})))
	fanOut(t, o)
	list, err := s.Subscriptions.Deliveries(ctx, integration.DeliveryQuery{SubscriptionID: sub.ID})
	if err != nil || len(list) != 1 || list[0].EventType != "repository.changed" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestFanOutFaults breaks every call of the database in turn while events become deliveries, with a new dispatcher's side
// after each: every event becomes exactly one delivery, in order.
func TestFanOutFaults(t *testing.T) {
	for n := 1; ; n++ {
		e := registrytest.New(t, registrytest.FailCall(n, storagetest.Before))
		var sub integration.Subscription
		var want []string
		e.WithoutFaults(func() {
			sub = subscribe(t, e, `{}`)
			for i := range 5 {
				if err := e.Publish("lib", fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf("artifact.published %d", i))
			}
		})
		failed := false
		if _, err := e.Subscriptions.Outbox().FanOut(context.Background()); err != nil {
			failed = true
		}
		tripped := e.Tripped()
		if failed != tripped {
			t.Errorf("call %d: tripped %v, failed %v", n, tripped, failed)
		}
		e.WithoutFaults(func() {
			o := e.Subscriptions.Outbox()
			fanOut(t, o)
			fanOut(t, o)
			wantTold(t, e, sub.ID, want...)
		})
		if !tripped {
			return // n is past the last call
		}
	}
}
