package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry"
)

// topic is a broker in memory that is told what to answer.
type topic struct {
	mu     sync.Mutex
	down   bool
	answer func(e heard) integration.Result // nil: it takes everything
	heard  []heard
	opened []integration.Target
	most   int // messages of one batch
	twice  bool
}

// heard is an event that a topic took.
type heard struct {
	id, key, kind, pkg, version, repository string
}

func (t *topic) Name() string                  { return "topic" }
func (t *topic) Ordered() bool                 { return true }
func (t *topic) Close() error                  { return nil }
func (t *topic) Receiver(target string) string { return strings.Split(target, "?")[0] }

func (t *topic) Check(target string) error {
	if !strings.HasPrefix(target, "topic:") {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: topic:<name>")
	}
	return nil
}

func (t *topic) CheckCredentials(c integration.Credentials) error {
	return c.Allowed("topic", "username", "password", "client_cert", "client_key", "ca")
}

func (t *topic) Deliver(ctx context.Context, to integration.Target, m integration.Message) integration.Result {
	return integration.SendOne(ctx, t, to, m)
}

func (t *topic) Open(_ context.Context, to integration.Target) (integration.Sender, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return nil, errors.New("connection refused")
	}
	t.opened = append(t.opened, to)
	return &connection{t}, nil
}

type connection struct{ t *topic }

func (c *connection) Close() error { return nil }

func (c *connection) Send(_ context.Context, batch []integration.Message) []integration.Result {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	c.t.most = max(c.t.most, len(batch))
	keys, out := map[string]bool{}, make([]integration.Result, len(batch))
	for i, m := range batch {
		var event struct {
			ID   string
			Data struct{ Package, Version string }
		}
		if err := json.Unmarshal(m.Body, &event); err != nil || event.ID != m.ID {
			out[i] = integration.Result{Verdict: integration.Refused, Note: fmt.Sprint("not an event: ", err)}
			continue
		}
		c.t.twice = c.t.twice || m.Key != "" && keys[m.Key]
		keys[m.Key] = true
		h := heard{m.ID, m.Key, m.Type, event.Data.Package, event.Data.Version, m.Repository}
		out[i] = taken
		switch {
		case c.t.down:
			out[i] = integration.Result{Note: "connection lost"}
		case c.t.answer != nil:
			out[i] = c.t.answer(h)
		}
		if out[i].Verdict == integration.Delivered {
			c.t.heard = append(c.t.heard, h)
		}
	}
	return out
}

func (t *topic) set(down bool, answer func(heard) integration.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down, t.answer = down, answer
}

// versions are those of a package in the order in which they came, without those that came again.
func (t *topic) versions(pkg string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	seen := map[string]bool{}
	for _, h := range t.heard {
		if h.pkg == pkg && !seen[h.id] {
			seen[h.id] = true
			out = append(out, h.version)
		}
	}
	return out
}

func (t *topic) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.heard)
}

// quick waits for a moment where a stream would wait for a second and longer.
var quick = integration.Options{FaultPause: 10 * time.Millisecond, Jitter: func(d time.Duration) time.Duration { return min(d, 5*time.Millisecond) }}

// newTopic is an env with a topic, and a stream to it of what is published.
func newTopic(t *testing.T) (*env, *topic, int64) {
	t.Helper()
	b := &topic{}
	e := newCore(t, quick, []integration.Sink{b})
	return e, b, subscribe(t, e.Env, `{"Sink":"topic","URL":"topic:x","Preset":"cloudevents","Types":["artifact.published"]}`).ID
}

// rows counts the deliveries of a subscription.
func (e *env) rows(id int64) int {
	e.t.Helper()
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: id})
	must(e.t, err)
	return len(list)
}

