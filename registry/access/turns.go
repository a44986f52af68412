package access

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Bounds of the logins that wait for their turn.
const (
	maxWaiting      = 1_000
	maxPlaceWaiting = 32 // from one place
	maxPairWaiting  = 4  // of one name from one place
	turnTimeout     = 10 * time.Second
)

// turns gives the few slots in which passwords are verified to the logins that wait, in this order: names from a place that
// they logged in from before, then the place that had its turn longest ago, within it the name, and then who came first. So
// a thousand guesses from one place delay a login from another by one verification.
type turns struct {
	mu      sync.Mutex
	free    int
	arrived int64
	served  int64
	waiting []*waiter
	last    map[string]int64    // by place: when it had its last turn, counted in turns
	lastOf  map[secretKey]int64 // by pair
}

type waiter struct {
	attempt  attempt
	familiar bool
	number   int64
	turn     chan struct{}
}

func newTurns(slots int) *turns {
	return &turns{free: slots, last: map[string]int64{}, lastOf: map[secretKey]int64{}}
}

// take waits for a slot, which the caller returns by calling done. A *RefusedLogin: too many wait already, or it waited too long.
func (t *turns) take(ctx context.Context, a attempt, familiar bool) (done func(), err error) {
	busy := &RefusedLogin{Name: a.name, Wait: firstWait}
	w := &waiter{attempt: a, familiar: familiar, turn: make(chan struct{})}
	t.mu.Lock()
	if t.free > 0 && len(t.waiting) == 0 {
		t.serve(w)
		t.mu.Unlock()
		return t.done, nil
	}
	if t.crowded(a, familiar) {
		t.mu.Unlock()
		return nil, busy
	}
	t.arrived++
	w.number = t.arrived
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	limit := time.NewTimer(turnTimeout)
	defer limit.Stop()
	select {
	case <-w.turn:
		return t.done, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-limit.C:
		err = busy
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, w); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
		return nil, err
	}
	return t.done, nil // its turn came meanwhile
}

// crowded reports whether a may not wait. Those that are familiar and those that are not don't crowd out each other. t.mu is held.
func (t *turns) crowded(a attempt, familiar bool) bool {
	all, place, pair := 0, 0, 0
	for _, w := range t.waiting {
		if w.familiar != familiar {
			continue
		}
		all++
		if w.attempt.place == a.place {
			place++
		}
		if w.attempt.pair == a.pair {
			pair++
		}
	}
	return all >= maxWaiting || place >= maxPlaceWaiting || pair >= maxPairWaiting
}

// serve gives w a slot. t.mu is held.
func (t *turns) serve(w *waiter) {
	t.free--
	t.served++
	if len(t.lastOf) > maxTracked {
		clear(t.last)
		clear(t.lastOf)
	}
	t.last[w.attempt.place], t.lastOf[w.attempt.pair] = t.served, t.served
	close(w.turn)
}

// done gives a slot back, and to the next in turn.
func (t *turns) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free++
	if len(t.waiting) == 0 {
		return
	}
	next := slices.MinFunc(t.waiting, t.before)
	t.waiting = slices.DeleteFunc(t.waiting, func(w *waiter) bool { return w == next })
	t.serve(next)
}

func (t *turns) before(a, b *waiter) int {
	if a.familiar != b.familiar {
		if a.familiar {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(t.last[a.attempt.place], t.last[b.attempt.place]),
		cmp.Compare(t.lastOf[a.attempt.pair], t.lastOf[b.attempt.pair]), cmp.Compare(a.number, b.number))
}
