package nats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"slipway/integration"
	"slipway/integration/nats"
	"slipway/integration/preset"
	"slipway/internal/outbound"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// broker is a NATS server in this process, whose streams outlive it.
type broker struct {
	*server.Server
	t       *testing.T
	options server.Options
}

func newBroker(t *testing.T, change ...func(*server.Options)) *broker {
	t.Helper()
	b := &broker{t: t, options: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, SyncAlways: true}}
	for _, c := range change {
		c(&b.options)
	}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	o := b.options
	s, err := server.NewServer(&o)
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		b.t.Fatal("the NATS server does not start")
	}
	b.Server, b.options.Port = s, s.Addr().(*net.TCPAddr).Port
}

func (b *broker) stop() {
	b.Shutdown()
	b.WaitForShutdown()
}

func (b *broker) url(settings string) string {
	return fmt.Sprintf("nats://127.0.0.1:%d?tls=false&stream=SLIPWAY%s", b.options.Port, settings)
}

// stream is JetStream as a reader sees it.
func (b *broker) stream(o ...natsgo.Option) jetstream.JetStream {
	b.t.Helper()
	conn, err := natsgo.Connect(b.ClientURL(), o...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		b.t.Fatal(err)
	}
	return js
}

// messages are all of the stream SLIPWAY, in its order.
func (b *broker) messages() []*jetstream.RawStreamMsg {
	b.t.Helper()
	stream, err := b.stream().Stream(b.t.Context(), "SLIPWAY")
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		b.t.Fatal(err)
	}
	var out []*jetstream.RawStreamMsg
	for i := uint64(1); i <= stream.CachedInfo().State.LastSeq; i++ {
		m, err := stream.GetMsg(b.t.Context(), i)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func open(t *testing.T, entries ...string) *nats.Sink {
	t.Helper()
	allow, err := outbound.ParseAllow(entries)
	if err != nil {
		t.Fatal(err)
	}
	return nats.New(outbound.Options{Allow: allow}, "test")
}

// env is a core with NATS, a subscription of it, and what sends.
type env struct {
	*registrytest.Env
	t    *testing.T
	sub  int64
	send *integration.Dispatcher
}

func newEnv(t *testing.T, url string, presets ...string) *env {
	t.Helper()
	e := &env{t: t, Env: registrytest.New(t, registrytest.With(func(c *instance.Config) {
		c.Renderer, c.Sinks = preset.Set{}, integration.Sinks{open(t, "127.0.0.1")}
	}))}
	name, sink := "bus", nats.Name
	change := integration.SubscriptionChange{Name: &name, Sink: &sink, URL: &url, Repositories: &[]string{"main"}, Types: &[]string{"artifact.published"}, BaseURL: "https://slipway.example.com"}
	for _, p := range presets {
		change.Preset = &p
	}
	sub, _, err := e.Subscriptions.CreateSubscription(e.Admin, change)
	if err != nil {
		t.Fatal(err)
	}
	e.sub = sub.ID
	e.start()
	t.Cleanup(e.stop)
	return e
}

func (e *env) start() {
	e.send = integration.Start(e.Subscriptions.Outbox(), integration.Options{Jitter: func(time.Duration) time.Duration { return 20 * time.Millisecond }})
}

func (e *env) stop() {
	if err := e.send.Close(); err != nil {
		e.t.Error(err)
	}
}

func (e *env) detail() integration.SubscriptionDetail {
	e.t.Helper()
	d, err := e.Subscriptions.Subscription(e.Admin, e.sub)
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

func (e *env) until(what string, ok func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d := e.detail()
			e.t.Fatalf("it did not happen: %s; lag %d, failing: %s", what, d.Lag, d.FailingReason)
		}
	}
}

func (e *env) publish(pkg, version string) {
	e.t.Helper()
	if err := e.Publish(pkg, version); err != nil {
		e.t.Fatal(err)
	}
}

// version is what a message in binary mode tells of.
func version(t *testing.T, m *jetstream.RawStreamMsg) (pkg, version string) {
	t.Helper()
	var d struct{ Package, Version string }
	if err := json.Unmarshal(m.Data, &d); err != nil {
		t.Fatal(err)
	}
	return d.Package, d.Version
}

