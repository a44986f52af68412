package kafka_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"slipway/integration"
	"slipway/integration/kafka"
	"slipway/integration/preset"
	"slipway/internal/outbound"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

func open(t *testing.T, entries ...string) *kafka.Sink {
	t.Helper()
	allow, err := outbound.ParseAllow(entries)
	if err != nil {
		t.Fatal(err)
	}
	return kafka.New(outbound.Options{Allow: allow}, "test")
}

// TestKafka: with the broker killed while events come, a topic has every event, in order for each package; what stops a stream is said.
func TestKafka(t *testing.T) {
	b := newBroker(t)
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) { c.Renderer, c.Sinks = preset.Set{}, integration.Sinks{open(t, "127.0.0.1")} }))
	name, sink, url := "bus", kafka.Name, b.url("events")
	sub, _, err := e.Subscriptions.CreateSubscription(e.Admin, integration.SubscriptionChange{Name: &name, Sink: &sink, URL: &url, Repositories: &[]string{"main"}, Types: &[]string{"artifact.published"}})
	if err != nil {
		t.Fatal(err)
	}
	d := integration.Start(e.Subscriptions.Outbox(), integration.Options{Jitter: func(time.Duration) time.Duration { return 50 * time.Millisecond }})
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	detail := func() integration.SubscriptionDetail {
		d, err := e.Subscriptions.Subscription(e.Admin, sub.ID)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it did not happen: %s; lag %d, failing: %s", what, detail().Lag, detail().FailingReason)
			}
		}
	}
	want := map[string][]string{}
	publish := func(pkg, version string) {
		t.Helper()
		if err := e.Publish(pkg, version); err != nil {
			t.Fatal(err)
		}
		want[pkg] = append(want[pkg], version)
	}
	publish("a", "first")
	until("it says that the topic is missing", func() bool { return strings.Contains(detail().FailingReason, "no topic events") })
	b.topic("events", 1000) // one event, and not two
	until("it came", func() bool { return detail().Lag == 0 && detail().FailingReason == "" })
	for i := range 40 {
		for _, pkg := range []string{"a", "b", "c"} {
			publish(pkg, fmt.Sprintf("%03d", i))
		}
		if i == 20 {
			b.kill()
		}
	}
	until("it says that it can't connect", func() bool { return detail().FailingReason != "" })
	b.start()
	until("all came", func() bool { return detail().Lag == 0 })
	if err := e.Publish(noise(200), noise(240)); err != nil {
		t.Fatal(err)
	}
	publish("a", "last")
	until("the one behind the large one came", func() bool { return detail().Lag == 0 && detail().Dead == 1 })
	check(t, b.read("events", 122), want)
}

// noise is a text that does not get shorter by compression.
func noise(n int) string {
	text := ""
	for i := 0; len(text) < n; i++ {
		text += fmt.Sprintf("%x", sha256.Sum256([]byte{byte(n), byte(i)}))
	}
	return text[:n]
}

// check compares what a topic holds with what was published, without what came again.
func check(t *testing.T, records []*kgo.Record, want map[string][]string) {
	t.Helper()
	got, ids, partition := map[string][]string{}, map[string]bool{}, map[string]int32{}
	for _, r := range records {
		h := map[string]string{}
		for _, header := range r.Headers {
			h[header.Key] = string(header.Value)
		}
		var d struct{ Package, Version string }
		if err := json.Unmarshal(r.Value, &d); err != nil {
			t.Fatal(err)
		}
		if string(r.Key) != "main/pkg:generic/"+d.Package || h["ce_partitionkey"] != string(r.Key) || h["content-type"] != "application/json" ||
			h["ce_type"] != "dev.slipway.artifact.published.v1" || h["ce_specversion"] != "1.0" || h["ce_subject"] == "" {
			t.Fatalf("key %s, headers %v", r.Key, h)
		}
		if p, known := partition[d.Package]; known && p != r.Partition {
			t.Errorf("%s is in two partitions", d.Package)
		}
		partition[d.Package] = r.Partition
		if id := h["ce_id"]; !ids[id] {
			ids[id] = true
			got[d.Package] = append(got[d.Package], d.Version)
		}
	}
	for pkg := range want {
		if !slices.Equal(got[pkg], want[pkg]) {
			t.Errorf("%s: %v, want %v", pkg, got[pkg], want[pkg])
		}
	}
	t.Logf("%d records, %d events", len(records), len(ids))
}

// TestCheck: targets and credentials that can't be are refused when they are given, and no error repeats them.
func TestCheck(t *testing.T) {
	s := open(t)
	for target, want := range map[string]string{
		"kafka://a:9092,b:9092/events?sasl=scram-sha-512": "",
		"kafka://a/events":                  "",
		"kafka://a":                         "topic",
		"kafka://a/can ary":                 "topic",
		"kafka://a/..":                      "topic",
		"kafka://user:canary@a/events":      "credentials",
		"kafka://a/events?sasl=canary":      "sasl",
		"kafka://a/events?create=canary":    "no setting",
		"nats://a/canary":                   "of the form",
		"kafka://a/events?tls=true&tls=can": "twice",
	} {
		err := s.Check(target)
		if (err == nil) != (want == "") || err != nil && (registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
	if err := s.CheckCredentials(integration.Credentials{Token: "canary"}); registry.KindOf(err) != registry.Invalid {
		t.Error(err)
	}
}

// TestAddresses: an address that is not public is refused when a connection is made, and without TLS every one that is not allowed.
func TestAddresses(t *testing.T) {
	for target, want := range map[string]string{
		"kafka://127.0.0.1:1/events":             "loopback",
		"kafka://169.254.169.254/events":         "metadata",
		"kafka://192.88.98.1/events?tls=false":   "without TLS",
		"kafka://a/events?sasl=plain&tls=false":  "no user name",
		"kafka://127.0.0.1:1/events?server_name": "loopback",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		_, err := open(t).Open(ctx, integration.Target{URL: target})
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
}
