// Package brokerurl reads the targets of subscriptions to message brokers: scheme://host:port,host:port/path?settings. net/url
// reads no lists of hosts.
package brokerurl

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway/integration"
	"slipway/internal/outbound"
	"slipway/registry"
)

// maxHosts bounds the list.
const maxHosts = 16

// Target is a URL of a broker in its parts.
type Target struct {
	Hosts    []string // host:port, at least one
	Path     string   // decoded, without its first slash
	Plain    bool     // tls=false: without TLS
	settings url.Values
}

// Grammar says how URLs of a sink look.
type Grammar struct {
	Scheme  string
	Port    string // of a host without one
	Example string
	Allowed []string // settings, beside tls and server_name
}

// Sink is what the sinks of all brokers have in common, to be embedded.
type Sink struct {
	Grammar Grammar
	Options outbound.Options // how brokers are reached
}

// Name implements integration.Sink: it is the scheme of its URLs.
func (s *Sink) Name() string { return s.Grammar.Scheme }

// Ordered implements integration.Sink.
func (*Sink) Ordered() bool { return true }

// Close implements integration.Sink: connections belong to senders.
func (*Sink) Close() error { return nil }

// Receiver implements integration.Sink.
func (s *Sink) Receiver(target string) string { return s.Grammar.Receiver(target) }

// Parse reads a target. The error does not repeat it. Invalid.
func (g Grammar) Parse(text string) (Target, error) {
	var t Target
	rest, ok := strings.CutPrefix(text, g.Scheme+"://")
	if !ok || strings.Contains(rest, "#") {
		return t, invalid("it must be of the form %s", g.Example)
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	if strings.Contains(hosts, "@") {
		return t, invalid("it can't hold a user name or password: give credentials")
	}
	var err error
	if t.Path, err = url.PathUnescape(path); err != nil {
		return t, invalid("its path can't be read")
	}
	if t.settings, err = url.ParseQuery(query); err != nil {
		return t, invalid("its settings can't be read")
	}
	for name, values := range t.settings {
		if len(values) != 1 || name != "tls" && name != "server_name" && !slices.Contains(g.Allowed, name) {
			return t, invalid("%q is no setting, or is there twice; there are %s", registry.Clip(name), strings.Join(slices.Concat(g.Allowed, []string{"server_name", "tls"}), ", "))
		}
	}
	if t.Plain, err = t.off("tls"); err != nil {
		return t, err
	}
	list := strings.Split(hosts, ",")
	if len(list) > maxHosts {
		return t, invalid("it has more than %d hosts", maxHosts)
	}
	for _, host := range list {
		at, err := g.host(host)
		if err != nil {
			return t, err
		}
		t.Hosts = append(t.Hosts, at)
	}
	return t, nil
}

// host is a host of the list with its port.
func (g Grammar) host(text string) (string, error) {
	name, port, err := net.SplitHostPort(text)
	if err != nil {
		name, port = strings.Trim(text, "[]"), g.Port
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", invalid("a port is not a number from 1 to 65535")
	}
	if err := outbound.CheckHost(name); err != nil {
		return "", invalid("%s", err)
	}
	return net.JoinHostPort(name, port), nil
}

// off reads a setting that is true unless it is false.
func (t Target) off(name string) (bool, error) {
	switch t.settings.Get(name) {
	case "", "true":
		return false, nil
	case "false":
		return true, nil
	}
	return false, invalid("%s is neither true nor false", name)
}

// Get returns a setting; "" where it is not given.
func (t Target) Get(name string) string { return t.settings.Get(name) }

// Receiver names the machines of a target, and what they are trusted by, for integration.Sink.
func (g Grammar) Receiver(text string) string {
	t, err := g.Parse(text)
	if err != nil {
		return "" // Check has refused it
	}
	return t.Receiver()
}

// Receiver names the machines of the target, and what they are trusted by.
func (t Target) Receiver() string {
	return strings.Join(t.Hosts, ",") + "?tls=" + strconv.FormatBool(!t.Plain) + "&server_name=" + t.Get("server_name")
}

// Network is how a target is reached with credentials: through o, with TLS 1.2 or later, or without it where the operator has allowed
// the address by name.
func (t Target) Network(o outbound.Options, c integration.Credentials) (outbound.Options, error) {
	config := o.TLSConfig()
	config.ServerName = t.Get("server_name")
	if err := c.TLS(config); err != nil {
		return o, err
	}
	o.TLS, o.Listed = config, t.Plain
	return o, nil
}

// Dialer reaches brokers by o, which Network has returned: those of the URL, and those that a broker names.
func (t Target) Dialer(o outbound.Options) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := o.Dial(ctx, network, address)
		if err != nil || t.Plain {
			return conn, err
		}
		config := o.TLSConfig()
		if config.ServerName == "" {
			if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
				return nil, err
			}
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake's error says why
			return nil, err
		}
		return secured, nil
	}
}

// Fill puts the words of a message into a template: {type}, {repository} and {format}. Where there is none, "-" stands.
func Fill(template string, m integration.Message) string {
	word := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	return strings.NewReplacer("{type}", word(m.Type), "{repository}", word(m.Repository), "{format}", word(m.Format)).Replace(template)
}

// CheckTemplate refuses words that Fill does not know, and characters beside those of allowed. Invalid.
func CheckTemplate(setting, template string, allowed func(r rune) bool) error {
	rest := strings.NewReplacer("{type}", "", "{repository}", "", "{format}", "").Replace(template)
	if template == "" || strings.ContainsFunc(rest, func(r rune) bool { return !allowed(r) }) {
		return invalid("%s: letters, digits and some signs, and {type}, {repository}, {format}", setting)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: "+format, args...)
}

// Attributes are those of a CloudEvent in binary mode, by name, without the encoding of HTTP headers.
func Attributes(m integration.Message) map[string]string {
	out := map[string]string{}
	for header, value := range m.Header {
		if name, ok := strings.CutPrefix(header, "ce-"); ok {
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
			out[name] = value
		}
	}
	return out
}
