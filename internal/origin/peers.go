package origin

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxPeers bounds the origins that a client remembers: an index may name any number of hosts.
const maxPeers = 256

// OriginState is what a client knows of one origin.
type OriginState struct {
	// Origin is scheme, host and port, for administrators of the upstream only.
	Origin  string
	Own     bool // the upstream's own, not a host that redirects or files lead to
	Breaker BreakerState
	Since   time.Time // of the breaker's state; zero if it never changed
	// LastFault is the text of the last failure that counted, as in Fault.Text.
	LastFault    string
	LastFaultAt  time.Time
	LastAnswerAt time.Time // of the last answer that was no failure; zero: there was none
	NextProbe    time.Time // zero unless Breaker is Broken or HalfOpen
	PausedUntil  time.Time // zero unless the origin asked to wait
	UnderWay     int
	Queued       int
	// Requests were sent since the client was made, and Failures of them had no answer or a 5xx.
	Requests, Failures int64
	// LimitRemaining and Limit are of the last ratelimit-remaining and ratelimit-limit; -1 for none.
	LimitRemaining, Limit int
}

// peer is one origin that a client talks to.
type peer struct {
	site    site
	own     bool
	breaker *breaker
	gate    *gate

	mu               sync.Mutex
	used             time.Time
	remaining, limit int
}

// peers are the origins of a client.
type peers struct {
	mu   sync.Mutex
	list map[site]*peer
}

// peer finds or makes the peer of an origin.
func (c *Client) peer(at site) *peer {
	c.peers.mu.Lock()
	defer c.peers.mu.Unlock()
	p := c.peers.list[at]
	if p == nil {
		if len(c.peers.list) >= maxPeers {
			c.peers.forget()
		}
		p = &peer{site: at, own: at == c.home, remaining: -1, limit: -1}
		p.breaker = &breaker{now: c.env.Now}
		if c.env.OnChange != nil {
			p.breaker.tell = func(down bool, since time.Time, fault string) {
				c.env.OnChange(Change{Origin: at.String(), Own: p.own, Down: down, Since: since, Fault: fault})
			}
		}
		p.gate = newGate(c.env.Now, min(c.settings.Concurrency, http1Concurrency), c.settings.Rate, c.settings.Timeouts.Queue)
		c.peers.list[at] = p
	}
	p.mu.Lock()
	p.used = c.env.Now()
	p.mu.Unlock()
	return p
}

// forget drops the origin that was used the longest ago of those that nothing waits for.
func (s *peers) forget() {
	var oldest *peer
	for _, p := range s.list {
		if p.own || !p.gate.idle() || !p.breaker.idle() {
			continue
		}
		if oldest == nil || p.lastUsed().Before(oldest.lastUsed()) {
			oldest = p
		}
	}
	if oldest != nil {
		delete(s.list, oldest.site)
	}
}

func (p *peer) lastUsed() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// noteLimits keeps what an answer says of a budget: "76;w=21600".
func (p *peer) noteLimits(h http.Header) {
	number := func(name string) int {
		text, _, _ := strings.Cut(h.Get(name), ";")
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 {
			return -1
		}
		return n
	}
	remaining := number("Ratelimit-Remaining")
	if remaining < 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remaining, p.limit = remaining, number("Ratelimit-Limit")
}

func (p *peer) state() OriginState {
	s := OriginState{Origin: p.site.String(), Own: p.own}
	p.mu.Lock()
	s.LimitRemaining, s.Limit = p.remaining, p.limit
	p.mu.Unlock()
	p.breaker.fill(&s)
	p.gate.fill(&s)
	return s
}
