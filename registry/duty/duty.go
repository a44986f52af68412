// Package duty runs the background work that one process does for all processes that share a database: collecting, signing,
// settling. Each kind of work is a duty with a name and a row (metadata.Duties), which a process takes before it works and
// gives up when it ends. With a store that no other process can use (metadata.Store.Exclusive), a process takes its duties at
// once and writes nothing more about them; otherwise it renews them, all in one update, and another process takes over a duty
// that is not renewed.
package duty

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

const (
	defaultTerm = 15 * time.Second
	firstPause  = time.Second // before work that failed starts again; then twice as long each time
	mostPause   = time.Minute
	// releaseTime is how long Close may take to give the duties up.
	releaseTime = 5 * time.Second
)

// Duty is one kind of background work. Its functions run one after the other, under a context that ends with the duty and
// under which each registry.Core.Update fails with metadata.ErrDutyLost, and writes nothing, once another process has the duty.
type Duty struct {
	Name string // of its row
	// First runs before Do each time the work starts, and finishes, for example, what a former holder left undone. Start waits
	// for it. nil: there is no first step.
	First func(ctx context.Context) error
	// Do works until ctx ends. If it returns earlier, it has failed, and is started again after First.
	Do func(ctx context.Context) error
}

// Options of a runner. The zero value is sensible.
type Options struct {
	Term  time.Duration // how long a duty is held without being renewed; 0 is 15 s. It is renewed three times as often
	Pause time.Duration // before work that failed starts again, for the first time; 0 is 1 s
}

// Runner does the duties that this process holds, and takes those that no process holds, until Close.
type Runner struct {
	core   *registry.Core
	holder string
	term   time.Duration
	pause  time.Duration
	leased bool      // other processes may take a duty that is not renewed
	safe   time.Time // until then no other process can take a duty of this one, by this process's monotonic clock

	posts   []*post // of Start, then of the loop alone
	running context.Context
	stop    context.CancelFunc
	loop    sync.WaitGroup
	work    sync.WaitGroup
	closing sync.Once
}

// post is a duty, and this process's hold on it.
type post struct {
	Duty
	seize bool  // no living process can hold it
	held  *hold // nil: this process does not hold it
}

// hold is a duty that this process holds.
type hold struct {
	name  string
	epoch int64
	ctx   context.Context // ends when the duty is lost, or the runner closes
	lose  context.CancelCauseFunc
	ended chan struct{} // closed when the work has ended
}

// Start takes the free duties, does the first step of each in order, and then starts their work. It fails with an error of the
// database or of a first step, and then nothing runs. Where there is no space, or the clock has jumped, it starts without the
// duties, or without the first steps that are refused, and makes up for them when changes are taken again.
func Start(ctx context.Context, core *registry.Core, duties []Duty, o Options) (*Runner, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	r := &Runner{core: core, holder: host + " " + rand.Text(), term: cmp.Or(o.Term, defaultTerm), pause: cmp.Or(o.Pause, firstPause), leased: !core.Store.Exclusive()}
	r.running, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, d := range duties {
		r.posts = append(r.posts, &post{Duty: d, seize: !r.leased})
	}
	taken, err := r.tend(ctx)
	if waits(err) {
		core.Log.WarnContext(ctx, "background work does not start before changes are taken", "error", err)
		err = nil
	}
	started := map[*post]bool{}
	for _, p := range taken {
		if err != nil || p.First == nil {
			started[p] = true
			continue
		}
		err = p.First(registry.Guarded(ctx, p.held.check))
		if started[p] = err == nil; waits(err) {
			core.Log.WarnContext(ctx, "a first step of background work waits until changes are taken", "duty", p.Name, "error", err)
			err = nil
		}
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	for _, p := range taken {
		r.begin(p, started[p])
	}
	r.loop.Go(r.keep)
	return r, nil
}

// waits reports whether an error is of a server that can start and read, and takes changes later.
func waits(err error) bool {
	return err != nil && (registry.KindOf(err) == registry.NoSpace || errors.Is(err, registry.ErrClock))
}

// Close ends the work, waits for it, and gives the duties up. If giving up fails, other processes take the duties after their
// term.
func (r *Runner) Close() {
	r.closing.Do(func() {
		r.stop()
		r.loop.Wait()
		r.work.Wait()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.running), releaseTime)
		defer cancel()
		if err := r.release(ctx); err != nil && !errors.Is(err, metadata.ErrClosed) {
			r.core.Log.WarnContext(ctx, "background work was not handed over", "error", err)
		}
	})
}

func (r *Runner) release(ctx context.Context) error {
	held := false
	for _, p := range r.posts {
		held = held || p.held != nil
	}
	if !held {
		return nil
	}
	return r.core.Update(ctx, func(tx metadata.Tx) error {
		for _, p := range r.posts {
			if p.held == nil {
				continue
			}
			if err := tx.Duties().ReleaseDuty(p.Name, p.held.epoch); err != nil && !errors.Is(err, metadata.ErrDutyLost) {
				return err
			}
		}
		return nil
	})
}

