package origin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestGateOrder: documents go before files, whoever came first.
func TestGateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, 1, 0, 5*time.Second)
		first, _, _ := g.enter(t.Context(), false)
		var mu sync.Mutex
		var order []string
		enter := func(name string, file bool) {
			go func() {
				release, _, _ := g.enter(t.Context(), file)
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				release()
			}()
			synctest.Wait()
		}
		enter("file 1", true)
		enter("file 2", true)
		enter("document 1", false)
		enter("document 2", false)
		var s OriginState
		if g.fill(&s); s.UnderWay != 1 || s.Queued != 4 {
			t.Errorf("%+v", s)
		}
		first()
		synctest.Wait()
		if want := []string{"document 1", "document 2", "file 1", "file 2"}; !slices.Equal(order, want) {
			t.Errorf("order %v", order)
		}
		if !g.idle() {
			t.Error("places are lost")
		}
	})
}

// TestGateReserve: long downloads leave places for documents.
func TestGateReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, 8, 0, 5*time.Second)
		for range 7 {
			if release, _, _ := g.enter(t.Context(), true); release == nil {
				t.Fatal("refused")
			}
		}
		start := time.Now()
		if release, wait, err := g.enter(t.Context(), true); release != nil || err != nil || wait != time.Second || time.Since(start) != 5*time.Second {
			t.Errorf("the eighth file: %s, %v after %s", wait, err, time.Since(start))
		}
		if release, _, _ := g.enter(t.Context(), false); release == nil {
			t.Error("a document was kept out")
		}
	})
}

// TestGateEnds: the end of the context, also at the moment of the grant, loses no place.
func TestGateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, 1, 0, 5*time.Second)
		first, _, _ := g.enter(t.Context(), false)
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() {
			_, _, err := g.enter(ctx, true)
			done <- err
		}()
		synctest.Wait()
		cancel(gone)
		if err := <-done; !errors.Is(err, gone) {
			t.Errorf("%v", err)
		}
		first()
		first()
		if !g.idle() {
			t.Error("places are lost")
		}
		// Granted and ended at once: the place is given back.
		w := &waiter{ready: make(chan struct{})}
		g.under = 1
		if release, _, err := g.giveUp(w, downloads, sync.OnceFunc(func() { g.leave(false) }), gone); release != nil || !errors.Is(err, gone) || !g.idle() {
			t.Error("a place is lost")
		}
	})
}

// TestGateRate: requests follow each other at the rate.
func TestGateRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, 64, 2, 5*time.Second)
		start := time.Now()
		for range 8 {
			release, _, _ := g.enter(t.Context(), true)
			release()
		}
		if took := time.Since(start).Round(10 * time.Millisecond); took != 3*time.Second { // two at once, six at two a second
			t.Errorf("took %s", took)
		}
	})
}

// TestGatePauses: nothing goes out while the origin rests; a short rest is waited for; pauses without a time double.
func TestGatePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, 4, 0, 5*time.Second)
		g.pause(3 * time.Second)
		start := time.Now()
		release, _, err := g.enter(t.Context(), false)
		if err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		release()
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			if got := g.pause(0); got != want*time.Second {
				t.Errorf("pause %s, want %d s", got, want)
			}
		}
		if release, wait, _ := g.enter(t.Context(), false); release != nil || wait != time.Minute {
			t.Errorf("wait %s", wait)
		}
		g.answered(4)
		if got := g.pause(0); got != time.Second {
			t.Errorf("after an answer: %s", got)
		}
		if got := g.pause(time.Hour); got != 15*time.Minute {
			t.Errorf("the longest: %s", got)
		}
	})
}
