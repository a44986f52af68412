package registrytest

import (
	"sync"
	"sync/atomic"
	"time"

	"slipway/metadata"
	"slipway/registry/instance"
	"slipway/storage/mem"
)

// Company makes a core one of several processes over the same stores, with one clock for all, which tests move on. Env.Replica is
// another one.
type Company struct {
	joined atomic.Bool
	mu     sync.Mutex
	at     time.Time
}

// NewCompany begins now.
func NewCompany() *Company { return &Company{at: time.Now()} }

// Option puts a core into the company.
func (c *Company) Option(e *Env) {
	StoreClock(c.Now)(e)
	With(func(cfg *instance.Config) { cfg.Now = c.Now })(e)
	e.Blobs = mem.New().WithClock(c.Now)
	e.Metadata = shared{e.Metadata, e.Metadata.(metadata.Versioned), &c.joined}
}

// Join begins the company: until then each core has the stores for itself, and takes its duties for good.
func (c *Company) Join() { c.joined.Store(true) }

// Now is the time. Each look moves it a little.
func (c *Company) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

// Add moves the time on.
func (c *Company) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// shared is metadata that other processes use too, once they have joined.
type shared struct {
	metadata.Store
	metadata.Versioned
	joined *atomic.Bool
}

func (s shared) Exclusive() bool { return !s.joined.Load() }
