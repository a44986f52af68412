// Package group runs the updates of a store in groups: one transaction of the database, and one commit, serves all updates
// that wait.
package group

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// QueueLength is how many updates can wait.
const QueueLength = 1024

// Backend is the one connection through which a Writer writes. Its methods are called by one goroutine at a time.
type Backend interface {
	// Begin begins a transaction.
	Begin(g *Group) error
	// Run runs one update inside the transaction, by Update.Call, and sets its Err. false: the transaction as a whole is lost.
	Run(g *Group, u *Update) (whole bool)
	// Commit makes the transaction durable. After an error nothing of it is in the database; ErrAgain: through no fault of its updates.
	Commit(g *Group) error
	// Rollback leaves no transaction behind.
	Rollback()
	// Committed follows Commit, before callers are answered; after an error it is unknown whether the group was written.
	Committed(g *Group, err error)
	// Answered follows the answers.
	Answered(g *Group, err error)
	// Rest follows a group; Idle a time without one. again: call it again later.
	Rest()
	Idle() (again bool)
}

// ErrAgain is the error of a commit whose updates are to be run again.
var ErrAgain = errors.New("metadata: the group is to be run again")

// patience bounds how long an update is run again because of ErrAgain or Update.Again.
const patience = 30 * time.Second

// Writer commits updates in groups. A caller that finds no leader becomes the leader: it takes the waiting updates, runs
// each on its own goroutine, commits once, and answers all callers. One flush of the disk serves many updates, and a single
// caller waits for no other goroutine.
//
// A group whose transaction is lost as a whole (no space, I/O error, a lost connection) is run again, each update in a
// transaction of its own. No caller is answered before the commit, not even one whose update failed alone: the row that made
// it fail may have been written by another update of the group, which counts only after the commit.
//
// storage/local/packs commits in groups as well, by other rules, so the two share only the driver session: its batches
// succeed or fail as a whole, run on a goroutine of their own, are bounded by bytes, and its callers cannot give up waiting,
// because the batch reads their buffers. Savepoints, panics, cancelled callers and the baton are needed here alone.
type Writer struct {
	backend Backend
	options Options
	queue   chan *Update
	baton   chan struct{} // full while a goroutine leads or tidies up; the next field belongs to that goroutine
	waiting []*Update     // claimed, and not answered yet

	groups atomic.Uint64 // that were run
	used   chan struct{} // full after a group
	quit   chan struct{}
	ended  chan struct{}
}

// Options of a writer.
type Options struct {
	Most int           // updates of a group
	Idle time.Duration // without a group before Backend.Idle is called
}

// Update is one update.
type Update struct {
	Hints []metadata.Hint // of its caller

	fn      func(metadata.Tx) error
	done    chan struct{} // full when the caller may read the other fields
	claimed atomic.Bool   // taken by the leader, or by a caller that gave up waiting
	ran     ending
	panic   *panicked

	Err   error // of its last run
	Again bool  // its last run failed through no fault of its own, so it is to be run again
}

// ending is how the last run of an update ended.
type ending int

const (
	returned ending = iota
	panics
	exits // fn ended its goroutine, as a test that fails does
)

// panicked is a panic of an update, thrown again in the goroutine of the update's own caller.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// New returns a writer, which Start starts.
func New(b Backend, o Options) *Writer {
	return &Writer{
		backend: b, options: o, queue: make(chan *Update, QueueLength), baton: make(chan struct{}, 1),
		used: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
}

// Start begins to look for idle times.
func (w *Writer) Start() { go w.tidy() }

// Queued is the number of updates that wait for the next group.
func (w *Writer) Queued() int { return len(w.queue) }

// Update is metadata.Store.Update.
func (w *Writer) Update(ctx context.Context, fn func(metadata.Tx) error, hints ...metadata.Hint) error {
	r := &Update{Hints: hints, fn: fn, done: make(chan struct{}, 1)}
	// When another caller's update ends this goroutine, which leads the group, no caller waits for this goroutine's own
	// update any more.
	defer r.claimed.CompareAndSwap(false, true)
	if err := w.enqueue(ctx, r); err != nil {
		return err
	}
	gone := ctx.Done()
	for {
		select {
		case <-r.done:
			return r.result()
		default:
		}
		select {
		case <-r.done:
			return r.result()
		case w.baton <- struct{}{}:
			w.lead()
		case <-gone:
			if r.claimed.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			gone = nil // it is running
		}
	}
}

// enqueue waits for room in the queue. A caller that finds the queue full and no leader makes room by leading: all callers
// in the queue may have given up.
func (w *Writer) enqueue(ctx context.Context, r *Update) error {
	for {
		select {
		case w.queue <- r:
			return nil
		default:
		}
		select {
		case w.queue <- r:
			return nil
		case w.baton <- struct{}{}:
			w.lead()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// result returns, panics or exits as the update's fn did.
func (u *Update) result() error {
	switch u.ran {
	case panics:
		panic(u.panic)
	case exits:
		runtime.Goexit()
	}
	return u.Err
}

// Call runs fn on this goroutine, which may be another caller's. A panic or exit of fn is recorded for fn's own caller.
func (u *Update) Call(tx *sqlstore.Tx) {
	u.ran, u.panic, u.Again = exits, nil, false
	u.Err = errors.New("metadata: update did not return")
	defer func() {
		tx.End()
		if u.ran == returned {
			return
		}
		if v := recover(); v != nil {
			u.ran, u.panic = panics, &panicked{v, debug.Stack()}
		}
	}()
	u.Err = u.fn(tx)
	u.ran = returned
}

// lead runs one group, if any update waits, and lets the next caller lead.
func (w *Writer) lead() {
	select {
	case first := <-w.queue:
		w.carry(func() { w.group(first) })
	default:
		<-w.baton
	}
}

// carry does work and passes the baton on. When an update ends the goroutine, another goroutine goes on with the rest.
func (w *Writer) carry(work func()) {
	whole := false
	defer func() {
		if !whole {
			go w.carry(w.alone)
			return
		}
		w.backend.Rest()
		w.groups.Add(1)
		select {
		case w.used <- struct{}{}:
		default:
		}
		<-w.baton
	}()
	work()
	whole = true
}

// tidy tidies up when no update has come for a while.
func (w *Writer) tidy() {
	defer close(w.ended)
	wait := time.NewTimer(w.options.Idle)
	for {
		before := w.groups.Load()
		select {
		case <-wait.C:
		case <-w.quit:
			return
		}
		if w.groups.Load() == before && !w.idleNow() {
			select {
			case <-w.used:
			case <-w.quit:
				return
			}
		}
		wait.Reset(w.options.Idle)
	}
}

func (w *Writer) idleNow() (again bool) {
	w.baton <- struct{}{}
	defer func() { <-w.baton }()
	select {
	case <-w.used:
	default:
	}
	return w.backend.Idle()
}

// Stop ends what Start began. It is called when no update runs or waits.
func (w *Writer) Stop() {
	close(w.quit)
	<-w.ended
}
