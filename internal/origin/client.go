// Package origin asks other registries: one client per upstream, with its own redirects, credentials, limits, retries and breaker.
// It knows nothing of packages and protocols. Every connection is made by internal/outbound, which checks its address; and
// nothing of an upstream but its name is in the texts of errors: no URL, host, address, query or credential.
package origin

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"slipway/internal/outbound"
)

// Environment is what all upstreams of a server share.
type Environment struct {
	// Outbound is the address policy: Allow, Setting and Resolver.
	Outbound outbound.Options
	// Proxy is for upstreams that inherit it; nil is none.
	Proxy    *url.URL
	Version  string // of this program, for User-Agent
	Instance string // the id of this server, for Slipway-Via
	Offline  bool   // all upstreams are
	// Now is the clock of breakers and limits; nil is time.Now.
	Now func() time.Time
	// Sleep waits before a retry; nil waits in real time. It returns early when ctx ends.
	Sleep func(ctx context.Context, d time.Duration)
	// Observe is told of every request when it is over, body included; ctx is that of Do. nil is told nothing.
	Observe func(ctx context.Context, o Observation)
	// OnChange is told when an origin goes down and comes back, at most one pair a minute and origin, in order. It must not call Do.
	OnChange func(Change)
}

// Observation is one request that is over.
type Observation struct {
	Upstream string
	Kind     Kind
	// Outcome is ok, partial, not_modified, cancelled, or the name of a Class.
	Outcome string
	Status  int           // 0 without an answer
	Took    time.Duration // until the answer or the fault
	Bytes   int64         // of the body, as sent
}

// Change of an origin. Origin is for administrators only, Fault may be shown to readers.
type Change struct {
	Origin string
	Own    bool
	Down   bool
	Since  time.Time
	Fault  string // the last one
}

// Client asks one upstream. Its methods may be called by several goroutines.
type Client struct {
	settings Settings
	env      Environment
	home     site
	agent    string
	proxy    *url.URL
	own      route // to home
	foreign  route // to all other origins
	peers    peers
	tokens   tokens
}

// route is how an origin is reached: the client certificate is on the own route alone.
type route struct {
	transport *http.Transport
	check     outbound.Options // for the text of URLs
}

// New makes a client. It opens no connection: a server starts while its upstreams are down. Settings are checked as Settings.Check
// does, but for closed addresses, which are a Fault of each request.
func New(s Settings, env Environment) (*Client, error) {
	if err := s.valid(); err != nil {
		return nil, err
	}
	s.Timeouts = s.Timeouts.withDefaults()
	s.Concurrency = cmp.Or(s.Concurrency, defaultConcurrency)
	s.MaxDocument = cmp.Or(s.MaxDocument, defaultMaxDocument)
	s.MaxFile = cmp.Or(s.MaxFile, defaultMaxFile)
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Sleep == nil {
		env.Sleep = sleep
	}
	c := &Client{settings: s, env: env, home: siteOf(s.URL), agent: "Slipway/" + cmp.Or(env.Version, "dev"), proxy: s.Proxy.URL}
	if s.UserAgent != "" {
		c.agent += " " + s.UserAgent
	}
	if s.Proxy.Inherit {
		c.proxy = env.Proxy
	}
	c.peers.list = make(map[site]*peer)
	ownTLS, otherTLS, err := s.TLS.config()
	if err != nil {
		return nil, err
	}
	o := env.Outbound
	o.Connect, o.Proxy = s.Timeouts.Connect, c.proxy
	o.TLS = ownTLS
	c.own = route{transport: transport(o), check: o}
	o.TLS = otherTLS
	open := o
	if s.Redirects.Mode != RedirectHosts {
		open.Allow = outbound.Allow{}
	}
	if c.proxy == nil {
		o = open // through a proxy, the dialer sees the proxy's address alone
	}
	c.foreign = route{transport: transport(o), check: open}
	return c, nil
}

func transport(o outbound.Options) *http.Transport {
	t := outbound.Transport(o)
	t.MaxIdleConnsPerHost = http1Concurrency
	// Without pings, a connection that died silently would take every request to its timeout.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second}
	return t
}

// Close drops idle connections. Requests that are under way go on.
func (c *Client) Close() {
	c.own.transport.CloseIdleConnections()
	c.foreign.transport.CloseIdleConnections()
}

// State lists the origins that were asked, the upstream's own first.
func (c *Client) State() []OriginState {
	c.peer(c.home)
	c.peers.mu.Lock()
	list := make([]*peer, 0, len(c.peers.list))
	for _, p := range c.peers.list {
		list = append(list, p)
	}
	c.peers.mu.Unlock()
	out := make([]OriginState, len(list))
	for i, p := range list {
		out[i] = p.state()
	}
	slices.SortFunc(out, func(a, b OriginState) int {
		if a.Own != b.Own {
			return map[bool]int{true: -1, false: 1}[a.Own]
		}
		return cmp.Compare(a.Origin, b.Origin)
	})
	return out
}

func (c *Client) fault(class Class, text string) *Fault {
	return &Fault{Class: class, Upstream: c.settings.Name, Text: text}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// jitter spreads a pause, so that many servers do not come back at once.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2)
}
