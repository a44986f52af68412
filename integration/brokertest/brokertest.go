// Package brokertest is for tests of sinks that are message brokers: a registry with a subscription to one, and what sends its events.
package brokertest

import (
	"net"
	"testing"
	"time"

	"slipway/integration"
	"slipway/integration/preset"
	"slipway/internal/outbound"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// Options reach public addresses and these entries of --webhook-allow.
func Options(t testing.TB, entries ...string) outbound.Options {
	t.Helper()
	allow, err := outbound.ParseAllow(entries)
	if err != nil {
		t.Fatal(err)
	}
	return outbound.Options{Allow: allow}
}

// FreeAddress is one on the loopback interface that nobody listens at.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Env is a core with one sink, a subscription to all that is published in the repository main, and what sends.
type Env struct {
	*registrytest.Env
	Sub  int64
	t    testing.TB
	send *integration.Dispatcher
}

// New makes an Env, which sends until the test ends. What the subscription has besides is set by more.
func New(t testing.TB, sink integration.Broker, url string, more ...func(*integration.SubscriptionChange)) *Env {
	t.Helper()
	e := &Env{t: t, Env: registrytest.New(t, registrytest.With(func(c *instance.Config) {
		c.Renderer, c.Sinks = preset.Set{}, integration.Sinks{sink}
	}))}
	name, kind := "bus", sink.Name()
	change := integration.SubscriptionChange{Name: &name, Sink: &kind, URL: &url, Repositories: &[]string{"main"}, Types: &[]string{"artifact.published"}, BaseURL: "https://slipway.example.com"}
	for _, set := range more {
		set(&change)
	}
	sub, _, err := e.Subscriptions.CreateSubscription(e.Admin, change)
	if err != nil {
		t.Fatal(err)
	}
	e.Sub = sub.ID
	e.Start()
	t.Cleanup(e.Stop)
	return e
}

// With gives the subscription credentials.
func With(c integration.Credentials) func(*integration.SubscriptionChange) {
	return func(s *integration.SubscriptionChange) { s.Credentials = &c }
}

// Start starts what sends, after Stop, with pauses of 20 ms after failures.
func (e *Env) Start() {
	e.send = integration.Start(e.Subscriptions.Outbox(), integration.Options{Jitter: func(time.Duration) time.Duration { return 20 * time.Millisecond }})
}

// Stop stops what sends.
func (e *Env) Stop() {
	if err := e.send.Close(); err != nil {
		e.t.Error(err)
	}
}

// Detail is the subscription as its owner sees it.
func (e *Env) Detail() integration.SubscriptionDetail {
	e.t.Helper()
	d, err := e.Subscriptions.Subscription(e.Admin, e.Sub)
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// Until waits at most a minute, and says in a failure what did not happen.
func (e *Env) Until(what string, ok func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d := e.Detail()
			e.t.Fatalf("it did not happen: %s; lag %d, failing: %s", what, d.Lag, d.FailingReason)
		}
	}
}

// Add publishes a version, and fails the test where it can't.
func (e *Env) Add(pkg, version string) {
	e.t.Helper()
	if err := e.Publish(pkg, version); err != nil {
		e.t.Fatal(err)
	}
}

// Ping sends a test event and waits until it is settled.
func (e *Env) Ping() integration.DeliveryDetail {
	e.t.Helper()
	ping, err := e.Subscriptions.Ping(e.Admin, e.Sub)
	if err != nil {
		e.t.Fatal(err)
	}
	var out integration.DeliveryDetail
	e.Until("the ping is settled", func() bool {
		out, err = e.Subscriptions.Delivery(e.Admin, ping.ID)
		if err != nil {
			e.t.Fatal(err)
		}
		return out.State != integration.DeliveryPending
	})
	return out
}
