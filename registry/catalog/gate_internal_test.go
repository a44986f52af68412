package catalog

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// TestK6Searches: one caller's many searches delay another's by one, and who goes away gives its turn up.
func TestK6Searches(t *testing.T) {
	g := newGate(1)
	if err := g.enter(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var wg sync.WaitGroup
	wait := func(ctx context.Context, who string) {
		g.mu.Lock()
		before := len(g.waiting)
		g.mu.Unlock()
		wg.Go(func() {
			if g.enter(ctx, who) != nil {
				return
			}
			mu.Lock()
			order = append(order, who)
			mu.Unlock()
			g.leave()
		})
		for waits := before; waits == before; runtime.Gosched() {
			g.mu.Lock()
			waits = len(g.waiting)
			g.mu.Unlock()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	wait(ctx, "gone")
	for _, who := range []string{"a", "a", "a", "b"} {
		wait(t.Context(), who)
	}
	cancel()
	for waits := 5; waits == 5; runtime.Gosched() {
		g.mu.Lock()
		waits = len(g.waiting)
		g.mu.Unlock()
	}
	g.leave()
	wg.Wait()
	if want := []string{"b", "a", "a", "a"}; !slices.Equal(order, want) {
		t.Errorf("order %v, not %v", order, want)
	}
	if g.free != 1 {
		t.Errorf("%d places are free", g.free)
	}
}
