package catalog

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// gate lets a few searches run at a time. Next is the caller whose last search began longest ago, so that one caller's many
// searches delay another's by one.
type gate struct {
	mu      sync.Mutex
	free    int
	served  int64
	waiting []*searcher      // in the order they came
	last    map[string]int64 // by caller: the number of its last search, while any search waits
}

type searcher struct {
	who  string
	turn chan struct{}
}

func newGate(free int) *gate { return &gate{free: free, last: map[string]int64{}} }

// enter waits for the turn of a caller, who calls leave afterwards. The error is that of ctx.
func (g *gate) enter(ctx context.Context, who string) error {
	s := &searcher{who: who, turn: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, s)
	g.next()
	g.mu.Unlock()
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, s); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		return ctx.Err()
	}
	return nil // its turn came meanwhile
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free++
	g.next()
}

// next starts a search if there is room. g.mu is held.
func (g *gate) next() {
	if g.free == 0 || len(g.waiting) == 0 {
		return
	}
	s := slices.MinFunc(g.waiting, func(a, b *searcher) int { return cmp.Compare(g.last[a.who], g.last[b.who]) }) // the first of equals
	g.waiting = slices.DeleteFunc(g.waiting, func(w *searcher) bool { return w == s })
	g.free--
	g.served++
	if len(g.waiting) == 0 {
		clear(g.last)
	}
	g.last[s.who] = g.served
	close(s.turn)
}
