package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	dialTimeout    = 10 * time.Second
	keepAlive      = 30 * time.Second
	idleConns      = 100
	idlePerHost    = 4
	idleConnTime   = 90 * time.Second
	maxHeaderBytes = 64 << 10 // of an answer
)

// Options of a transport. The zero value is sensible.
type Options struct {
	Allow Allow
	// Resolver turns names into addresses; nil is the system's.
	Resolver *net.Resolver
}

// Transport returns a transport that checks the address of every connection against Allow when the connection is made:
// after the name was resolved, so that a name can't stand for a public address when it is checked and for another when it
// is used. It takes no proxy from the environment, since a proxy would resolve for itself.
func Transport(o Options) *http.Transport {
	return &http.Transport{
		DialContext:            o.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           idleConns,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleConnTime,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // bytes as they are sent
	}
}

// Client returns a client over such a transport. It follows no redirect: a redirect is returned as the answer.
func Client(o Options) *http.Client {
	return &http.Client{
		Transport:     Transport(o),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (o Options) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, Resolver: o.Resolver, Control: func(network, address string, _ syscall.RawConn) error {
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
	return o.Allow.Check(host, to.Addr())
}