// keep renews the duties of this process and takes free ones.
func (r *Runner) keep() {
	wait := r.term / 3
	for {
		select {
		case <-r.running.Done():
			return
		case <-time.After(wait):
		}
		taken, err := r.tendInTime()
		for _, p := range taken {
			r.begin(p, false)
		}
		wait = r.term / 3
		if err == nil || r.running.Err() != nil {
			continue
		}
		r.core.Log.ErrorContext(r.running, "take and renew background work", "error", err)
		if !r.leased {
			continue
		}
		if left := time.Until(r.safe); left > 0 {
			wait = min(wait, left)
			continue
		}
		for _, p := range r.posts {
			if p.held != nil {
				p.held.lose(metadata.ErrDutyLost)
			}
		}
	}
}

// tendInTime is tend with a time limit, so that it fails before another process can take a duty of this one.
func (r *Runner) tendInTime() ([]*post, error) {
	for _, p := range r.posts {
		if r.leased && p.held != nil && p.held.ctx.Err() == nil {
			ctx, cancel := context.WithDeadline(r.running, r.safe)
			defer cancel()
			return r.tend(ctx)
		}
	}
	return r.tend(r.running)
}

// tend renews, where needed, the duties that this process holds, and takes free ones, in one update. It returns those taken.
func (r *Runner) tend(ctx context.Context) (taken []*post, err error) {
	wanted := false
	for _, p := range r.posts {
		if p.held != nil && p.held.over() {
			p.held = nil
		}
		wanted = wanted || r.leased || p.held == nil
	}
	if !wanted {
		return nil, nil
	}
	epochs := make([]int64, len(r.posts))
	asked := time.Now()
	err = r.core.Update(ctx, func(tx metadata.Tx) (err error) {
		var until time.Time
		if r.leased {
			until = tx.Now().Add(r.term)
		}
		for i, p := range r.posts {
			if epochs[i], err = r.tendOne(tx.Duties(), p, until); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.safe = asked.Add(r.term - r.term/5) // from before the request, as the database counts the term later
	for i, p := range r.posts {
		switch {
		case epochs[i] == 0 && p.held != nil:
			p.held.lose(metadata.ErrDutyLost)
		case epochs[i] != 0 && p.held == nil:
			p.seize = false
			p.held = &hold{name: p.Name, epoch: epochs[i], ended: make(chan struct{})}
			p.held.ctx, p.held.lose = context.WithCancelCause(r.running)
			taken = append(taken, p)
		}
	}
	return taken, nil
}

// tendOne renews or takes a duty until the given time and returns the epoch under which this process holds it; 0: another
// process holds it.
func (r *Runner) tendOne(duties metadata.Duties, p *post, until time.Time) (int64, error) {
	if p.held != nil {
		var err error
		if r.leased {
			err = duties.RenewDuty(p.Name, p.held.epoch, until)
		}
		if errors.Is(err, metadata.ErrDutyLost) {
			return 0, nil
		}
		return p.held.epoch, err
	}
	take := duties.TakeDuty
	if p.seize {
		take = duties.SeizeDuty
	}
	d, err := take(metadata.Duty{Name: p.Name, Holder: r.holder, Until: until})
	if errors.Is(err, metadata.ErrExists) {
		return 0, nil
	}
	return d.Epoch, err
}

// begin starts a duty's work; started: the first step is done.
func (r *Runner) begin(p *post, started bool) {
	d, h := p.Duty, p.held
	r.work.Go(func() {
		defer close(h.ended)
		r.run(d, h, started)
	})
}

// run works until the hold ends, and starts again when the work fails.
func (r *Runner) run(d Duty, h *hold, started bool) {
	ctx := registry.Guarded(h.ctx, h.check)
	log := r.core.Log.With("duty", d.Name)
	for pause := r.pause; ; pause = min(2*pause, mostPause) {
		began := time.Now()
		var err error
		if d.First != nil && !started {
			err = d.First(ctx)
		}
		if started = false; err == nil {
			err = d.Do(ctx)
		}
		if errors.Is(context.Cause(ctx), metadata.ErrDutyLost) {
			log.InfoContext(ctx, "background work went to another process")
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= mostPause {
			pause = r.pause
		}
		if err == nil {
			err = errors.New("it ended by itself")
		}
		log.ErrorContext(ctx, "background work failed and will start again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// check fails a transaction of a duty that this process has lost.
func (h *hold) check(duties metadata.Duties) error {
	err := duties.CheckDuty(h.name, h.epoch)
	if errors.Is(err, metadata.ErrDutyLost) {
		err = fmt.Errorf("duty %s: %w", h.name, err)
		h.lose(err)
	}
	return err
}

// over reports whether the duty is lost and its work has ended.
func (h *hold) over() bool {
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}
