package amqp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"slipway/integration"
	"slipway/integration/amqp"
	"slipway/integration/brokertest"
	"slipway/integration/preset"
	"slipway/registry"
)

func open(t *testing.T, entries ...string) *amqp.Sink {
	t.Helper()
	return amqp.New(brokertest.Options(t, entries...), "test")
}

// TestRabbitMQ: messages are what the binding says; what stops a stream is said and nothing is passed over; with broker and sender
// killed and stopped while events come, a queue has every event, in order for each package.
func TestRabbitMQ(t *testing.T) {
	b := newBroker(t, "max_message_size = 2000")
	t.Run("binding", func(t *testing.T) { testBinding(t, b) })
	t.Run("faults", func(t *testing.T) { testFaults(t, b) })
	t.Run("addresses", func(t *testing.T) { testAddresses(t, b) })
	t.Run("many", func(t *testing.T) { testMany(t, b) })
	t.Run("restarts", func(t *testing.T) { testRestarts(t, b) })
}

// attributes are those of an event in binary mode (AMQP Protocol Binding for CloudEvents 1.0.2, 3.1).
func attributes(m amqp091.Delivery, separator string) map[string]string {
	out := map[string]string{}
	for name, value := range m.Headers {
		if a, ok := strings.CutPrefix(name, "cloudEvents"+separator); ok {
			out[a], _ = value.(string)
		}
	}
	return out
}

func testBinding(t *testing.T, b *broker) {
	b.exchange("slipway")
	b.queue("binding", "slipway", "ci.#", nil)
	e := brokertest.New(t, open(t, "127.0.0.1"), b.url("&key="+url.QueryEscape("ci.{repository}.{type}")), brokertest.With(user))
	e.Add("a", "1")
	e.Until("it came", func() bool { return e.Detail().Lag == 0 })
	list := b.take("binding")
	if len(list) != 1 {
		t.Fatalf("%d messages", len(list))
	}
	m := list[0]
	got := attributes(m, ":")
	for name, want := range map[string]string{"specversion": "1.0", "type": "dev.slipway.artifact.published.v1", "partitionkey": "main/pkg:generic/a", "id": m.MessageId} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if m.RoutingKey != "ci.main.artifact.published" || m.ContentType != "application/json" || m.DeliveryMode != amqp091.Persistent || m.AppId != "slipway" ||
		!strings.HasPrefix(m.MessageId, "evt_") || len(got) != len(m.Headers) || got["datacontenttype"] != "" || !json.Valid(m.Body) {
		t.Errorf("%+v", m)
	}
	if d := e.Ping(); d.State != integration.DeliveryDelivered {
		t.Errorf("the ping: %+v", d)
	}
	if list := b.take("binding"); len(list) != 1 || list[0].RoutingKey != "ci.-.ping" {
		t.Errorf("%+v", list)
	}
	other := brokertest.New(t, open(t, "127.0.0.1"), b.url("&separator=_&key=ci.{format}"), brokertest.With(user))
	other.Add("ä", "1")
	other.Until("it came", func() bool { return other.Detail().Lag == 0 })
	if list := b.take("binding"); len(list) != 1 || attributes(list[0], "_")["id"] != list[0].MessageId || attributes(list[0], "_")["partitionkey"] != "main/pkg:generic/ä" {
		t.Errorf("%+v", list)
	}
	structured := brokertest.New(t, open(t, "127.0.0.1"), b.url("&key=ci"), brokertest.With(user), func(c *integration.SubscriptionChange) {
		p := preset.CloudEvents
		c.Preset = &p
	})
	structured.Add("a", "1")
	structured.Until("it came", func() bool { return structured.Detail().Lag == 0 })
	var event struct{ ID, Type string }
	list = b.take("binding")
	if len(list) != 1 || json.Unmarshal(list[0].Body, &event) != nil || list[0].ContentType != "application/cloudevents+json" || event.ID != list[0].MessageId {
		t.Errorf("%+v", list)
	}
}

