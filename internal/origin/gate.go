package origin

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	maxPause    = 15 * time.Minute // that an origin may ask for
	firstStrike = time.Second      // the pause after a 429 that names none; it doubles
	lastStrike  = time.Minute
)

// gate bounds the requests that are under way at one origin, and how fast they follow each other. Documents go before files, and
// an eighth of the places is closed to files, so that long downloads do not keep documents out.
type gate struct {
	now   func() time.Time
	queue time.Duration // the longest wait
	rate  float64       // per second; 0 for no bound
	burst float64

	mu      sync.Mutex
	limit   int
	under   int // requests under way
	files   int // of these
	waiting [2][]*waiter
	tokens  float64
	filled  time.Time
	paused  time.Time // until then nothing goes out
	strikes int
	wake    *time.Timer
}

// The queues.
const (
	documents = 0
	downloads = 1
)

type waiter struct {
	ready chan struct{} // closed when granted
}

func newGate(now func() time.Time, limit int, rate float64, queue time.Duration) *gate {
	burst := max(1, rate)
	return &gate{now: now, queue: queue, rate: rate, burst: burst, limit: limit, tokens: burst, filled: now()}
}

// enter waits for a place, at most gate.queue long. release gives it back. If there is none, wait is how long to stay away, and
// err is set if ctx ended.
func (g *gate) enter(ctx context.Context, file bool) (release func(), wait time.Duration, err error) {
	queue := documents
	if file {
		queue = downloads
	}
	g.mu.Lock()
	if wait := g.paused.Sub(g.now()); wait > g.queue {
		g.mu.Unlock()
		return nil, wait, nil
	}
	w := &waiter{ready: make(chan struct{})}
	g.waiting[queue] = append(g.waiting[queue], w)
	g.dispatch()
	g.mu.Unlock()
	release = sync.OnceFunc(func() { g.leave(file) })
	select {
	case <-w.ready:
		return release, 0, nil
	default:
	}
	late := time.NewTimer(g.queue)
	defer late.Stop()
	select {
	case <-w.ready:
		return release, 0, nil
	case <-late.C:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return g.giveUp(w, queue, release, err)
}

// giveUp leaves the queue. A place that was granted meanwhile is taken, unless ctx has ended.
func (g *gate) giveUp(w *waiter, queue int, release func(), err error) (func(), time.Duration, error) {
	g.mu.Lock()
	i := slices.Index(g.waiting[queue], w)
	if i >= 0 {
		g.waiting[queue] = slices.Delete(g.waiting[queue], i, i+1)
	}
	wait := max(g.paused.Sub(g.now()), time.Second)
	g.mu.Unlock()
	switch {
	case i >= 0:
		return nil, wait, err
	case err != nil:
		release()
		return nil, wait, err
	}
	return release, 0, nil
}

func (g *gate) leave(file bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.under--
	if file {
		g.files--
	}
	g.dispatch()
}

// dispatch grants what can be granted. mu is held.
func (g *gate) dispatch() {
	for g.under < g.limit {
		queue := documents
		if len(g.waiting[documents]) == 0 {
			queue = downloads
			if len(g.waiting[downloads]) == 0 || g.files >= g.fileLimit() {
				return
			}
		}
		if wait := g.take(); wait > 0 {
			g.later(wait)
			return
		}
		w := g.waiting[queue][0]
		g.waiting[queue] = slices.Delete(g.waiting[queue], 0, 1)
		g.under++
		if queue == downloads {
			g.files++
		}
		close(w.ready)
	}
}

func (g *gate) fileLimit() int {
	if g.limit == 1 {
		return 1
	}
	return g.limit - max(1, g.limit/8)
}

// take takes a token, or says when there will be one.
func (g *gate) take() time.Duration {
	now := g.now()
	if wait := g.paused.Sub(now); wait > 0 {
		return wait
	}
	if g.rate == 0 {
		return 0
	}
	if passed := now.Sub(g.filled); passed > 0 {
		g.tokens = min(g.burst, g.tokens+passed.Seconds()*g.rate)
	}
	g.filled = now
	if g.tokens < 1 {
		return max(time.Duration((1-g.tokens)/g.rate*float64(time.Second)), time.Millisecond)
	}
	g.tokens--
	return 0
}

// later dispatches again after a time.
func (g *gate) later(wait time.Duration) {
	if g.wake != nil {
		g.wake.Stop()
	}
	g.wake = time.AfterFunc(wait, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.dispatch()
	})
}

// pause keeps requests back for as long as the origin asks, at most maxPause; longer each time if it names no time (wait 0). It
// returns the time.
func (g *gate) pause(wait time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait <= 0 {
		wait = min(firstStrike<<min(g.strikes, 10), lastStrike)
		g.strikes++
	}
	wait = min(wait, maxPause)
	now := g.now()
	if until := now.Add(wait); until.After(g.paused) {
		g.paused = until
	}
	g.tokens, g.filled = 0, g.paused
	return wait
}

// answered notes a good answer: the limit is that of the protocol, and pauses begin small again.
func (g *gate) answered(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.strikes = 0
	if limit != g.limit {
		g.limit = limit
		g.dispatch()
	}
}

func (g *gate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.under == 0 && len(g.waiting[documents])+len(g.waiting[downloads]) == 0 && !g.now().Before(g.paused)
}

// fill writes the gate's part of a state.
func (g *gate) fill(s *OriginState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.UnderWay, s.Queued = g.under, len(g.waiting[documents])+len(g.waiting[downloads])
	if g.now().Before(g.paused) {
		s.PausedUntil = g.paused
	}
}
