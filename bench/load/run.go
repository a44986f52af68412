package load

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// Unit is one kind of work, in the words of its protocol: "npm.publish".
type Unit struct {
	Name string
	Do   func(ctx context.Context, w *Worker) (bytes int64, err error)
}

// Share is a unit with its weight in a mix.
type Share struct {
	Unit
	Weight int
}

// Worker is one client: a connection, and buffers that units use again.
type Worker struct {
	*Conn
	Rand *rand.Rand
	next *atomic.Uint64
	body []byte
	kits map[reflect.Type]any
}

// Serial returns a number that no other unit of the run gets, from 1.
func (w *Worker) Serial() uint64 { return w.next.Add(1) }

// bytes returns a buffer of n bytes that stays valid until the next call.
func (w *Worker) bytes(n int) []byte {
	if cap(w.body) < n {
		w.body = make([]byte, n)
	}
	return w.body[:n]
}

// kit returns the state that a protocol keeps for one worker, made at the first call.
func kit[T any](w *Worker, make func() *T) *T {
	key := reflect.TypeFor[T]()
	if k, ok := w.kits[key]; ok {
		return k.(*T) //nolint:forcetypeassert // the key is its type
	}
	k := make()
	w.kits[key] = k
	return k
}

// Options bound a run. It ends with the first of Duration and Units that is reached; 0 is no bound, and one is needed.
type Options struct {
	Clients  int
	Duration time.Duration
	Units    int64
	Progress func(done int64, elapsed time.Duration) // called every 200 ms, from another goroutine; nil: no progress
}

// Result is the result of one kind of unit.
type Result struct {
	Unit      string
	Times     Histogram
	Bytes     int64
	Errors    int64
	FirstFail error
}

// Report is the result of a run.
type Report struct {
	Elapsed time.Duration
	Results []Result // in the order of the mix
}

// Rate is units of one kind per second.
func (r *Report) Rate(i int) float64 {
	return float64(r.Results[i].Times.Count()) / r.Elapsed.Seconds()
}

// Driver runs units against a server, each client on a connection of its own.
type Driver struct {
	target *Target
	serial atomic.Uint64
	seed   uint64
}

// NewDriver makes a driver. seed decides which unit follows which.
func NewDriver(t *Target, seed uint64) *Driver { return &Driver{target: t, seed: seed} }

// Worker makes a client for work that is not measured. The caller closes.
func (d *Driver) Worker() *Worker { return d.worker(math.MaxUint64) }

func (d *Driver) worker(id uint64) *Worker {
	return &Worker{Conn: NewConn(d.target), Rand: rand.New(rand.NewPCG(d.seed, id)), next: &d.serial, kits: map[reflect.Type]any{}}
}

// maxFailures is the number of failures without a success that ends a run.
const maxFailures = 100

var errFailing = errors.New("the first 100 units all failed")

// Run runs a mix of units and reports their results. It fails only when nothing works, or when ctx ends.
func (d *Driver) Run(ctx context.Context, mix []Share, o Options) (*Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &running{driver: d, mix: mix, options: o, left: o.Units, stop: cancel}
	for _, s := range mix {
		r.weight += s.Weight
	}
	start := time.Now()
	if o.Duration > 0 {
		r.until = start.Add(o.Duration)
	}
	watched := r.watch(ctx, start)
	parts := make([][]Result, o.Clients)
	var clients sync.WaitGroup
	for i := range parts {
		clients.Go(func() { parts[i] = r.client(ctx, uint64(i)) })
	}
	clients.Wait()
	report := &Report{Elapsed: time.Since(start), Results: make([]Result, len(mix))}
	cause := context.Cause(ctx)
	cancel(nil)
	<-watched
	for i, s := range mix {
		all := &report.Results[i]
		all.Unit = s.Name
		for _, p := range parts {
			all.add(&p[i])
		}
	}
	return report, cause
}

func (r *Result) add(o *Result) {
	r.Times.Merge(&o.Times)
	r.Bytes += o.Bytes
	r.Errors += o.Errors
	if r.FirstFail == nil {
		r.FirstFail = o.FirstFail
	}
}

// running is a run under way.
type running struct {
	driver  *Driver
	mix     []Share
	options Options
	weight  int
	until   time.Time
	stop    context.CancelCauseFunc

	taken, done, failed atomic.Int64
	left                int64 // of Units at the start
}

// watch reports progress until ctx ends.
func (r *running) watch(ctx context.Context, start time.Time) <-chan struct{} {
	ended := make(chan struct{})
	if r.options.Progress == nil {
		close(ended)
		return ended
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.options.Progress(r.done.Load(), time.Since(start))
			case <-ctx.Done():
				return
			}
		}
	}()
	return ended
}

func (r *running) client(ctx context.Context, id uint64) []Result {
	w := r.driver.worker(id)
	defer w.Close()
	out := make([]Result, len(r.mix))
	for r.more(ctx) {
		i := r.pick(w)
		start := time.Now()
		n, err := r.mix[i].Do(ctx, w)
		took := time.Since(start)
		switch {
		case ctx.Err() != nil:
			return out
		case err != nil:
			out[i].Errors++
			if out[i].FirstFail == nil {
				out[i].FirstFail = err
			}
			if r.failed.Add(1) >= maxFailures && r.done.Load() == 0 {
				r.stop(errors.Join(errFailing, err))
			}
		default:
			out[i].Times.Add(took)
			out[i].Bytes += n
			r.done.Add(1)
		}
	}
	return out
}

func (r *running) more(ctx context.Context) bool {
	if ctx.Err() != nil || !r.until.IsZero() && time.Now().After(r.until) {
		return false
	}
	return r.left == 0 || r.taken.Add(1) <= r.left
}

func (r *running) pick(w *Worker) int {
	if len(r.mix) == 1 {
		return 0
	}
	n := w.Rand.IntN(r.weight)
	for i, s := range r.mix {
		if n -= s.Weight; n < 0 {
			return i
		}
	}
	return 0
}
