// Package amqp sends events to exchanges of RabbitMQ, by AMQP 0-9-1, as the CloudEvents binding for AMQP has them.
package amqp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"slipway/integration"
	"slipway/integration/brokerurl"
	"slipway/internal/outbound"
	"slipway/registry"
)

// Name is the sink's.
const Name = "amqp"

// defaultKey of a URL that names none. A type has a dot, so bindings of a topic exchange can be artifact.*.main.
const defaultKey = "{type}.{repository}"

// Separators of the headers that hold attributes. The released binding has the colon (3.1.3.1), and some libraries read nothing else; its
// draft adds the underscore, for clients of JMS.
const (
	colon      = ":"
	underscore = "_"
)

const (
	maxName   = 255 // bytes of the name of an exchange or virtual host, and of a key (AMQP 0-9-1, 4.2.5.3)
	securely  = "amqps://"
	plainly   = "amqp://"
	heartbeat = 10 * time.Second
)

var grammar = brokerurl.Grammar{Scheme: Name, Port: "5671", Example: "amqps://host:5671,host:5671/vhost?exchange=slipway&key=" + defaultKey,
	Allowed: []string{"exchange", "key", "separator"}}

// Sink sends to RabbitMQ. It implements integration.Broker, and is safe for concurrent use.
type Sink struct {
	brokerurl.Sink
	version string
}

var _ integration.Broker = (*Sink)(nil)

// New makes a sink that reaches what o lets it. version is of this program.
func New(o outbound.Options, version string) *Sink {
	return &Sink{Sink: brokerurl.Sink{Grammar: grammar, Options: o}, version: version}
}

// Check implements integration.Sink. Invalid.
func (*Sink) Check(target string) error { _, err := parse(target); return err }

// Receiver implements integration.Sink.
func (*Sink) Receiver(target string) string {
	p, err := parse(target)
	if err != nil {
		return "" // Check has refused it
	}
	return p.Receiver()
}

// CheckCredentials implements integration.Broker. Invalid.
func (*Sink) CheckCredentials(c integration.Credentials) error {
	return c.Allowed(Name, "username", "password", "client_cert", "client_key", "ca")
}

// Deliver implements integration.Sink.
func (s *Sink) Deliver(ctx context.Context, t integration.Target, m integration.Message) integration.Result {
	return integration.SendOne(ctx, s, t, m)
}

// place is where a subscription's events go.
type place struct {
	brokerurl.Target
	vhost, exchange, key string
	separator            string // between prefix and name of an attribute
}

// parse reads a target. Its scheme is amqps, or amqp together with tls=false, as clients of RabbitMQ know them.
func parse(target string) (place, error) {
	g, rest := grammar, target
	plain := strings.HasPrefix(target, plainly)
	if plain {
		g.Port = "5672"
	} else if after, ok := strings.CutPrefix(target, securely); ok {
		rest = plainly + after
	} else {
		rest = "" // what Parse says of a scheme that it does not know
	}
	t, err := g.Parse(rest)
	if err != nil {
		return place{}, err
	}
	p := place{Target: t, vhost: t.Path, exchange: t.Get("exchange"), key: t.Get("key"), separator: t.Get("separator")}
	if p.vhost == "" {
		p.vhost = "/"
	}
	if p.key == "" {
		p.key = defaultKey
	}
	if p.separator == "" {
		p.separator = colon
	}
	switch {
	case plain != t.Plain:
		return p, invalid("amqps:// is with TLS; without it, write amqp:// and tls=false")
	case p.exchange == "" || len(p.exchange) > maxName || strings.ContainsFunc(p.exchange, func(r rune) bool { return !letter(r) && r != ':' }):
		return p, invalid("exchange names the exchange that takes the events: at most %d letters, digits, '-', '_', '.' and ':'", maxName)
	case p.separator != colon && p.separator != underscore:
		return p, invalid("separator is neither %s nor %s", colon, underscore)
	case len(p.vhost) > maxName:
		return p, invalid("a virtual host has at most %d bytes", maxName)
	}
	return p, brokerurl.CheckTemplate("key", p.key, letter)
}

func letter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: "+format, args...)
}

// mechanisms are how a client says who it is: by user name, or by its certificate alone.
func mechanisms(c integration.Credentials) ([]amqp091.Authentication, error) {
	switch {
	case c.Username != "":
		return []amqp091.Authentication{&amqp091.PlainAuth{Username: c.Username, Password: c.Password}}, nil
	case c.ClientCert != "":
		return []amqp091.Authentication{&amqp091.ExternalAuth{}}, nil
	}
	return nil, errors.New("there is neither user name nor client certificate to show")
}

// Open implements integration.Broker. Of several hosts the first that answers is taken. A connection that breaks is not mended: the
// stream opens another one.
func (s *Sink) Open(ctx context.Context, t integration.Target) (integration.Sender, error) {
	p, err := parse(t.URL)
	if err != nil {
		return nil, err
	}
	network, err := p.Network(s.Options, t.Credentials)
	if err != nil {
		return nil, err
	}
	ways, err := mechanisms(t.Credentials)
	if err != nil {
		return nil, err
	}
	config := amqp091.Config{SASL: ways, Vhost: p.vhost, Heartbeat: heartbeat, Locale: "en_US",
		Properties: amqp091.Table{"product": "Slipway", "version": s.version, "connection_name": "slipway"}}
	var faults []error
	for _, host := range p.Hosts {
		conn, err := p.Dialer(network)(ctx, "tcp", host)
		if err == nil {
			var out *sender
			if out, err = begin(ctx, conn, config, p); err == nil {
				return out, nil
			}
		}
		faults = append(faults, err)
	}
	return nil, fmt.Errorf("no connection to RabbitMQ: %w", errors.Join(faults...))
}

// begin speaks AMQP over a connection, and finds the exchange. It closes the connection where it fails.
func begin(ctx context.Context, conn net.Conn, config amqp091.Config, p place) (*sender, error) {
	out := &sender{raw: conn, place: p}
	stop := context.AfterFunc(ctx, out.cut)
	defer stop()
	var err error
	if out.conn, err = amqp091.Open(conn, config); err != nil {
		out.cut()
		return nil, explain(err)
	}
	go out.watch(out.conn.NotifyBlocked(make(chan amqp091.Blocking)))
	if err := out.open(); err != nil {
		_ = out.Close() // there is a better error
		return nil, err
	}
	return out, nil
}

// explain makes a text of an error of RabbitMQ, which begins with the name of its code.
func explain(err error) error {
	var said *amqp091.Error
	if errors.As(err, &said) {
		return fmt.Errorf("%s (%d)", said.Reason, said.Code)
	}
	return err
}