// TestRestarts: with the server and the sender stopped and started while events come, the stream has every event once, in order for each
// package.
func TestRestarts(t *testing.T) {
	b := newBroker(t)
	e := newEnv(t, b.url("&create=true"))
	want := map[string][]string{}
	for round := range 4 {
		for i := range 10 {
			for _, pkg := range []string{"a", "b"} {
				v := fmt.Sprintf("%d.%d", round, i)
				e.publish(pkg, v)
				want[pkg] = append(want[pkg], v)
			}
			switch {
			case i == 5 && round%2 == 0:
				b.stop()
			case i == 8 && round%2 == 0:
				b.start()
			case i == 5:
				e.stop()
				e.start()
			}
		}
	}
	e.until("all came", func() bool { return e.detail().Lag == 0 })
	got, ids := map[string][]string{}, map[string]bool{}
	for _, m := range b.messages() {
		pkg, v := version(t, m)
		if id := m.Header.Get("ce-id"); ids[id] {
			t.Errorf("%s is there twice", id)
		} else {
			ids[id] = true
		}
		got[pkg] = append(got[pkg], v)
	}
	for pkg := range want {
		if !slices.Equal(got[pkg], want[pkg]) {
			t.Errorf("%s: %v, want %v", pkg, got[pkg], want[pkg])
		}
	}
	if d := e.detail(); !d.FailingSince.IsZero() || d.LastDelivered.IsZero() {
		t.Errorf("%+v", d)
	}
	if err := errOf(e.Subscriptions.Replay(e.Admin, e.sub, 0)); err != nil {
		t.Fatal(err)
	}
	e.until("they were sent again", func() bool { return e.detail().Lag == 0 })
	if n := len(b.messages()); n != len(ids) { // within the stream's window
		t.Errorf("%d messages for %d events", n, len(ids))
	}
}

func errOf[A any](_ A, err error) error { return err }

// TestBinding: a message is what the binding of CloudEvents says, in both modes, under the subject that the URL asks for.
func TestBinding(t *testing.T) {
	b := newBroker(t)
	e := newEnv(t, b.url("&create=true&subject="+url.QueryEscape("ci.{repository}.{type}")))
	e.publish("a", "1")
	e.until("it came", func() bool { return len(b.messages()) == 1 })
	m := b.messages()[0]
	h := m.Header
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-type": "dev.slipway.artifact.published.v1", "ce-partitionkey": "main/pkg:generic/a", "content-type": "application/json",
		"Nats-Msg-Id": h.Get("ce-id"), "Nats-Expected-Stream": "SLIPWAY",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if m.Subject != "ci.main.artifact.published" || !strings.HasPrefix(h.Get("ce-id"), "evt_") {
		t.Errorf("subject %s, id %s", m.Subject, h.Get("ce-id"))
	}
	ping, err := e.Subscriptions.Ping(e.Admin, e.sub)
	if err != nil {
		t.Fatal(err)
	}
	e.until("the ping came", func() bool {
		d, err := e.Subscriptions.Delivery(e.Admin, ping.ID)
		return err == nil && d.State == integration.DeliveryDelivered
	})
	if m := b.messages()[1]; m.Subject != "ci.-.ping" {
		t.Errorf("the ping came as %s", m.Subject)
	}
	other := newEnv(t, b.url("&subject="+url.QueryEscape("ci.{repository}.{format}")), preset.CloudEvents)
	other.publish("a", "1")
	other.until("it came", func() bool { return len(b.messages()) == 3 })
	m = b.messages()[2]
	var event struct{ ID, Type string }
	if err := json.Unmarshal(m.Data, &event); err != nil || m.Header.Get("content-type") != "application/cloudevents+json" || event.ID != m.Header.Get("Nats-Msg-Id") {
		t.Errorf("%v, %v: %s", err, m.Header, m.Data)
	}
}

