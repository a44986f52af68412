package raw

import (
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"slipway/formats"
	"slipway/registry"
)

// Bounds of sums that are computed on request.
const (
	maxSums    = 4096 // remembered
	maxSumming = 2    // blobs read at once
	maxWaiting = 64   // blobs being read or waiting
	sumBuffer  = 128 << 10
)

// sumCache computes sums that were not stored with a file, by reading the file once, and caches them. So a PUT spends time
// only on sha256 and the sums that the uploader announced.
type sumCache struct {
	flight  singleflight.Group
	waiting chan struct{}
	slots   chan struct{}
	mu      sync.Mutex
	known   map[sumKey][]byte
}

type sumKey struct {
	digest string
	alg    *algorithm
}

func newSumCache() *sumCache {
	return &sumCache{waiting: make(chan struct{}, maxWaiting), slots: make(chan struct{}, maxSumming), known: map[sumKey][]byte{}}
}

// sum returns a sum of a stored file.
func (c *sumCache) sum(ctx context.Context, svc *formats.Parts, f registry.File, alg *algorithm) ([]byte, error) {
	if sum := alg.stored(f.Blob); sum != nil {
		return sum, nil
	}
	key := sumKey{f.Blob.Digest.Encoded(), alg}
	c.mu.Lock()
	sum, ok := c.known[key]
	c.mu.Unlock()
	if ok {
		return sum, nil
	}
	ch := c.flight.DoChan(key.digest+alg.suffix, func() (any, error) {
		// The first client may go away; the sum still serves the next.
		sum, err := c.compute(context.WithoutCancel(ctx), svc, f, alg)
		if err == nil {
			c.remember(key, sum)
		}
		return sum, err
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

func (c *sumCache) compute(ctx context.Context, svc *formats.Parts, f registry.File, alg *algorithm) ([]byte, error) {
	select {
	case c.waiting <- struct{}{}:
		defer func() { <-c.waiting }()
	default:
		return nil, &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutFile, RetryAfter: 10 * time.Second,
			Detail: "too many sums are being computed; try again soon"}
	}
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	body, err := svc.Catalog.Open(ctx, f, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	h := alg.new()
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{body}, make([]byte, sumBuffer)); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

func (c *sumCache) remember(key sumKey, sum []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxSums {
		clear(c.known)
	}
	c.known[key] = sum
}
