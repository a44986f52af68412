package integration_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/integration"
	"slipway/registry"
)

// TestDispatch: what a subscription selects arrives once, signed, in the order of the log, and nothing else does.
func TestDispatch(t *testing.T) {
	e := newEnv(t, integration.Options{})
	rc := newReceiver(t, yes)
	e.publish("0")
	sub := e.subscribe(rc, "artifact.published", "tag.*")
	e.publish("1", "2")
	e.tag(3)
	e.until("five events", func() bool { return len(rc.all()) == 5 && e.detail(sub).Pending == 0 })
	seen := map[string]bool{}
	for _, r := range rc.all() {
		if r.attempt != "1" || r.again != "" || seen[r.id] {
			t.Errorf("%+v", r)
		}
		seen[r.id] = true
	}
	d := e.newest(sub)
	if d.State != integration.DeliveryDelivered || d.Status != 204 || d.EventType != "tag.set" || len(d.Sent) != 1 {
		t.Errorf("%+v", d)
	}
	if _, err := e.Subscriptions.Redeliver(e.Admin, d.ID); err != nil {
		t.Fatal(err)
	}
	e.until("it came again", func() bool { return len(rc.all()) == 6 })
	got := rc.all()
	first := slices.IndexFunc(got, func(r received) bool { return r.id == d.MessageID })
	if last := got[5]; last.id != d.MessageID || last.attempt != "2" || last.again != "true" || last.body != got[first].body {
		t.Errorf("again: %+v", last)
	}
	if _, err := e.Subscriptions.Replay(e.Admin, sub, 0); err != nil {
		t.Fatal(err)
	}
	// The version that was published before the subscription comes too.
	e.until("everything came again", func() bool { return len(rc.ids()) == 6 && len(rc.all()) == 12 })
	e.MustFsck(t)
}

// TestPing shows what becomes of it, is tried once, and does not count.
func TestPing(t *testing.T) {
	e := newEnv(t, integration.Options{})
	rc := newReceiver(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n > 1 {
			w.WriteHeader(http.StatusGone)
		}
		_, _ = io.WriteString(w, "hello")
	})
	sub := e.subscribe(rc)
	for i, want := range []registry.DeliveryState{integration.DeliveryDelivered, integration.DeliveryDead} {
		d, err := e.Subscriptions.Ping(e.Admin, sub)
		if err != nil || d.State != integration.DeliveryPending {
			t.Fatalf("%+v, %v", d, err)
		}
		e.until("an outcome", func() bool { return e.newest(sub).State == want })
		if got := e.newest(sub); len(got.Sent) != 1 || string(got.Sent[0].Answer) != "hello" {
			t.Errorf("ping %d: %+v", i, got)
		}
	}
	if got := rc.all()[0]; got.event.Type != "dev.slipway.ping.v1" || got.event.Data.Name != "test" {
		t.Errorf("%+v", got)
	}
	if d := e.detail(sub); !d.DisabledAt.IsZero() || !d.FailingSince.IsZero() {
		t.Errorf("a ping changed its subscription: %+v", d)
	}
}

// TestRetry sends the same bytes under the same id until it works.
func TestRetry(t *testing.T) {
	e := newEnv(t, waits(time.Millisecond, 20*time.Millisecond, 40*time.Millisecond))
	rc := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch n {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, strings.Repeat("x", 9000))
		case 2:
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case 3:
			panic(http.ErrAbortHandler)
		}
	})
	sub := e.subscribe(rc, "artifact.published")
	e.publish("1")
	e.until("it was delivered", func() bool { return e.newest(sub).State == integration.DeliveryDelivered })
	got := rc.all()
	for i, r := range got {
		if r.id != got[0].id || r.body != got[0].body || r.attempt != fmt.Sprint(i+1) {
			t.Errorf("attempt %d: %+v", i+1, r)
		}
	}
	d := e.newest(sub)
	statuses := []int{}
	for _, a := range d.Sent {
		statuses = append(statuses, a.Status)
	}
	if !slices.Equal(statuses, []int{500, 307, 0, 200}) || len(d.Sent[0].Answer) != 8<<10 || d.Sent[2].Error == "" || d.Error != "" {
		t.Errorf("attempts with %v: %+v", statuses, d.Delivery)
	}
	if !e.detail(sub).FailingSince.IsZero() {
		t.Error("it counts as failing")
	}
}

// TestDead: after the last attempt nothing more is sent, until somebody asks for it.
func TestDead(t *testing.T) {
	e := newEnv(t, waits(time.Millisecond, time.Millisecond))
	var mended sync.Map
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if _, ok := mended.Load("yes"); !ok {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	sub := e.subscribe(rc, "artifact.published")
	e.publish("1")
	e.until("it is dead", func() bool { return e.detail(sub).Dead == 1 })
	d := e.newest(sub)
	if len(rc.all()) != 3 || d.Attempts != 3 || d.Status != 502 || d.DoneAt.IsZero() {
		t.Errorf("%+v", d.Delivery)
	}
	mended.Store("yes", true)
	if _, err := e.Subscriptions.Redeliver(e.Admin, d.ID); err != nil {
		t.Fatal(err)
	}
	e.until("it was delivered", func() bool { return e.newest(sub).State == integration.DeliveryDelivered })
	if got := rc.all(); len(got) != 4 || got[3].attempt != "4" || got[3].again != "true" {
		t.Errorf("%+v", got)
	}
}

// TestMetrics: attempts by outcome, and what waits.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	e := newEnv(t, integration.Options{Metrics: reg})
	good, bad := newReceiver(t, yes), newReceiver(t, status(500))
	subs := []int64{e.subscribe(good, "artifact.published"), e.subscribe(bad, "artifact.published")}
	e.publish("1")
	e.until("both were tried", func() bool { return e.newest(subs[0]).Attempts+e.newest(subs[1]).Attempts == 2 })
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "slipway_delivery_attempt_duration_seconds" {
				outcomes[m.GetLabel()[0].GetValue()] = m.GetHistogram().GetSampleCount()
			}
		}
	}
	if !maps.Equal(outcomes, map[string]uint64{"delivered": 1, "retry": 1}) {
		t.Errorf("attempts: %v", outcomes)
	}
	n, oldest, err := e.Subscriptions.Outbox().Backlog(context.Background())
	if err != nil || n != 1 || oldest.IsZero() {
		t.Errorf("backlog: %d since %v, %v", n, oldest, err)
	}
}
