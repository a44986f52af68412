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
	// defaultTerm, with the time that another process takes to notice, makes a duty change hands 15 s after its holder has died.
	defaultTerm = 14 * time.Second
	firstPause  = time.Second // before work that failed starts again; then twice as long each time
	mostPause   = time.Minute
	// releaseTime is how long Close may take to give the duties up.
	releaseTime = 5 * time.Second
	// newsPause is between two looks for a duty that was given up, however often others write.
	newsPause = 200 * time.Millisecond
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
	Name  string        // what others call this process; "" is its host
	Term  time.Duration // how long a duty is held without being renewed; 0 is 14 s. It is renewed three times as often
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
	ends   time.Time // when the first duty of another process ends unless it is renewed, by the same clock; zero: none does

	posts   []*post // of Start, then of the loop alone
	running context.Context
	stop    context.CancelFunc
	loop    sync.WaitGroup
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
	if o.Name == "" {
		o.Name = hostName()
	}
	r := &Runner{core: core, holder: o.Name + " " + rand.Text(), term: cmp.Or(o.Term, defaultTerm), pause: cmp.Or(o.Pause, firstPause), leased: !core.Store.Exclusive()}
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
		for _, p := range taken {
			close(p.held.ended)
		}
		r.Close()
		return nil, err
	}
	for _, p := range taken {
		r.begin(p, started[p])
	}
	r.loop.Go(r.keep)
	return r, nil
}

func hostName() string {
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "unknown"
}

// waits reports whether an error is of a server that can start and read, and takes changes later.
func waits(err error) bool {
	return err != nil && (registry.KindOf(err) == registry.NoSpace || errors.Is(err, registry.ErrClock))
}

// Close ends the work, and gives each duty up once its own work has ended. If giving up fails, other processes take the duties after
// their term. A second call of Close waits for the first call.
func (r *Runner) Close() {
	r.closing.Do(func() {
		r.stop()
		r.loop.Wait()
		var releases sync.WaitGroup
		for _, p := range r.posts {
			if h := p.held; h != nil {
				releases.Go(func() {
					<-h.ended
					r.release(h)
				})
			}
		}
		releases.Wait()
	})
}

// release gives a duty up, and wakes the processes that could take it.
func (r *Runner) release(h *hold) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.running), releaseTime)
	defer cancel()
	err := r.core.Update(ctx, func(tx metadata.Tx) error {
		tx.Notify()
		return tx.Duties().ReleaseDuty(h.name, h.epoch)
	})
	if err != nil && !errors.Is(err, metadata.ErrDutyLost) && !errors.Is(err, metadata.ErrClosed) {
		r.core.Log.WarnContext(ctx, "background work was not handed over", "duty", h.name, "error", err)
	}
}

// begin starts a duty's work; started: the first step is done.
func (r *Runner) begin(p *post, started bool) {
	d, h := p.Duty, p.held
	go func() {
		defer close(h.ended)
		r.run(d, h, started)
	}()
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
