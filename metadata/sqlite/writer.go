package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

const (
	// defaultBatch bounds the updates of one group, and so how long the first update waits for the last.
	defaultBatch = 256
	queueLength  = 1024
	idleAfter    = time.Second
)

// writer commits updates in groups. A caller that finds no leader becomes the leader: it takes the waiting updates, runs
// each in a savepoint on its own goroutine, commits once, and answers all callers. One flush of the disk serves many
// updates, and a single caller waits for no other goroutine.
//
// A group whose transaction SQLite has rolled back as a whole (no space, I/O error) because of one update is run again,
// each update in a transaction of its own. No caller is answered before the COMMIT, not even one whose update failed alone:
// the row that made it fail may have been written by another update of the group, which counts only after the COMMIT.
//
// storage/local/packs commits in groups as well, by other rules, so the two share only the driver session: its batches
// succeed or fail as a whole, run on a goroutine of their own, are bounded by bytes, and its callers cannot give up waiting,
// because the batch reads their buffers. Savepoints, panics, cancelled callers and the baton are needed here alone.
type writer struct {
	store *Store
	queue chan *request
	baton chan struct{} // full while a goroutine leads or tidies up; the fields below belong to that goroutine

	session *sqlstore.Session // nil: to be opened again
	log     sqlstore.Sequencer
	wal     walKeeper
	waiting []*request // claimed, and not answered yet

	groups atomic.Uint64 // that were run
	used   chan struct{} // full after a group
	quit   chan struct{}
	ended  chan struct{}
}

// request is one update.
type request struct {
	fn      func(metadata.Tx) error
	done    chan struct{} // full when the caller may read the other fields
	claimed atomic.Bool   // taken by the leader, or by a caller that gave up waiting
	err     error         // of its last run
	ran     ending
	panic   *panicked
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

func newWriter(s *Store) *writer {
	w := &writer{
		store: s, queue: make(chan *request, queueLength), baton: make(chan struct{}, 1),
		used: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	w.wal = walKeeper{writer: w, path: s.path + "-wal", limits: s.cfg.wal, pause: s.cfg.wal.every}
	return w
}

// open opens the connection.
func (w *writer) open() error {
	session, err := connect(w.store.path, writing)
	if err != nil {
		return err
	}
	var mode string
	if err := session.Row(`PRAGMA journal_mode`, &mode); err != nil || mode != "wal" {
		_ = session.Close() // the error that counts is err
		if err == nil {
			err = fmt.Errorf("metadata: the file system allows only journal mode %q, not WAL", mode)
		}
		return classify(err)
	}
	w.session = session
	return nil
}

// load reads where the log ends.
func (w *writer) load() error {
	last, err := w.log.Load(w.session)
	if err != nil {
		return err
	}
	w.store.last.Store(max(w.store.last.Load(), last.UnixMicro()))
	return nil
}

// update is Store.Update.
func (w *writer) update(ctx context.Context, fn func(metadata.Tx) error) error {
	r := &request{fn: fn, done: make(chan struct{}, 1)}
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
func (w *writer) enqueue(ctx context.Context, r *request) error {
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
func (r *request) result() error {
	switch r.ran {
	case panics:
		panic(r.panic)
	case exits:
		runtime.Goexit()
	}
	return r.err
}

// lead runs one group, if any update waits, and lets the next caller lead.
func (w *writer) lead() {
	select {
	case first := <-w.queue:
		w.carry(func() { w.group(first) })
	default:
		<-w.baton
	}
}

// carry does work and passes the baton on. When an update ends the goroutine, another goroutine goes on with the rest.
func (w *writer) carry(work func()) {
	whole := false
	defer func() {
		if !whole {
			go w.carry(w.alone)
			return
		}
		w.wal.check()
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
func (w *writer) tidy() {
	defer close(w.ended)
	wait := time.NewTimer(w.store.cfg.idle)
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
		wait.Reset(w.store.cfg.idle)
	}
}

func (w *writer) idleNow() (again bool) {
	w.baton <- struct{}{}
	defer func() { <-w.baton }()
	select {
	case <-w.used:
	default:
	}
	return w.idle()
}

// idle frees what only updates need. true: call it again later.
func (w *writer) idle() bool {
	if w.wal.idle() {
		return true
	}
	if w.session != nil {
		_ = w.session.Do(shrink) // no harm in not shrinking
	}
	w.store.readers.trim()
	releaseMemory()
	return false
}

// stop is called when no update runs or waits.
func (w *writer) stop() {
	close(w.quit)
	<-w.ended
}