func testFaults(t *testing.T, b *broker) {
	e := brokertest.New(t, open(t, "127.0.0.1"), strings.Replace(b.url(""), "slipway", "events", 1), brokertest.With(user))
	failing := func(want string) func() bool {
		return func() bool { return strings.Contains(e.Detail().FailingReason, want) }
	}
	e.Add("a", "1")
	e.Add("b", "1")
	e.Until("it says that the exchange is missing", failing("no exchange events in the virtual host /"))
	b.exchange("events")
	e.Until("it says that no queue takes it", failing("no queue takes it: NO_ROUTE (312) of exchange events with key artifact.published.main"))
	if d := e.Detail(); d.Lag == 0 || d.Dead != 0 {
		t.Errorf("events were passed over: %+v", d)
	}
	b.queue("full", "events", "#", amqp091.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
	e.Until("it says that the queue is full", failing("could not keep it"))
	got := len(b.take("full"))
	e.Until("all came", func() bool {
		got += len(b.take("full"))
		return e.Detail().Lag == 0
	})
	if got += len(b.take("full")); got != 2 {
		t.Errorf("%d messages for 2 events", got)
	}
	c := b.channel()
	if _, err := c.QueueDelete("full", false, false, false); err != nil {
		t.Fatal(err)
	}
	b.queue("events", "events", "#", nil)
	if err := c.ExchangeDelete("events", false, false); err != nil {
		t.Fatal(err)
	}
	e.Add("a", "3")
	e.Until("it says that the exchange has gone", failing("no exchange events"))
	b.exchange("events")
	b.queue("events", "events", "#", nil)
	e.Until("the last came", func() bool { return e.Detail().Lag == 0 })
	if list := b.take("events"); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}

// testAddresses: an address that is not public is refused when a connection is made; no error has a secret.
func testAddresses(t *testing.T, b *broker) {
	for what, c := range map[string]struct {
		target, want string
		credentials  integration.Credentials
		allowed      []string
	}{
		"loopback":    {b.url(""), "loopback", user, nil},
		"metadata":    {"amqps://169.254.169.254?exchange=x", "metadata", user, []string{"169.254.0.0/16"}},
		"plain":       {"amqp://192.88.98.1?exchange=x&tls=false", "without TLS", user, nil},
		"nobody":      {b.url(""), "neither user name nor", integration.Credentials{}, []string{"127.0.0.1"}},
		"wrong":       {b.url(""), "not allowed", integration.Credentials{Username: "slipway", Password: "canary2"}, []string{"127.0.0.1"}},
		"no TLS":      {"amqps://" + b.address + "?exchange=slipway", "TLS", user, []string{"127.0.0.1"}},
		"no vhost":    {strings.Replace(b.url(""), "?", "/other?", 1), "vhost other not found", user, []string{"127.0.0.1"}},
		"next host":   {"amqp://127.0.0.1:1," + b.address + "?tls=false&exchange=slipway", "", user, []string{"127.0.0.1"}},
		"slash vhost": {strings.Replace(b.url(""), "?", "/%2F?", 1), "", user, []string{"127.0.0.1"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		sender, err := open(t, c.allowed...).Open(ctx, integration.Target{URL: c.target, Credentials: c.credentials})
		cancel()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
		if err == nil {
			if err := sender.Close(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// testMany: confirms are waited for together, and each message that is returned is a failure, however many there are.
func testMany(t *testing.T, b *broker) {
	b.exchange("many")
	b.queue("many", "many", "yes", nil)
	sender, err := open(t, "127.0.0.1").Open(t.Context(), integration.Target{URL: strings.Replace(b.url("&key={repository}"), "slipway", "many", 1), Credentials: user})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	batch := make([]integration.Message, 2000)
	for i := range batch {
		batch[i] = integration.Message{ID: fmt.Sprint(i), Repository: []string{"yes", "no"}[i%2], Body: []byte("{}")}
	}
	began := time.Now()
	for i, r := range sender.Send(t.Context(), batch) {
		if (r.Verdict == integration.Delivered) != (i%2 == 0) || i%2 == 1 && r.Status != amqp091.NoRoute {
			t.Fatalf("%d: %+v", i, r)
		}
	}
	t.Logf("%d messages in %v", len(batch), time.Since(began))
	if n := len(b.take("many")); n != len(batch)/2 {
		t.Errorf("%d messages", n)
	}
	some := append([]integration.Message{}, batch[:10]...)
	some[4].Body = make([]byte, 3000)
	for i, r := range sender.Send(t.Context(), some) {
		if large := i == 4; large != (r.Verdict == integration.Refused) || large && !strings.Contains(r.Note, "max_message_size") || !large && (r.Verdict == integration.Delivered) != (i%2 == 0) {
			t.Errorf("%d beside a large one: %+v", i, r)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, r := range sender.Send(ctx, batch[:10]) {
		if r.Verdict != integration.Retry || r.Note == "" {
			t.Errorf("%d after the end of its context: %+v", i, r)
		}
	}
}

// kills of the broker in testRestarts, and as many restarts of what sends.
const kills = 10

func testRestarts(t *testing.T, b *broker) {
	b.exchange("slipway")
	b.queue("restarts", "slipway", "artifact.#", nil)
	e := brokertest.New(t, open(t, "127.0.0.1"), b.url(""), brokertest.With(user))
	want := map[string][]string{}
	for round := range kills {
		for i := range 20 {
			for _, pkg := range []string{"a", "b", "c"} {
				v := fmt.Sprintf("%02d.%02d", round, i)
				e.Add(pkg, v)
				want[pkg] = append(want[pkg], v)
			}
			switch i {
			case 5:
				b.kill()
			case 10:
				e.Stop()
				e.Start()
			case 15:
				b.start()
			}
		}
	}
	e.Until("all came", func() bool { return e.Detail().Lag == 0 })
	got, ids := map[string][]string{}, map[string]bool{}
	list := b.take("restarts")
	for _, m := range list {
		var d struct{ Package, Version string }
		if err := json.Unmarshal(m.Body, &d); err != nil {
			t.Fatal(err)
		}
		if !ids[m.MessageId] {
			ids[m.MessageId] = true
			got[d.Package] = append(got[d.Package], d.Version)
		}
	}
	for pkg := range want {
		if !slices.Equal(got[pkg], want[pkg]) {
			t.Errorf("%s: %v, want %v", pkg, got[pkg], want[pkg])
		}
	}
	t.Logf("%d messages, %d events, %d kills", len(list), len(ids), kills)
	if d := e.Detail(); !d.FailingSince.IsZero() || d.LastDelivered.IsZero() {
		t.Errorf("%+v", d)
	}
}

// TestCheck: targets and credentials that can't be are refused when they are given, and no error repeats them.
func TestCheck(t *testing.T) {
	s := open(t)
	for target, want := range map[string]string{
		"amqps://a:5671,b/vhost?exchange=slipway&key={type}.{repository}": "",
		"amqps://a/%2F?exchange=slipway&separator=_":                      "",
		"amqp://a?exchange=slipway&tls=false":                             "",
		"amqp://a?exchange=slipway":                                       "amqps",
		"amqps://a?exchange=slipway&tls=false":                            "amqps",
		"amqps://a":                                                       "exchange",
		"amqps://a?exchange=can%20ary":                                    "exchange",
		"amqps://a?exchange=x&separator=canary":                           "separator",
		"amqps://a?exchange=x&key={canary}":                               "key",
		"amqps://a?exchange=x&heartbeat=canary":                           "no setting",
		"amqps://user:canary@a?exchange=x":                                "credentials",
		"nats://canary?exchange=x":                                        "of the form",
		"amqps://a/" + strings.Repeat("v", 256) + "?exchange=x":           "virtual host",
	} {
		err := s.Check(target)
		if (err == nil) != (want == "") || err != nil && (registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
	if err := s.CheckCredentials(integration.Credentials{Token: "canary"}); registry.KindOf(err) != registry.Invalid {
		t.Error(err)
	}
	if a, b := s.Receiver("amqps://a:5671?exchange=x"), s.Receiver("amqps://a/v?exchange=y"); a != b || a == s.Receiver("amqp://a:5671?exchange=x&tls=false") {
		t.Errorf("%s, %s", a, b)
	}
}
