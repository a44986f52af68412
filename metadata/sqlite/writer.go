package sqlite

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

// group is what one transaction does.
type group struct {
	now     time.Time // of the update that ran last
	start   time.Time
	members []*request
	failed  int
	entries int
	wrote   bool
	notify  bool // an update called Notify
	commit  time.Duration
}

// group runs the updates that wait, and those that come while it runs.
func (w *writer) group(first *request) {
	g := &group{start: time.Now()}
	if err := w.begin(g); err != nil {
		// All waiting updates get this error: they would meet it too, after another wait.
		for r := first; r != nil; r = w.next(g) {
			w.claim(g, r)
		}
		w.answer(g, err)
		return
	}
	for r := first; r != nil; r = w.next(g) {
		if w.claim(g, r) && !w.run(g, r) {
			w.alone()
			return
		}
	}
	w.answer(g, w.commit(g))
}

// claim makes r a member unless its caller has gone.
func (w *writer) claim(g *group, r *request) bool {
	if !r.claimed.CompareAndSwap(false, true) {
		return false
	}
	g.members = append(g.members, r)
	w.waiting = g.members
	return true
}

func (w *writer) next(g *group) *request {
	if len(g.members) >= w.store.cfg.maxBatch {
		return nil
	}
	select {
	case r := <-w.queue:
		return r
	default:
		return nil
	}
}

// alone runs the unanswered updates of a group whose transaction or leader was lost, each in a transaction of its own. An
// update that was alone already, or did not return, is not run again.
func (w *writer) alone() {
	w.rollback()
	again := len(w.waiting) > 1
	for len(w.waiting) > 0 {
		r := w.waiting[0]
		g := &group{start: time.Now(), members: w.waiting[:1]}
		var err error
		if again && r.ran == returned {
			if err = w.begin(g); err == nil {
				if !w.run(g, r) {
					w.rollback()
				} else {
					err = w.commit(g)
				}
			}
		}
		rest := w.waiting[1:]
		w.answer(g, err)
		w.waiting = rest
	}
}

func (w *writer) begin(g *group) error {
	if w.session == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	if err := w.session.Verb(beginWrite); err != nil {
		return classify(err)
	}
	if !w.log.Loaded() {
		if err := w.load(); err != nil {
			w.rollback()
			return classify(err)
		}
	}
	return nil
}

// run runs one update, in a savepoint unless it is the first to write. false: the transaction as a whole is lost.
func (w *writer) run(g *group, r *request) bool {
	nested := g.wrote
	if nested {
		if err := w.session.Verb(savepoint); err != nil {
			r.err = classify(err)
			return false
		}
	}
	// The time of an update is not before the call of Update, though its group may be older, and readers know it before the
	// update is visible: code that compares it with a clock of this process relies on that.
	g.now = w.store.now()
	w.store.last.Store(g.now.UnixMicro())
	mark := w.log.Mark()
	tx := sqlstore.NewUpdate(w.session, &w.store.dialect, g.now, &w.log)
	r.call(tx)
	// A database error fails the update even if fn ignored it: the update is not whole.
	failed := tx.Failed()
	if failed != nil && r.err == nil {
		r.err = failed
	}
	if r.err == nil {
		if nested {
			if err := w.session.Verb(release); err != nil {
				r.err = classify(err)
				return false
			}
		}
		g.wrote = g.wrote || tx.Wrote()
		g.notify = g.notify || tx.Notified()
		w.store.generations.touch(tx)
		return true
	}
	g.failed++
	w.log.Rewind(mark)
	switch {
	case !inTransaction(w.session):
		return false
	case nested:
		return w.session.Verb(rollbackTo) == nil && w.session.Verb(release) == nil
	case tx.Wrote() || failed != nil:
		return w.session.Verb(rollback) == nil && w.session.Verb(beginWrite) == nil
	}
	return true
}

// call runs fn on this goroutine, which may be another caller's. A panic or exit of fn is recorded for fn's own caller.
func (r *request) call(tx *sqlstore.Tx) {
	r.ran, r.panic = exits, nil
	r.err = errors.New("metadata: update did not return")
	defer func() {
		tx.End()
		if r.ran == returned {
			return
		}
		if v := recover(); v != nil {
			r.ran, r.panic = panics, &panicked{v, debug.Stack()}
		}
	}()
	r.err = r.fn(tx)
	r.ran = returned
}

// commit ends the transaction; after an error nothing of it is in the database.
func (w *writer) commit(g *group) error {
	if !g.wrote {
		// Not COMMIT: updates rolled back to their savepoints may have left pages that COMMIT would write and flush.
		if w.session.Verb(rollback) != nil {
			w.rollback()
		}
		return nil
	}
	err := w.log.Flush(w.session)
	if err == nil && w.log.Mark() == 0 {
		err = sqlstore.SetClock(w.session, g.now)
	}
	if err == nil {
		start := time.Now()
		err = w.session.Verb(commit)
		g.commit = time.Since(start)
	}
	if err != nil {
		w.rollback()
		return classify(err)
	}
	g.entries = w.log.Settle()
	return nil
}

// rollback leaves no transaction behind. State in memory is read again.
func (w *writer) rollback() {
	if inTransaction(w.session) {
		_ = w.session.Do(rollback) // the next look tells
	}
	if inTransaction(w.session) {
		_ = w.session.Close()
		w.session = nil
	}
	w.log.Forget()
}

// answer wakes the callers of a group: with err when it is not nil, else each with its own result.
func (w *writer) answer(g *group, err error) {
	b := Batch{
		Failed: g.failed, Queued: len(w.queue), Run: time.Since(g.start) - g.commit, Commit: g.commit, Err: err,
		Updates: len(g.members), Entries: g.entries,
	}
	w.store.generations.advance(err)
	if err == nil && (g.entries > 0 || g.notify) {
		w.store.news.Wake()
	}
	w.waiting = nil
	for _, r := range g.members {
		if err != nil {
			r.err = err
		}
		r.done <- struct{}{}
	}
	b.WALBytes = w.wal.size()
	w.store.cfg.observe(b)
}
