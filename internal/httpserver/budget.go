package httpserver

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// budget is something that all requests share, of which one client gets a part at most. A client is one user, or one address
// without credentials. A request waits for what it needs.
type budget struct {
	size int64
	most int64 // of one client
	all  *semaphore.Weighted
	wait time.Duration

	mu      sync.Mutex
	clients map[string]*clientShare
}

type clientShare struct {
	share *semaphore.Weighted
	users int // that hold a part or wait for one
}

func newBudget(size, most int64) *budget {
	return &budget{size: size, most: most, all: semaphore.NewWeighted(size), wait: holdWait, clients: map[string]*clientShare{}}
}

// take waits for n, at most a client's share, and returns how it is given back. With an error, by says who has taken what there
// is: byClient or byServer.
func (b *budget) take(ctx context.Context, client string, n int64) (release func(), by string, err error) {
	c := b.client(client)
	ctx, cancel := context.WithTimeout(ctx, b.wait)
	defer cancel()
	if err := c.share.Acquire(ctx, n); err != nil {
		b.leave(client, c)
		return nil, byClient, err
	}
	if err := b.all.Acquire(ctx, n); err != nil {
		c.share.Release(n)
		b.leave(client, c)
		return nil, byServer, err
	}
	return func() {
		b.all.Release(n)
		c.share.Release(n)
		b.leave(client, c)
	}, "", nil
}

func (b *budget) client(name string) *clientShare {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.clients[name]
	if c == nil {
		c = &clientShare{share: semaphore.NewWeighted(b.most)}
		b.clients[name] = c
	}
	c.users++
	return c
}

func (b *budget) leave(name string, c *clientShare) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.users--; c.users == 0 {
		delete(b.clients, name)
	}
}
