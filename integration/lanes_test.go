package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/integration"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
)

// broker is a sink in memory whose readers rely on order. It answers as it is told, and notes what it is sent and what it took.
type broker struct {
	answer func(e sentEvent) integration.Result

	mu   sync.Mutex
	sent []sentEvent
	took []string // "key version" of each event, in order
	busy map[string]int
}

// sentEvent is an event of a package's version on its way to a broker.
type sentEvent struct {
	key, pkg, version string
	attempt           int
}

func (b *broker) Name() string                  { return "broker" }
func (b *broker) Ordered() bool                 { return true }
func (b *broker) Receiver(target string) string { return target }
func (b *broker) Close() error                  { return nil }

func (b *broker) Check(target string) error {
	if !strings.HasPrefix(target, "broker:") {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: it must be of the form broker:<topic>")
	}
	return nil
}

func (b *broker) Deliver(ctx context.Context, t integration.Target, m integration.Message) integration.Result {
	var event struct {
		PartitionKey string
		Data         struct{ Package, Version string }
	}
	if err := json.Unmarshal(m.Body, &event); err != nil || m.Key != event.PartitionKey {
		return integration.Result{Verdict: integration.Refused, Note: fmt.Sprintf("key %q of %s: %v", m.Key, m.Body, err)}
	}
	e := sentEvent{key: m.Key, pkg: event.Data.Package, version: event.Data.Version, attempt: t.Attempt}
	b.mu.Lock()
	b.sent = append(b.sent, e)
	b.busy[e.key]++
	if b.busy[e.key] > 1 {
		b.took = append(b.took, "two at once: "+e.key)
	}
	b.mu.Unlock()
	res := b.answer(e)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy[e.key]--
	if res.Verdict == integration.Delivered {
		b.took = append(b.took, e.pkg+" "+e.version)
	}
	return res
}

// taken lists the versions of a package in the order in which the broker took them.
func (b *broker) taken(pkg string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, s := range b.took {
		if version, ok := strings.CutPrefix(s, pkg+" "); ok {
			out = append(out, version)
		} else if strings.HasPrefix(s, "two at once") {
			out = append(out, s)
		}
	}
	return out
}

var (
	taken  = integration.Result{Verdict: integration.Delivered}
	failed = integration.Result{Note: "the broker has no leader"}
)

// newBroker is an env with a broker, and a subscription to what is published, which goes there.
func newBroker(t *testing.T, o integration.Options, answer func(e sentEvent) integration.Result) (*env, *broker, int64) {
	t.Helper()
	b := &broker{answer: answer, busy: map[string]int{}}
	e := newCore(t, o, []integration.Sink{b})
	sub := subscribe(t, e.Env, `{"Sink":"broker","URL":"broker:topic","Types":["artifact.published"]}`)
	return e, b, sub.ID
}

// publishTo publishes versions of a package.
func (e *env) publishTo(pkg string, versions ...string) {
	e.t.Helper()
	for _, v := range versions {
		must(e.t, e.Publish(pkg, v))
	}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%03d", i)
	}
	return out
}

// TestOrderedLanes: events of one key arrive one after the other in the order of the log, though every third attempt fails and
// the dispatcher is started anew in between.
func TestOrderedLanes(t *testing.T) {
	versions, packages := numbered(20), []string{"a", "b", "c"}
	e, b, sub := newBroker(t, waits(slices.Repeat([]time.Duration{time.Millisecond}, 50)...), func(ev sentEvent) integration.Result {
		if (int(ev.version[2])+ev.attempt)%3 == 0 {
			return failed
		}
		return taken
	})
	for _, v := range versions {
		for _, pkg := range packages {
			e.publishTo(pkg, v)
		}
	}
	for i := range 4 {
		e.start()
		e.until("some came", func() bool { return len(b.taken("a")) >= 5*i })
		e.stop()
	}
	e.start()
	e.until("all came", func() bool {
		return len(b.taken("a"))+len(b.taken("b"))+len(b.taken("c")) >= 3*len(versions) && e.detail(sub).Pending == 0
	})
	for _, pkg := range packages {
		if got := b.taken(pkg); !slices.Equal(got, versions) {
			t.Errorf("%s: %v", pkg, got)
		}
	}
	if d := e.detail(sub); d.Dead != 0 {
		t.Errorf("%d are dead", d.Dead)
	}
	e.MustFsck(t)
}

// TestLanesOvertake: while the first event of one key fails, those of other keys, and of none, arrive, and its followers wait.
func TestLanesOvertake(t *testing.T) {
	var mended sync.Map
	e, b, sub := newBroker(t, waits(slices.Repeat([]time.Duration{5 * time.Millisecond}, 10000)...), func(ev sentEvent) integration.Result {
		if _, ok := mended.Load("yes"); !ok && ev.pkg == "a" {
			return failed
		}
		return taken
	})
	e.publishTo("a", numbered(30)...)
	e.publishTo("b", numbered(30)...)
	e.start()
	e.until("b has overtaken a", func() bool { return len(b.taken("b")) == 30 })
	ping, err := e.Subscriptions.Ping(e.Admin, sub)
	must(t, err)
	e.until("what has no key has overtaken it", func() bool {
		d, err := e.Subscriptions.Delivery(e.Admin, ping.ID)
		return err == nil && d.State == integration.DeliveryDelivered
	})
	b.mu.Lock()
	for _, ev := range b.sent {
		if ev.pkg == "a" && ev.version != "000" {
			t.Errorf("%+v was sent before its former one had come", ev)
		}
	}
	b.mu.Unlock()
	mended.Store("yes", true)
	e.until("a goes on", func() bool { return e.detail(sub).Pending == 0 })
	if got := b.taken("a"); !slices.Equal(got, numbered(30)) {
		t.Errorf("a: %v", got)
	}
}

