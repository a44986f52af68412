package group

import (
	"sync"

	"slipway/metadata"
)

// Gate counts the transactions of a store, and lets none in once it is closed. Its zero value is open.
type Gate struct {
	mu      sync.Mutex
	running int           // transactions that run or wait to begin
	drained chan struct{} // nil until Drain; closed when none is left
}

// Enter counts a transaction, which Leave ends. ErrClosed.
func (g *Gate) Enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.drained != nil {
		return metadata.ErrClosed
	}
	g.running++
	return nil
}

// Leave ends a transaction.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	if g.drained != nil && g.running == 0 {
		close(g.drained)
	}
}

// Drain lets no new transaction in and returns a channel that is closed when the last has ended. It is called once.
func (g *Gate) Drain() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drained = make(chan struct{})
	if g.running == 0 {
		close(g.drained)
	}
	return g.drained
}
