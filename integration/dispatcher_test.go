package integration_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/integration"
	"slipway/integration/preset"
	"slipway/integration/webhook"
	"slipway/internal/outbound"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// secret is one that a receiver knows, and key what it signs with.
const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

var key = []byte("0123456789abcdef0123456789abcdef")

// received is a request that came to a receiver.
type received struct {
	id      string
	attempt string
	again   string
	body    string
	event   struct {
		Type string
		Data struct{ Tag, Version, Name string }
	}
}

// receiver is an HTTP server that checks signatures, notes what comes, and answers as it is told.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []received
	now  int // being answered
	most int
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rc := &receiver{}
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was cut off
		}
		got := received{id: r.Header.Get("webhook-id"), attempt: r.Header.Get("slipway-attempt"), again: r.Header.Get("slipway-redelivery"), body: string(body)}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", got.id, r.Header.Get("webhook-timestamp"), body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %q, want %q", r.Header.Get("webhook-signature"), want)
		}
		if err := json.Unmarshal(body, &got.event); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		rc.mu.Lock()
		rc.got = append(rc.got, got)
		n := len(rc.got)
		rc.now++
		rc.most = max(rc.most, rc.now)
		rc.mu.Unlock()
		answer(n, w, r)
		rc.mu.Lock()
		rc.now--
		rc.mu.Unlock()
	}))
	t.Cleanup(rc.Close)
	return rc
}

func yes(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func status(code int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func (rc *receiver) all() []received {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return slices.Clone(rc.got)
}

// busiest is how many requests were being answered at one time.
func (rc *receiver) busiest() int {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return rc.most
}

// ids are the different events that came, in the order of their first attempt.
func (rc *receiver) ids() []string {
	var out []string
	for _, r := range rc.all() {
		if !slices.Contains(out, r.id) {
			out = append(out, r.id)
		}
	}
	return out
}

// env is a core with a dispatcher that sends to loopback.
type env struct {
	*registrytest.Env
	t       *testing.T
	sink    *webhook.Sink
	options integration.Options
	sender  *integration.Dispatcher
}

func newEnv(t *testing.T, o integration.Options) *env {
	t.Helper()
	e := newCore(t, o)
	e.start()
	return e
}

// newCore is newEnv before its dispatcher starts.
func newCore(t *testing.T, o integration.Options, core ...registrytest.Option) *env {
	t.Helper()
	allow, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	core = append(core, registrytest.With(func(c *instance.Config) { c.Renderer = preset.Set{} }))
	e := &env{Env: registrytest.New(t, core...), t: t, sink: webhook.New(outbound.Options{Allow: allow}, "test"), options: o}
	t.Cleanup(e.sink.Close)
	t.Cleanup(e.stop)
	return e
}

func (e *env) start() { e.sender = integration.Start(e.Subscriptions.Outbox(), e.sink, e.options) }

func (e *env) stop() {
	if e.sender != nil {
		if err := e.sender.Close(); err != nil {
			e.t.Error(err)
		}
		e.sender = nil
	}
}

func (e *env) subscribe(rc *receiver, types ...string) int64 {
	e.t.Helper()
	name, s := "test", secret
	sub, _, err := e.Subscriptions.CreateSubscription(e.Admin, integration.SubscriptionChange{Name: &name, URL: &rc.URL, Secret: &s, Types: &types,
		Repositories: &[]string{"main"}, BaseURL: "https://slipway.example.com"})
	if err != nil {
		e.t.Fatal(err)
	}
	return sub.ID
}

func (e *env) publish(versions ...string) {
	e.t.Helper()
	for _, v := range versions {
		if err := e.Publish("lib", v); err != nil {
			e.t.Fatal(err)
		}
	}
}

// tag moves a tag n times.
func (e *env) tag(n int) {
	e.t.Helper()
	for i := range n {
		if _, err := e.Publisher.SetTag(e.Admin, e.Name("lib"), "production", publish.TagChange{Version: fmt.Sprint(1 + i%2)}); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *env) detail(subscription int64) integration.SubscriptionDetail {
	e.t.Helper()
	d, err := e.Subscriptions.Subscription(e.Admin, subscription)
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// newest is the latest delivery of a subscription with its attempts.
func (e *env) newest(subscription int64) integration.DeliveryDetail {
	e.t.Helper()
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: subscription, Limit: 1})
	if err != nil {
		e.t.Fatal(err)
	}
	if len(list) == 0 {
		return integration.DeliveryDetail{}
	}
	d, err := e.Subscriptions.Delivery(e.Admin, list[0].ID)
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// until waits for something to become true.
func (e *env) until(what string, ok func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("it did not happen: %s", what)
		}
	}
}

func waits(d ...time.Duration) integration.Options {
	return integration.Options{Waits: d, FaultPause: 10 * time.Millisecond}
}

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
	e := newCore(t, o, registrytest.FailCall(n, storagetest.Before))
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
