package integration_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// TestAnswers that mean more than failure.
func TestAnswers(t *testing.T) {
	for what, c := range map[string]struct {
		code     int
		header   string // Retry-After
		state    registry.DeliveryState
		attempts int
		wait     time.Duration // until the next attempt, at least
		disabled bool
	}{
		"410":                        {code: 410, state: integration.DeliveryDead, attempts: 1, disabled: true},
		"415":                        {code: 415, state: integration.DeliveryDead, attempts: 1},
		"429 with Retry-After":       {code: 429, header: "3600", state: integration.DeliveryPending, attempts: 1, wait: 59 * time.Minute},
		"503 with a short one":       {code: 503, header: "1", state: integration.DeliveryPending, attempts: 1, wait: 7 * time.Minute},
		"503 with an endless one":    {code: 503, header: "99999999", state: integration.DeliveryPending, attempts: 1, wait: 23 * time.Hour},
		"404 is failure like others": {code: 404, header: "3600", state: integration.DeliveryPending, attempts: 1, wait: 7 * time.Minute},
	} {
		t.Run(what, func(t *testing.T) {
			e := newEnv(t, waits(10*time.Minute))
			rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(c.code)
			})
			sub := e.subscribe(rc, "artifact.published")
			e.publish("1")
			e.until("an attempt", func() bool { return e.newest(sub).Attempts > 0 })
			d := e.newest(sub)
			if d.State != c.state || d.Attempts != c.attempts || d.Status != c.code {
				t.Errorf("%+v", d.Delivery)
			}
			if wait := time.Until(d.NextAt); c.wait > 0 && (wait < c.wait || wait > 25*time.Hour) {
				t.Errorf("the next attempt is in %v", wait)
			}
			if got := e.detail(sub); got.DisabledAt.IsZero() == c.disabled {
				t.Errorf("disabled: %+v", got)
			}
		})
	}
}

// TestRefusedAddress: one that may not be reached is dead at once, and says which setting opens it.
func TestRefusedAddress(t *testing.T) {
	e := newEnv(t, integration.Options{})
	rc := newReceiver(t, yes)
	sub := e.subscribe(rc, "artifact.published")
	target := strings.Replace(rc.URL, "127.0.0.1", "127.0.0.2", 1)
	if _, _, err := e.Subscriptions.UpdateSubscription(e.Admin, sub, integration.SubscriptionChange{URL: &target}); err != nil {
		t.Fatal(err)
	}
	e.publish("1")
	e.until("it is dead", func() bool { return e.detail(sub).Dead == 1 })
	if d := e.newest(sub); d.Attempts != 1 || !strings.Contains(d.Error, "--webhook-allow") || len(rc.all()) != 0 {
		t.Errorf("%+v", d.Delivery)
	}
}

// TestGiveUp disables a subscription that only fails.
func TestGiveUp(t *testing.T) {
	o := waits(slices.Repeat([]time.Duration{10 * time.Millisecond}, 1000)...)
	o.GiveUpAfter = 200 * time.Millisecond
	e := newEnv(t, o)
	rc := newReceiver(t, status(500))
	sub := e.subscribe(rc, "artifact.published")
	e.publish("1")
	e.until("it is disabled", func() bool { return !e.detail(sub).DisabledAt.IsZero() })
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"subscription.disabled"}})
	if err != nil || len(events) != 1 {
		t.Errorf("%+v, %v", events, err)
	}
	n := len(rc.all())
	time.Sleep(100 * time.Millisecond)
	if more := len(rc.all()); more > n+1 {
		t.Errorf("%d attempts after the end", more-n)
	}
}

// TestNeighbours: a receiver that hangs and one that refuses do not slow the one that works, and no more than the bounds
// allow is under way.
func TestNeighbours(t *testing.T) {
	const events = 200
	e := newEnv(t, integration.Options{})
	e.publish("1", "2")
	release := make(chan struct{})
	hanging := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	failing, healthy := newReceiver(t, status(500)), newReceiver(t, yes)
	subs := []int64{}
	for _, rc := range []*receiver{hanging, hanging, hanging, failing, healthy} {
		subs = append(subs, e.subscribe(rc, "tag.set"))
	}
	start := time.Now()
	e.tag(events)
	published := time.Since(start)
	e.until("the healthy one has them all", func() bool { return e.detail(subs[4]).Pending == 0 && len(healthy.ids()) == events })
	t.Logf("%d tag moves took %v, and were delivered after %v", events, published, time.Since(start))
	if len(healthy.all()) != events {
		t.Errorf("the healthy one got %d for %d events", len(healthy.all()), events)
	}
	e.until("8 attempts hang", func() bool { return hanging.busiest() >= 8 })
	if n := hanging.busiest(); n != 8 {
		t.Errorf("%d attempts hang on one host, want 8", n)
	}
	if h, f := healthy.busiest(), failing.busiest(); h > 4 || f > 4 {
		t.Errorf("%d and %d attempts of one subscription at once", h, f)
	}
	if d := e.detail(subs[0]); d.Pending != events {
		t.Errorf("the hanging one waits for %d", d.Pending)
	}
	e.stop() // cuts off what hangs
}

// TestRestart: what is under way when the dispatcher ends is sent again by the next one, under the same id, and nothing
// is lost.
func TestRestart(t *testing.T) {
	const events = 60
	e := newEnv(t, waits(time.Millisecond))
	e.publish("1", "2")
	rc := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n%10 == 0 { // the rest of the round waits behind it
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	sub := e.subscribe(rc, "tag.set")
	for i := range 6 {
		e.tag(events / 6)
		e.until("some of them came", func() bool { return len(rc.ids()) > i*5 })
		e.stop()
		e.start()
	}
	e.until("all of them came", func() bool { return e.detail(sub).Pending == 0 && len(rc.ids()) == events })
	if d := e.detail(sub); d.Dead != 0 {
		t.Errorf("%d are dead", d.Dead)
	}
	e.MustFsck(t)
}

// TestDispatchFaults breaks every call of the database in turn while the dispatcher works: every event arrives, and only
// under its one id.
func TestDispatchFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes a core for each call of the database")
	}
	tripped := true
	for n := 1; tripped; n++ {
		if n > 500 {
			t.Fatal("the calls do not end")
		}
		tripped = dispatchWithFault(t, n)
	}
}

func dispatchWithFault(t *testing.T, n int) (tripped bool) {
	o := waits(time.Millisecond, time.Millisecond, time.Millisecond)
	o.Logger = slog.New(slog.DiscardHandler)
	e := newCore(t, o, nil, registrytest.FailCall(n, storagetest.Before))
	defer e.Instance.Close()
	rc := newReceiver(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	defer rc.Close()
	var sub int64
	e.WithoutFaults(func() {
		sub = e.subscribe(rc, "artifact.published")
		e.publish("1", "2", "3")
	})
	e.start()
	defer e.stop()
	count := func(state registry.DeliveryState) (n int64) {
		t.Helper()
		err := e.Metadata.View(context.Background(), func(tx metadata.Tx) (err error) {
			n, _, err = tx.Deliveries().CountDeliveries(sub, state)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	e.until(fmt.Sprintf("all came although call %d failed", n), func() bool { return count(integration.DeliveryDelivered) == 3 })
	if count(integration.DeliveryPending) != 0 || count(integration.DeliveryDead) != 0 || len(rc.ids()) != 3 || len(rc.all()) > 6 {
		t.Errorf("call %d: %d requests for %d events", n, len(rc.all()), len(rc.ids()))
	}
	return e.Tripped()
}