// TestStream: events come without a delivery each, in the order of the log for each package, though the broker refuses some for a time
// and the process ends in between.
func TestStream(t *testing.T) {
	e, b, sub := newTopic(t)
	packages, versions := []string{"a", "b", "c"}, numbered(40)
	b.set(false, func(heard) integration.Result {
		if rand.IntN(4) == 0 {
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
		e.until("some came", func() bool { return len(b.versions("a")) >= 10*i })
		e.stop()
	}
	e.start()
	e.until("all came", func() bool { return e.detail(sub).Lag == 0 })
	for _, pkg := range packages {
		if got := b.versions(pkg); !slices.Equal(got, versions) {
			t.Errorf("%s: %v", pkg, got)
		}
	}
	if b.twice || b.most < 2 || b.heard[0].key != "main/pkg:generic/"+b.heard[0].pkg || b.heard[0].kind != "artifact.published" || b.heard[0].repository != "main" {
		t.Errorf("two of a key at once: %v; %d at a time; %+v", b.twice, b.most, b.heard[0])
	}
	d := e.detail(sub)
	if d.LastDelivered.IsZero() || d.Pending+d.Dead != 0 || !d.FailingSince.IsZero() || e.rows(sub) != 0 {
		t.Errorf("%+v, %d rows", d, e.rows(sub))
	}
	e.MustFsck(t)
}

// TestStreamOvertakes: while the first event of one package fails, the others arrive, and the cursor stays before it.
func TestStreamOvertakes(t *testing.T) {
	e, b, sub := newTopic(t)
	b.set(false, func(h heard) integration.Result {
		if h.pkg == "a" {
			return failed
		}
		return taken
	})
	before := e.detail(sub).Cursor
	e.publishTo("a", numbered(5)...)
	e.publishTo("b", numbered(30)...)
	e.start()
	e.until("b has overtaken a, and it says what fails", func() bool {
		return len(b.versions("b")) == 30 && e.detail(sub).FailingReason == failed.Note
	})
	if d := e.detail(sub); d.Cursor > before+1 || d.Lag < 35 || d.FailingSince.IsZero() || len(b.versions("a")) != 0 {
		t.Errorf("cursor %d after %d: %+v", d.Cursor, before, d)
	}
	b.set(false, nil)
	e.until("a goes on", func() bool { return e.detail(sub).Lag == 0 })
	if got := b.versions("a"); !slices.Equal(got, numbered(5)) {
		t.Errorf("a: %v", got)
	}
	if d := e.detail(sub); !d.FailingSince.IsZero() || d.FailingReason != "" {
		t.Errorf("%+v", d.Subscription)
	}
}

// TestStreamOutage: while the broker is down nothing is stored for each event, the subscription says so and stays enabled, however
// long; then everything comes.
func TestStreamOutage(t *testing.T) {
	e, b, sub := newTopic(t)
	b.set(true, nil)
	e.publishTo("a", numbered(700)...) // more than are in flight
	e.start()
	e.until("it says so", func() bool { return e.detail(sub).FailingReason == "connection refused" })
	since := e.detail(sub).FailingSince
	time.Sleep(50 * time.Millisecond) // ten attempts
	if d := e.detail(sub); !d.FailingSince.Equal(since) || !d.DisabledAt.IsZero() || d.Lag < 700 || d.OldestPending.IsZero() || e.rows(sub) != 0 {
		t.Errorf("%+v", d)
	}
	b.set(false, nil)
	e.until("all came", func() bool { return e.detail(sub).Lag == 0 })
	if got := b.versions("a"); !slices.Equal(got, numbered(700)) {
		t.Errorf("%d came", len(got))
	}
	b.set(true, nil) // the connection breaks while it is used
	e.publishTo("a", "later")
	e.until("it says so", func() bool { return e.detail(sub).FailingReason != "" })
	b.set(false, nil)
	e.until("it came", func() bool { return e.detail(sub).Lag == 0 && len(b.versions("a")) == 701 })
}

// TestStreamPoison: an event that the broker refuses for good is kept as a dead delivery, the log says so once, and the others go on.
func TestStreamPoison(t *testing.T) {
	e, b, sub := newTopic(t)
	all := subscribe(t, e.Env, `{"Sink":"topic","URL":"topic:all","Name":"all","Preset":"cloudevents","Repositories":["*"]}`).ID
	b.set(false, func(h heard) integration.Result {
		if h.version == "001" || strings.HasPrefix(h.kind, "subscription.") {
			return integration.Result{Verdict: integration.Refused, Note: "message too large"}
		}
		return taken
	})
	e.start()
	e.publishTo("a", numbered(4)...)
	settled := func() bool { return e.detail(sub).Lag == 0 && e.detail(all).Lag == 0 }
	e.until("the others came", settled)
	if got := b.versions("a"); !slices.Equal(got, []string{"000", "002", "003"}) {
		t.Errorf("a: %v", got)
	}
	d := e.newest(sub)
	if d.State != integration.DeliveryDead || d.Error != "message too large" || len(d.Sent) != 1 || e.rows(sub) != 1 || e.detail(sub).Dead != 1 {
		t.Errorf("%+v, %d rows", d.Delivery, e.rows(sub))
	}
	if got := e.skipped(); len(got) != 3 || !strings.Contains(got[2], d.MessageID) || !strings.Contains(got[2], "message too large") {
		t.Errorf("the log: %q", got)
	}
	b.set(false, nil)
	must(t, errOf(e.Subscriptions.Redeliver(e.Admin, d.ID)))
	e.until("it came after all", func() bool { return e.newest(sub).State == integration.DeliveryDelivered })
	if got := b.versions("a"); !slices.Contains(got, "001") {
		t.Errorf("a: %v", got)
	}
	e.MustFsck(t)
}

// skipped are the reasons of the events that say that one was skipped.
func (e *env) skipped() []string {
	e.t.Helper()
	entries, err := metadataOf(e.Env, func(tx metadata.Tx) ([]metadata.Entry, error) {
		return tx.Log().Entries(metadata.EntryQuery{After: -1, Limit: 1000})
	})
	must(e.t, err)
	var out []string
	for _, entry := range entries {
		if entry.Type == "subscription.skipped" {
			var d registry.EventData
			must(e.t, json.Unmarshal(entry.Data, &d))
			out = append(out, d.Reason)
		}
	}
	return out
}

// TestStreamReplay: the cursor goes back, and what the filter selects is sent again under the same ids; a changed filter holds at once.
func TestStreamReplay(t *testing.T) {
	e, b, sub := newTopic(t)
	e.start()
	e.publishTo("a", "1", "2")
	e.publishTo("b", "1")
	e.until("they came", func() bool { return b.count() == 3 && e.detail(sub).Lag == 0 })
	b.mu.Lock()
	first := slices.Clone(b.heard)
	b.mu.Unlock()
	must(t, errOf(e.Subscriptions.Replay(e.Admin, sub, 0)))
	e.until("they came again", func() bool { return b.count() == 6 && e.detail(sub).Lag == 0 })
	b.mu.Lock()
	byKey := func(x, y heard) int { return strings.Compare(x.key, y.key) } // those of other keys may overtake
	again := slices.Clone(b.heard[3:])
	slices.SortStableFunc(first, byKey)
	if slices.SortStableFunc(again, byKey); !slices.Equal(again, first) {
		t.Errorf("%v, then %v", first, again)
	}
	b.mu.Unlock()
	must(t, errOf2(e.Subscriptions.UpdateSubscription(e.Admin, sub, integration.SubscriptionChange{Packages: &[]string{"b"}})))
	must(t, errOf(e.Subscriptions.Replay(e.Admin, sub, 0)))
	e.until("b came again", func() bool { return b.count() == 7 && e.detail(sub).Lag == 0 })
	off, on := false, true
	must(t, errOf2(e.Subscriptions.UpdateSubscription(e.Admin, sub, integration.SubscriptionChange{Enabled: &off})))
	e.publishTo("b", "2")
	time.Sleep(50 * time.Millisecond)
	if n := b.count(); n != 7 {
		t.Errorf("%d came while it was paused", n)
	}
	must(t, errOf2(e.Subscriptions.UpdateSubscription(e.Admin, sub, integration.SubscriptionChange{Enabled: &on})))
	e.until("it goes on", func() bool { return b.count() == 8 })
	ping, err := e.Subscriptions.Ping(e.Admin, sub)
	must(t, err)
	e.until("the ping came", func() bool {
		d, err := e.Subscriptions.Delivery(e.Admin, ping.ID)
		return err == nil && d.State == integration.DeliveryDelivered
	})
}

// TestStreamLost: a process that has lost the duty moves no cursor.
func TestStreamLost(t *testing.T) {
	e, b, sub := newTopic(t)
	before := e.detail(sub)
	e.publishTo("a", numbered(3)...)
	lost, stop := context.WithCancel(registry.Guarded(t.Context(), func(metadata.Duties) error { return metadata.ErrDutyLost }))
	ended := make(chan error)
	go func() { ended <- integration.Deliver(lost, e.Subscriptions.Outbox(), quick) }()
	e.until("they were sent", func() bool { return b.count() >= 3 })
	stop()
	must(t, <-ended)
	if d := e.detail(sub); d.Cursor != before.Cursor {
		t.Errorf("the cursor is %d, was %d", d.Cursor, before.Cursor)
	}
	e.start()
	e.until("they come again", func() bool { return e.detail(sub).Lag == 0 && b.count() >= 6 })
}
