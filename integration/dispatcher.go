package integration

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

// Bounds of what is under way at one time.
const (
	perSubscription = 4
	perReceiver     = 8
	inAll           = 64
)

const (
	fanOutPause = 20 * time.Millisecond // between two looks at a log that keeps growing
	idlePause   = 5 * time.Second       // looks although nothing was heard
	faultPause  = time.Second           // after an error of the database, unless Options say otherwise
	tidyEvery   = time.Minute
	countEvery  = 10 * time.Second // the backlog
	// closeGrace is how long attempts may still run when the dispatcher ends, unless Options say otherwise.
	closeGrace = 5 * time.Second
)

// Options of a dispatcher. The zero value is sensible.
type Options struct {
	// Waits are the times between attempts; nil is the schedule of Standard Webhooks. One attempt more is made.
	Waits []time.Duration
	// GiveUpAfter disables a subscription that has only failed for so long; 0 is 5 days.
	GiveUpAfter time.Duration
	FaultPause  time.Duration                     // after an error of the database; 0 is 1 s
	Grace       time.Duration                     // how long attempts may still run when the dispatcher ends; 0 is 5 s
	Jitter      func(time.Duration) time.Duration // nil: up to a fifth more or less
	Now         func() time.Time                  // nil: time.Now
	Metrics     prometheus.Registerer             // nil: none
	Logger      *slog.Logger                      // nil: slog.Default
}

// Dispatcher sends the deliveries of subscriptions. They are in the database, so a dispatcher can end at any moment and the
// next one goes on; a message may come twice, under the same id, and is never lost. A publish does not wait for it.
type Dispatcher struct {
	out     *Outbox
	policy  policy
	pause   time.Duration // after an error of the database
	grace   time.Duration
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics

	inFlight   map[int64]slot // by delivery; of the loop alone, as the counts are
	bySub      map[int64]int
	byReceiver map[string]int
	turn       int
	ended      chan int64
	tidied     time.Time
	counted    time.Time
	attempts   sync.WaitGroup
	streams    streams

	halt   context.CancelFunc // ends the loop
	cancel context.CancelFunc // ends attempts
	loop   sync.WaitGroup
}

// slot is what an attempt under way takes of the bounds.
type slot struct {
	subscription int64
	receiver     string
}

// Deliver lets a dispatcher work until ctx ends, as the duty of one process: what it writes carries the values of ctx
// (registry.Guarded).
func Deliver(ctx context.Context, out *Outbox, o Options) error {
	d := start(context.WithoutCancel(ctx), out, o)
	<-ctx.Done()
	return d.Close()
}

// Start makes a dispatcher and lets it work until Close.
func Start(out *Outbox, o Options) *Dispatcher { return start(context.Background(), out, o) }

func start(ctx context.Context, out *Outbox, o Options) *Dispatcher {
	d := &Dispatcher{
		out: out, policy: newPolicy(o), pause: cmp.Or(o.FaultPause, faultPause), grace: cmp.Or(o.Grace, closeGrace), now: o.Now, log: cmp.Or(o.Logger, slog.Default()), metrics: newMetrics(o.Metrics, out.s.sinks.brokers()),
		inFlight: map[int64]slot{}, bySub: map[int64]int{}, byReceiver: map[string]int{}, ended: make(chan int64, inAll),
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.streams = streams{d: d, running: map[int64]*stream{}}
	attempts, cancel := context.WithCancel(ctx)
	running, halt := context.WithCancel(attempts)
	d.halt, d.cancel = halt, cancel
	d.loop.Go(func() { d.run(running, attempts) })
	return d
}

// Close starts nothing more, waits a little for attempts under way, and then cuts them off: they are made again.
func (d *Dispatcher) Close() error {
	d.halt()
	d.loop.Wait()
	done := make(chan struct{})
	go func() {
		d.attempts.Wait()
		d.streams.group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(d.grace):
	}
	d.cancel()
	<-done
	d.metrics.forgetAll()
	return nil
}

// run looks at the log when it has grown, and sends what is due.
func (d *Dispatcher) run(ctx, attempts context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	grown, spread := d.out.Grown(), true
	for {
		pause := d.pass(ctx, attempts, &spread)
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return
		case id := <-d.ended:
			d.finished(id)
		case <-grown:
			select {
			case <-ctx.Done():
				return
			case <-time.After(fanOutPause):
			}
			grown, spread = d.out.Grown(), true
		case <-timer.C:
			spread = true
		}
		d.finishedAll()
	}
}

