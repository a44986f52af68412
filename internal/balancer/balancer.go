// Package balancer hands requests to several servers in turn, as a load balancer in front of a cluster does. It is for a cluster on one
// machine and for tests: it has no TLS.
package balancer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// Balancer is an http.Handler that hands each request to the next server which is ready, also those of one connection. A request that no
// server has begun to read goes to another server when one does not answer, and one that changes nothing also when a server answers 503;
// any other request fails with 502.
type Balancer struct {
	servers []*server
	turn    atomic.Uint64
	proxy   *httputil.ReverseProxy
}

type server struct {
	host string
	away atomic.Bool
}

// perHost is how many idle connections are kept to each server.
const perHost = 64

// New returns a Balancer over servers at host:port. All are taken for ready until Watch has asked them.
func New(hosts ...string) *Balancer {
	b := &Balancer{}
	for _, host := range hosts {
		b.servers = append(b.servers, &server{host: host})
	}
	b.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.Host = "http", r.In.Host
			r.Out.URL.Host = b.servers[0].host // each try has its own
		},
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		Transport:     &turns{b, &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: perHost}},
	}
	return b
}

func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.proxy.ServeHTTP(w, r) }

// Watch asks each server for its readiness again and again until ctx ends. Servers that are not ready get no request while another is.
func (b *Balancer) Watch(ctx context.Context, every time.Duration) {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		for _, s := range b.servers {
			s.away.Store(!ready(ctx, client, s.host))
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
}

func ready(ctx context.Context, client *http.Client, host string) bool {
	u := url.URL{Scheme: "http", Host: host, Path: "/readyz"}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return false
	}
	res, err := client.Do(r)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// next is the server whose turn it is; where none is ready, any.
func (b *Balancer) next() *server {
	for range b.servers {
		if s := b.servers[b.turn.Add(1)%uint64(len(b.servers))]; !s.away.Load() {
			return s
		}
	}
	return b.servers[b.turn.Add(1)%uint64(len(b.servers))]
}

// turns sends a request to servers in turn until one has begun to read it.
type turns struct {
	*Balancer
	under http.RoundTripper
}

func (t *turns) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		out, s := r.Clone(r.Context()), t.next()
		out.URL.Host = s.host
		body := &unread{rc: r.Body}
		if r.Body != nil && r.Body != http.NoBody {
			out.Body = body
		}
		res, err := t.under.RoundTrip(out)
		last := try >= 2*len(t.servers) || body.begun.Load() || r.Context().Err() != nil
		switch {
		case err == nil && res.StatusCode == http.StatusServiceUnavailable && reads(r) && !last:
			_ = res.Body.Close() // another server may be able to
			continue
		case err == nil || last || !dialed(err) && !reads(r):
			return res, err
		}
		if dialed(err) {
			s.away.Store(true)
		}
	}
}

// reads tells whether a request changes nothing, and may be sent again.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// dialed tells whether there was no connection.
func dialed(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// unread is a body that knows whether anything was read of it. The transport closes it after each try; the server of the request
// closes the body itself.
type unread struct {
	rc    io.Reader
	begun atomic.Bool
}

func (u *unread) Read(p []byte) (int, error) {
	u.begun.Store(true)
	return u.rc.Read(p)
}

func (u *unread) Close() error { return nil }
