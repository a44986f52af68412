// Package nats sends events to streams of NATS JetStream, as the CloudEvents binding for NATS has them.
package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"slipway/integration"
	"slipway/integration/brokerurl"
	"slipway/internal/outbound"
	"slipway/registry"
)

// Name is the sink's.
const Name = "nats"

// defaultSubject of a URL that names none. A type has a dot, so readers can ask for slipway.artifact.*.main.
const defaultSubject = "slipway.{type}.{repository}"

var grammar = brokerurl.Grammar{Scheme: Name, Port: "4222", Example: "nats://host:4222,host:4222?stream=SLIPWAY&subject=" + defaultSubject,
	Allowed: []string{"stream", "subject", "create"}}

// Sink sends to JetStream. It implements integration.Broker, and is safe for concurrent use.
type Sink struct {
	brokerurl.Sink
	agent string
}

var _ integration.Broker = (*Sink)(nil)

// New makes a sink that reaches what o lets it. version is of this program.
func New(o outbound.Options, version string) *Sink {
	return &Sink{Sink: brokerurl.Sink{Grammar: grammar, Options: o}, agent: "slipway/" + version}
}

// Check implements integration.Sink. Invalid.
func (*Sink) Check(target string) error { _, err := parse(target); return err }

// CheckCredentials implements integration.Broker. Invalid.
func (*Sink) CheckCredentials(c integration.Credentials) error {
	if err := c.Allowed(Name, "username", "password", "token", "creds", "client_cert", "client_key", "ca"); err != nil {
		return err
	}
	ways := 0
	for _, s := range []string{c.Username, c.Token, c.Creds} {
		if s != "" {
			ways++
		}
	}
	if ways > 1 {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "credentials: give one of username, token and creds")
	}
	return nil
}

// Deliver implements integration.Sink.
func (s *Sink) Deliver(ctx context.Context, t integration.Target, m integration.Message) integration.Result {
	return integration.SendOne(ctx, s, t, m)
}

// place is where a subscription's events go.
type place struct {
	brokerurl.Target
	stream, subject string
	create          bool
}

func parse(target string) (place, error) {
	t, err := grammar.Parse(target)
	if err != nil {
		return place{}, err
	}
	p := place{Target: t, stream: t.Get("stream"), subject: t.Get("subject"), create: t.Get("create") == "true"}
	if p.subject == "" {
		p.subject = defaultSubject
	}
	switch {
	case t.Path != "":
		return p, registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: it has a path; it must be of the form %s", grammar.Example)
	case p.stream == "" || strings.ContainsFunc(p.stream, func(r rune) bool { return !letter(r) }):
		return p, registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: stream names the stream that keeps the events: letters, digits, - and _")
	case t.Get("create") != "" && t.Get("create") != "true" && t.Get("create") != "false":
		return p, registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: create is neither true nor false")
	case strings.HasPrefix(p.subject, ".") || strings.HasSuffix(p.subject, ".") || strings.Contains(p.subject, "..") || strings.HasPrefix(p.subject, "{"):
		return p, registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: subject begins with a word, and none of its parts between dots is empty")
	}
	return p, brokerurl.CheckTemplate("subject", p.subject, func(r rune) bool { return letter(r) || r == '.' })
}

func letter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

// subjects is what a stream that is made listens to: all that the template can become.
func (p place) subjects() string {
	fixed, _, filled := strings.Cut(p.subject, "{")
	if !filled {
		return p.subject
	}
	return fixed[:strings.LastIndexByte(fixed, '.')+1] + ">"
}

// dialer reaches servers through outbound: those of the URL, and those that a server names.
type dialer struct {
	ctx context.Context // of the connection's beginning
	o   outbound.Options
}

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.o.Dial(d.ctx, network, address)
}

// Open implements integration.Broker. A connection that breaks is not mended: the stream opens another one.
func (s *Sink) Open(ctx context.Context, t integration.Target) (integration.Sender, error) {
	p, err := parse(t.URL)
	if err != nil {
		return nil, err
	}
	network, err := p.Network(s.Options, t.Credentials)
	if err != nil {
		return nil, err
	}
	options := []nats.Option{nats.Name(s.agent), nats.NoReconnect(), nats.SkipHostLookup(), nats.SetCustomDialer(dialer{ctx, network}), nats.DontRandomize()}
	if deadline, ok := ctx.Deadline(); ok {
		options = append(options, nats.Timeout(remaining(deadline)))
	}
	if !p.Plain {
		options = append(options, nats.Secure(network.TLS))
	}
	switch c := t.Credentials; {
	case c.Username != "":
		options = append(options, nats.UserInfo(c.Username, c.Password))
	case c.Token != "":
		options = append(options, nats.Token(c.Token))
	case c.Creds != "":
		options = append(options, nats.UserCredentialBytes([]byte(c.Creds)))
	}
	conn, err := nats.Connect("nats://"+strings.Join(p.Hosts, ",nats://"), options...)
	if err != nil {
		return nil, fmt.Errorf("no connection to NATS: %w", err)
	}
	out := &sender{conn: conn, place: p}
	if err := out.begin(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return out, nil
}

// begin finds the stream, or makes it where the URL says so.
func (s *sender) begin(ctx context.Context) (err error) {
	if s.js, err = jetstream.New(s.conn, jetstream.WithPublishAsyncMaxPending(1000)); err != nil {
		return fmt.Errorf("no JetStream: %w", err)
	}
	_, err = s.js.Stream(ctx, s.place.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) && s.place.create {
		_, err = s.js.CreateStream(ctx, jetstream.StreamConfig{Name: s.place.stream, Subjects: []string{s.place.subjects()}, Storage: jetstream.FileStorage})
	}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("there is no stream %s: make it, or let create=true in the URL make it", s.place.stream)
	case err != nil:
		return fmt.Errorf("stream %s: %w", s.place.stream, err)
	}
	return nil
}