// TestDeadInLane: an event that the broker refuses, or that fails to the end, is dead, and its followers go on.
func TestDeadInLane(t *testing.T) {
	e, b, sub := newBroker(t, waits(time.Millisecond, time.Millisecond), func(ev sentEvent) integration.Result {
		switch ev.version {
		case "001":
			return integration.Result{Verdict: integration.Refused, Note: "too large"}
		case "003":
			return failed
		}
		return taken
	})
	e.publishTo("a", numbered(6)...)
	e.start()
	e.until("the others came", func() bool { return len(b.taken("a")) == 4 && e.detail(sub).Pending == 0 })
	if got, want := b.taken("a"), []string{"000", "002", "004", "005"}; !slices.Equal(got, want) {
		t.Errorf("a: %v, want %v", got, want)
	}
	dead, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub, State: integration.DeliveryDead})
	if err != nil || len(dead) != 2 || dead[0].Error != failed.Note || dead[0].Attempts != 3 || dead[1].Error != "too large" || dead[1].Attempts != 1 {
		t.Errorf("dead: %+v, %v", dead, err)
	}
}

// TestGoneWithoutWords: a sink that only says that the receiver wants no more disables the subscription too.
func TestGoneWithoutWords(t *testing.T) {
	e, _, sub := newBroker(t, waits(time.Millisecond), func(sentEvent) integration.Result {
		return integration.Result{Verdict: integration.Gone, Note: "the topic is deleted"}
	})
	e.publishTo("a", "1", "2")
	e.start()
	e.until("it is disabled", func() bool { return !e.detail(sub).DisabledAt.IsZero() })
	if d := e.detail(sub); d.DisabledReason != "the receiver wants no more" || d.Dead != 1 || d.Pending != 1 {
		t.Errorf("%+v", d)
	}
}

// TestSinksByName: a subscription names a sink that exists and keeps it, and its deliveries go through it.
func TestSinksByName(t *testing.T) {
	e, b, sub := newBroker(t, integration.Options{}, func(sentEvent) integration.Result { return taken })
	rc := newReceiver(t, yes)
	hook := e.subscribe(rc, "artifact.published")
	for text, want := range map[string]string{
		`{"Sink":"pigeon"}`:                    `sink: "pigeon" is not known; there is "webhook", "nats", "kafka", "amqp", "broker"`,
		`{"Sink":"broker"}`:                    "broker:<topic>",
		`{"URL":"broker:topic"}`:               "https://host",
		`{"Sink":"broker","URL":"broker:a b"}`: "printable ASCII",
		`{"Sink":"broker","URL":"broker:` + strings.Repeat("x", 3000) + `"}`: "at most 2048",
	} {
		if _, _, err := e.Subscriptions.CreateSubscription(e.Admin, change(t, text)); registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
	other, target := "webhook", "https://ci.example.com/hook"
	if _, _, err := e.Subscriptions.UpdateSubscription(e.Admin, sub, integration.SubscriptionChange{Sink: &other, URL: &target}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("another sink: %v", err)
	}
	same := "broker"
	must(t, errOf2(e.Subscriptions.UpdateSubscription(e.Admin, sub, integration.SubscriptionChange{Sink: &same})))
	e.start()
	e.publishTo("a", "1")
	e.until("both came", func() bool { return len(b.taken("a")) == 1 && len(rc.all()) == 1 && e.detail(hook).Pending == 0 })
	if d := e.newest(sub); d.Sink != "broker" || d.Lane == "" {
		t.Errorf("%+v", d.Delivery)
	}
	if d := e.newest(hook); d.Sink != "webhook" || d.Lane != "" {
		t.Errorf("%+v", d.Delivery)
	}
}

// TestLostSink: a server that has lost a sink says so in the subscription, loses no event of it, and can still pause it.
func TestLostSink(t *testing.T) {
	e, b, sub := newBroker(t, waits(), func(sentEvent) integration.Result { return taken })
	c := e.Config
	c.Sinks, c.Metrics = nil, nil
	without, err := instance.Open(t.Context(), c)
	must(t, err)
	defer without.Close()
	e.publishTo("a", "1", "2")
	d := integration.Start(without.Subscriptions.Outbox(), waits(time.Hour))
	e.until("it says so", func() bool { return e.detail(sub).FailingReason == `this server has no sink "broker"` })
	must(t, d.Close())
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub})
	if err != nil || len(list) != 0 {
		t.Errorf("%d deliveries, %v", len(list), err)
	}
	ctx, on, off := access.With(t.Context(), access.System()), true, false
	must(t, errOf2(without.Subscriptions.UpdateSubscription(ctx, sub, integration.SubscriptionChange{Enabled: &off})))
	must(t, errOf2(e.Subscriptions.UpdateSubscription(e.Admin, sub, integration.SubscriptionChange{Enabled: &on})))
	e.start()
	e.until("both came", func() bool { return slices.Equal(b.taken("a"), []string{"1", "2"}) })
}
