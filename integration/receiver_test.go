package integration_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"slipway/integration"
	"slipway/integration/all"
	"slipway/integration/preset"
	"slipway/internal/outbound"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
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
	options integration.Options
	sender  *integration.Dispatcher
}

func newEnv(t *testing.T, o integration.Options) *env {
	t.Helper()
	e := newCore(t, o, nil)
	e.start()
	return e
}

// newCore is newEnv before its dispatcher starts; it has more sinks.
func newCore(t *testing.T, o integration.Options, more []integration.Sink, core ...registrytest.Option) *env {
	t.Helper()
	allow, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	sinks := append(all.Sinks(outbound.Options{Allow: allow}, "test"), more...)
	t.Cleanup(func() { _ = sinks.Close() })
	core = append(core, registrytest.With(func(c *instance.Config) { c.Renderer, c.Sinks = preset.Set{}, sinks }))
	e := &env{Env: registrytest.New(t, core...), t: t, options: o}
	t.Cleanup(e.stop)
	return e
}

func (e *env) start() { e.sender = integration.Start(e.Subscriptions.Outbox(), e.options) }

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