// TestFaults: what stops a stream is said in the subscription, and when it is put right everything comes.
func TestFaults(t *testing.T) {
	b := newBroker(t)
	e := newEnv(t, b.url(""))
	e.publish("a", "1")
	e.until("it says that the stream is missing", func() bool { return strings.Contains(e.detail().FailingReason, "no stream SLIPWAY") })
	if _, err := b.stream().CreateStream(t.Context(), jetstream.StreamConfig{Name: "SLIPWAY", Subjects: []string{"other.>"}}); err != nil {
		t.Fatal(err)
	}
	e.until("it says that no stream takes the subject", func() bool { return strings.Contains(e.detail().FailingReason, "no stream takes its subject") })
	if _, err := b.stream().CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"slipway.>"}}); err != nil {
		t.Fatal(err)
	}
	e.until("it says that another stream does", func() bool { return strings.Contains(e.detail().FailingReason, "another stream") })
	if err := b.stream().DeleteStream(t.Context(), "OTHER"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.stream().UpdateStream(t.Context(), jetstream.StreamConfig{Name: "SLIPWAY", Subjects: []string{"slipway.>"}, MaxMsgSize: 1200}); err != nil {
		t.Fatal(err)
	}
	e.until("it came", func() bool { return e.detail().Lag == 0 && len(b.messages()) == 1 })
	e.publish("a", "1"+strings.Repeat("0", 200)) // twice and more in what is sent
	e.publish("a", "2")
	e.until("the next came", func() bool { return e.detail().Lag == 0 && len(b.messages()) == 2 })
	list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: e.sub})
	if err != nil || len(list) != 1 || list[0].State != integration.DeliveryDead || !strings.Contains(list[0].Error, "max_msg_size") {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestCheck: targets and credentials that can't be are refused when they are given, and no error repeats them.
func TestCheck(t *testing.T) {
	s := open(t)
	for target, want := range map[string]string{
		"nats://a:4222,b?stream=S":                         "",
		"nats://[2001:db8::1]:4222,[2001:db8::2]?stream=S": "",
		"nats://a?stream=S&create=true&subject=x.{type}":   "",
		"nats://a":                             "stream",
		"https://canary?stream=S":              "of the form",
		"nats://user:canary@a?stream=S":        "credentials",
		"nats://a?stream=S&canary=1":           "no setting",
		"nats://a?stream=S&stream=canary":      "twice",
		"nats://a?stream=S&tls=canary":         "neither",
		"nats://a?stream=S&create=canary":      "neither",
		"nats://a?stream=can.ary":              "stream",
		"nats://a/canary?stream=S":             "path",
		"nats://a:0?stream=S":                  "port",
		"nats://127.1?stream=S":                "number",
		"nats://a,?stream=S":                   "host",
		"nats://?stream=S":                     "host",
		"nats://a?stream=S&subject=canary.>":   "subject",
		"nats://a?stream=S&subject={type}":     "subject",
		"nats://a?stream=S&subject=x.{canary}": "subject",
		"nats://a?stream=S&subject=canary..x":  "subject",
		"nats://a?stream=S#canary":             "of the form",
	} {
		err := s.Check(target)
		if (err == nil) != (want == "") || err != nil && (registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "canary") && want != "no setting") {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
	if err := s.CheckCredentials(integration.Credentials{Token: "a", Creds: "b"}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("two ways: %v", err)
	}
	if a, b := s.Receiver("nats://a:4222,b?stream=S"), s.Receiver("nats://a,b:4222?stream=T&create=true"); a != b || a == s.Receiver("nats://a,b?stream=S&tls=false") {
		t.Errorf("%s, %s", a, b)
	}
}

// TestAddresses: addresses that are not public are refused when a connection is made, and without TLS all that are not allowed; a server
// without TLS is not spoken to by a sender that wants it, and what it is told with is in no error.
func TestAddresses(t *testing.T) {
	b := newBroker(t, func(o *server.Options) { o.Username, o.Password = "slipway", "canary" })
	attempt := func(target string, c integration.Credentials, allowed ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		sender, err := open(t, allowed...).Open(ctx, integration.Target{URL: target, Credentials: c})
		if err != nil {
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", target, err)
			}
			return err.Error()
		}
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
		return ""
	}
	right, wrong := integration.Credentials{Username: "slipway", Password: "canary"}, integration.Credentials{Username: "slipway", Password: "canary2"}
	tls := strings.Replace(b.url(""), "tls=false&", "", 1)
	for what, got := range map[string][2]string{
		"loopback":       {attempt(b.url("&create=true"), right), "loopback"},
		"TLS":            {attempt(tls, right, "127.0.0.1"), "secure"},
		"wrong":          {attempt(b.url("&create=true"), wrong, "127.0.0.1"), "uthorization"},
		"none":           {attempt(b.url("&create=true"), integration.Credentials{}, "127.0.0.1"), "uthorization"},
		"public, no TLS": {attempt("nats://192.88.98.1?stream=S&tls=false", right), "without TLS"},
	} {
		if !strings.Contains(got[0], got[1]) {
			t.Errorf("%s: %q, want %q", what, got[0], got[1])
		}
	}
	if err := attempt(b.url("&create=true"), right, "127.0.0.1"); err != "" {
		t.Error(err)
	}
}
