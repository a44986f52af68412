// Package kafka sends events to topics of Apache Kafka, as the CloudEvents binding for Kafka has them.
package kafka

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"slipway/integration"
	"slipway/integration/brokerurl"
	"slipway/internal/outbound"
	"slipway/registry"
)

// Name is the sink's.
const Name = "kafka"

// maxTopic bounds the name of a topic, as Kafka does.
const maxTopic = 249

var grammar = brokerurl.Grammar{Scheme: Name, Port: "9092", Example: "kafka://host:9092,host:9092/topic?sasl=scram-sha-512", Allowed: []string{"sasl"}}

// Sink sends to Kafka. It implements integration.Broker, and is safe for concurrent use.
type Sink struct {
	brokerurl.Sink
	agent string
}

var _ integration.Broker = (*Sink)(nil)

// New makes a sink that reaches what o lets it. version is of this program.
func New(o outbound.Options, version string) *Sink {
	return &Sink{Sink: brokerurl.Sink{Grammar: grammar, Options: o}, agent: "slipway-" + version}
}

// Check implements integration.Sink. Invalid.
func (*Sink) Check(target string) error { _, err := parse(target); return err }

// CheckCredentials implements integration.Broker. Invalid.
func (*Sink) CheckCredentials(c integration.Credentials) error {
	return c.Allowed(Name, "username", "password", "client_cert", "client_key", "ca")
}

// Deliver implements integration.Sink.
func (s *Sink) Deliver(ctx context.Context, t integration.Target, m integration.Message) integration.Result {
	return integration.SendOne(ctx, s, t, m)
}

// mechanisms of SASL, by the setting sasl.
var mechanisms = map[string]func(user, password string) sasl.Mechanism{
	"plain": func(user, password string) sasl.Mechanism {
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	},
	"scram-sha-256": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	},
	"scram-sha-512": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	},
}

func parse(target string) (brokerurl.Target, error) {
	t, err := grammar.Parse(target)
	if err != nil {
		return t, err
	}
	if topic := t.Path; topic == "" || topic == "." || topic == ".." || len(topic) > maxTopic || strings.ContainsFunc(topic, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
	}) {
		return t, registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: behind the hosts stands a topic: at most %d letters, digits, '.', '-' and '_'", maxTopic)
	}
	if name := t.Get("sasl"); name != "" && mechanisms[name] == nil {
		return t, registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: sasl is none of plain, scram-sha-256, scram-sha-512")
	}
	return t, nil
}

// Open implements integration.Broker.
func (s *Sink) Open(ctx context.Context, t integration.Target) (integration.Sender, error) {
	at, err := parse(t.URL)
	if err != nil {
		return nil, err
	}
	network, err := at.Network(s.Options, t.Credentials)
	if err != nil {
		return nil, err
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(at.Hosts...), kgo.ClientID(s.agent), kgo.Dialer(at.Dialer(network)), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(deliveryTimeout), kgo.ProduceRequestTimeout(deliveryTimeout), kgo.UnknownTopicRetries(1),
	}
	switch mechanism, c := mechanisms[at.Get("sasl")], t.Credentials; {
	case mechanism == nil && c.Username != "":
		return nil, fmt.Errorf("the URL does not say by which sasl the user name is shown")
	case mechanism != nil && c.Username == "":
		return nil, fmt.Errorf("the URL asks for sasl, and there is no user name to show")
	case mechanism != nil:
		options = append(options, kgo.SASL(mechanism(c.Username, c.Password)))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("no client of Kafka: %w", err)
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("no connection to Kafka: %w", err)
	}
	return &sender{client: client, topic: at.Path}, nil
}
