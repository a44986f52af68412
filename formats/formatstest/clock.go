package formatstest

import (
	"context"
	"sync/atomic"
	"time"

	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// Clock is that of a server and of what it asks elsewhere. It stands still until a test moves it, and no wait takes time.
type Clock struct {
	start time.Time
	moved atomic.Int64
}

// NewClock returns a clock that shows the time of the call.
func NewClock() *Clock { return &Clock{start: time.Now()} }

// Later moves the clock.
func (c *Clock) Later(d time.Duration) { c.moved.Add(int64(d)) }

// Now is what the clock shows.
func (c *Clock) Now() time.Time { return c.start.Add(time.Duration(c.moved.Load())) }

// Option gives an instance the clock.
func (c *Clock) Option() registrytest.Option {
	return registrytest.With(func(cfg *instance.Config) {
		cfg.Now = c.Now
		cfg.Upstreams.Network.Now = cfg.Now
		cfg.Upstreams.Network.Sleep = func(context.Context, time.Duration) {}
	})
}