// pass does what there is to do now, and says how long to wait at most for the next one.
func (d *Dispatcher) pass(ctx, attempts context.Context, spread *bool) time.Duration {
	pause := idlePause
	if *spread {
		more, err := d.out.FanOut(ctx)
		if err != nil {
			return d.fault(ctx, "look at the log for subscriptions", err)
		}
		if *spread = more; more {
			pause = 0
		}
	}
	if d.streams.tend(ctx, attempts, d.out.streams); d.streams.ending() {
		pause = min(pause, fanOutPause)
	}
	next, err := d.send(ctx, attempts)
	if err != nil {
		return d.fault(ctx, "send what is due", err)
	}
	if !next.IsZero() {
		pause = min(pause, max(0, next.Sub(d.now())))
	}
	if err := d.housekeep(ctx); err != nil {
		return d.fault(ctx, "tidy deliveries", err)
	}
	return pause
}

func (d *Dispatcher) fault(ctx context.Context, what string, err error) time.Duration {
	if ctx.Err() == nil {
		d.log.LogAttrs(ctx, slog.LevelError, "the dispatcher can't "+what, slog.Any("error", err))
	}
	return d.pause
}

// send starts the attempts that are due, within the bounds, and returns when the next one will be; zero is unknown. A
// subscription's deliveries start in the order of the log.
func (d *Dispatcher) send(ctx, attempts context.Context) (next time.Time, err error) {
	queues, err := d.out.Queues(ctx, 2*perSubscription)
	if err != nil || len(queues) == 0 {
		return next, err
	}
	d.turn = (d.turn + 1) % len(queues) // so that every subscription gets a turn when the bound of all is reached
	for i := range queues {
		q := queues[(d.turn+i)%len(queues)]
		at, err := d.sendQueue(ctx, attempts, q)
		if err != nil {
			return next, err
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}

// sendQueue starts what is due of one subscription. Where a bound is reached, the end of an attempt goes on.
func (d *Dispatcher) sendQueue(ctx, attempts context.Context, q Queue) (next time.Time, err error) {
	for _, due := range q.Due {
		if _, flying := d.inFlight[due.ID]; flying {
			continue
		}
		if due.At.After(d.now()) {
			return due.At, nil
		}
		if d.bySub[q.Subscription] >= perSubscription || d.byReceiver[q.Receiver] >= perReceiver || len(d.inFlight) >= inAll {
			return next, nil
		}
		j, err := d.out.Load(ctx, due.ID)
		if registry.KindOf(err) == registry.NotFound {
			continue // disabled or removed meanwhile
		}
		if err != nil {
			return next, err
		}
		d.inFlight[due.ID] = slot{q.Subscription, q.Receiver}
		d.bySub[q.Subscription]++
		d.byReceiver[q.Receiver]++
		d.attempts.Go(func() {
			d.attempt(attempts, j)
			select {
			case d.ended <- j.ID:
			case <-ctx.Done(): // the loop, which counts, has ended
			}
		})
	}
	return next, nil
}

// finished gives back what an attempt has taken of the bounds.
func (d *Dispatcher) finished(id int64) {
	f := d.inFlight[id]
	delete(d.inFlight, id)
	if d.bySub[f.subscription]--; d.bySub[f.subscription] == 0 {
		delete(d.bySub, f.subscription)
	}
	if d.byReceiver[f.receiver]--; d.byReceiver[f.receiver] == 0 {
		delete(d.byReceiver, f.receiver)
	}
}

// finishedAll counts all attempts that have ended, so that one pass serves them all.
func (d *Dispatcher) finishedAll() {
	for {
		select {
		case id := <-d.ended:
			d.finished(id)
		default:
			return
		}
	}
}

// housekeep removes what is over, and counts what waits.
func (d *Dispatcher) housekeep(ctx context.Context) error {
	now := d.now()
	if now.Sub(d.tidied) >= tidyEvery {
		more, err := d.out.Tidy(ctx)
		if err != nil {
			return err
		}
		if !more { // else the next pass goes on
			d.tidied = now
		}
	}
	if now.Sub(d.counted) >= countEvery {
		n, oldest, err := d.out.Backlog(ctx)
		if err != nil {
			return err
		}
		d.counted = now
		d.metrics.backlog(n, oldest, now)
	}
	return nil
}
