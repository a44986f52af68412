package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	dialTimeout    = 10 * time.Second // if Options.Connect is zero
	keepAlive      = 30 * time.Second
	idleConns      = 100
	idlePerHost    = 4
	idleConnTime   = 90 * time.Second
	maxHeaderBytes = 64 << 10 // of an answer
)

// Options of a transport. The zero value is sensible.
type Options struct {
	Allow Allow
	// Setting is the flag that Allow comes from, as refusals name it; "" is --webhook-allow.
	Setting string
	// Listed refuses public addresses too, unless Allow opens them: for connections without TLS that carry secrets.
	Listed bool
	// Resolver turns names into addresses; nil is the system's.
	Resolver *net.Resolver
	// Connect bounds the time until a connection stands, and again until TLS is agreed upon; 0 is 10 seconds.
	Connect time.Duration
	// TLS holds roots and a client certificate; nil is the system's roots and none. The transport copies it.
	TLS *tls.Config
	// Proxy takes all connections: an http, https or socks5 URL, which may hold credentials. Its address is checked like a
	// target's. It resolves the names of targets itself, so their addresses can't be checked: who sends through a proxy decides
	// by names, and calls CheckURL for literal addresses. nil is no proxy.
	Proxy *url.URL
}

func (o Options) setting() string {
	if o.Setting == "" {
		return "--webhook-allow"
	}
	return o.Setting
}

func (o Options) connect() time.Duration {
	if o.Connect == 0 {
		return dialTimeout
	}
	return o.Connect
}

// TLSConfig is the configuration of connections: TLS 1.2 or later.
func (o Options) TLSConfig() *tls.Config { return o.tls(false) }

// tls is the configuration of connections, without a client certificate for a proxy's.
func (o Options) tls(toProxy bool) *tls.Config {
	c := &tls.Config{}
	if o.TLS != nil {
		c = o.TLS.Clone()
	}
	if toProxy {
		c.Certificates, c.GetClientCertificate = nil, nil
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

// Transport returns a transport that checks the address of every connection against Allow when the connection is made:
// after the name was resolved, so that a name can't stand for a public address when it is checked and for another when it
// is used. It takes no proxy from the environment, since a proxy would resolve for itself.
func Transport(o Options) *http.Transport {
	t := &http.Transport{
		DialContext:            o.Dial,
		TLSClientConfig:        o.tls(false),
		TLSHandshakeTimeout:    o.connect(),
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           idleConns,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleConnTime,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // bytes as they are sent
	}
	if o.Proxy != nil {
		o.through(t)
	}
	return t
}

// Client returns a client over such a transport. It follows no redirect: a redirect is returned as the answer.
func Client(o Options) *http.Client {
	return &http.Client{
		Transport:     Transport(o),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Dial connects to a host and port, whose address is checked against Allow when the connection is made.
func (o Options) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: o.connect(), KeepAlive: keepAlive, Resolver: o.Resolver, Control: func(network, address string, _ syscall.RawConn) error {
		return o.control(host, network, address)
	}}
	return d.DialContext(ctx, network, address)
}

// control is called before a socket connects, with the address that it will connect to.
func (o Options) control(host, network, address string) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("outbound: %s is no way to send a request", network)
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("outbound: %w", err)
	}
	return o.check(host, to.Addr())
}
