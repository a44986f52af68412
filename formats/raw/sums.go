package raw

import (
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
)

// Bounds of sums that are computed on request.
const (
	maxSums    = 4096           // remembered
	maxSumming = 2              // blobs read at once
	maxWaiting = 64             // blobs being read or waiting
	maxOfOne   = maxWaiting / 4 // of those, what one user asked for, or one address without credentials
	sumBuffer  = 128 << 10
)

// sumCache computes sums that were not stored with a file, by reading the file once, and caches them. So a PUT spends time
// only on sha256 and the sums that the uploader announced.
type sumCache struct {
	flight  singleflight.Group
	slots   chan struct{}
	mu      sync.Mutex
	waiting int
	by      map[string]int // of those that wait, by who asked
	known   map[sumKey][]byte
}

type sumKey struct {
	digest string
	alg    *algorithm
}

func newSumCache() *sumCache {
	return &sumCache{slots: make(chan struct{}, maxSumming), by: map[string]int{}, known: map[sumKey][]byte{}}
}

// sum returns a sum of a stored file.
func (c *sumCache) sum(ctx context.Context, svc *formats.Parts, f registry.File, alg *algorithm) ([]byte, error) {
	if sum := alg.stored(f.Blob); sum != nil {
		return sum, nil
	}
	if f.Blob.Digest == "" {
		return nil, formats.OnItsWay(f.Path)
	}
	key := sumKey{f.Blob.Digest.Encoded(), alg}
	if sum := c.knows(key); sum != nil {
		return sum, nil
	}
	who := httpserver.Holder(ctx) // who is refused is refused alone
	ch := c.flight.DoChan(key.digest+alg.suffix+" "+who, func() (any, error) {
		// The first client may go away; the sum still serves the next.
		return c.compute(context.WithoutCancel(ctx), svc, f, key, who)
	})
	select {
	case res := <-ch:
		if res.Err != nil {
			return nil, res.Err
		}
		return res.Val.([]byte), nil //nolint:forcetypeassert // compute returns nothing else
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// knows returns a sum that is remembered; nil: none is.
func (c *sumCache) knows(key sumKey) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[key]
}

// compute computes a sum for who asks, and remembers it.
func (c *sumCache) compute(ctx context.Context, svc *formats.Parts, f registry.File, key sumKey, who string) ([]byte, error) {
	leave, err := c.enter(who)
	if err != nil {
		return nil, err
	}
	defer leave()
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	if sum := c.knows(key); sum != nil { // another caller asked for it too
		return sum, nil
	}
	body, err := svc.Catalog.Open(ctx, f, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	h := key.alg.new()
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{body}, make([]byte, sumBuffer)); err != nil {
		return nil, err
	}
	sum := h.Sum(nil)
	c.remember(key, sum)
	return sum, nil
}

// enter takes one of the places for sums to be computed. TooMany: who asks has its share of them; Unavailable: all are taken.
func (c *sumCache) enter(who string) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := func(kind registry.Kind, whose string) error {
		return &registry.Error{Kind: kind, Subject: registry.AboutFile, RetryAfter: 10 * time.Second,
			Detail: "too many sums" + whose + " are being computed; try again soon"}
	}
	switch {
	case c.by[who] >= maxOfOne:
		return nil, full(registry.TooMany, " that you asked for")
	case c.waiting >= maxWaiting:
		return nil, full(registry.Unavailable, "")
	}
	c.waiting++
	c.by[who]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting--
		if c.by[who]--; c.by[who] == 0 {
			delete(c.by, who)
		}
	}, nil
}

func (c *sumCache) remember(key sumKey, sum []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxSums {
		clear(c.known)
	}
	c.known[key] = sum
}
