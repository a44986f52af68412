package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

const (
	// defaultBatch bounds the updates of one group, and with it how long the first waits for the last.
	defaultBatch = 256
	queueLength  = 1024
	idleAfter    = time.Second
)

// writer commits updates in groups: it takes those that wait, runs each in a savepoint, commits once, and answers all.
// One flush of the disk serves many.
//
// A group whose transaction SQLite has rolled back as a whole (no space, I/O error) because of one update is run again,
// each update in a transaction of its own. Nobody is answered before the COMMIT, also not those that failed alone: what
// made them fail may have been written by a neighbour, and is true only then.
type writer struct {
	store   *Store
	session *sqlstore.Session // nil: to be opened again
	log     sqlstore.Sequencer
	wal     walKeeper
	queue   chan *request
	ran     chan outcome // of the one update that has the transaction
	quit    chan struct{}
	ended   chan struct{}
}

// request is one update. Its caller runs fn when the writer lends the transaction.
type request struct {
	turn    chan *sqlstore.Tx
	done    chan error
	claimed atomic.Bool // by the writer, or by a caller that gave up waiting
	err     error       // of its last run
}

type outcome struct {
	err    error
	exited bool // fn panicked or ended its goroutine: nobody waits for an answer
}

func newWriter(s *Store) *writer {
	w := &writer{
		store: s, queue: make(chan *request, queueLength), ran: make(chan outcome, 1),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	w.wal = walKeeper{writer: w, path: s.path + "-wal", limits: s.cfg.wal}
	return w
}

// open opens the connection.
func (w *writer) open(ctx context.Context) error {
	conn, err := w.store.writeDB.Conn(ctx)
	if err != nil {
		return classify(err)
	}
	var mode string
	if err := conn.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
		_ = conn.Close() // the error that counts is err
		if err == nil {
			err = fmt.Errorf("metadata: the file system allows only journal mode %q, not WAL", mode)
		}
		return classify(err)
	}
	w.session = sqlstore.NewSession(conn)
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

// update is Store.Update on the caller's side.
func (w *writer) update(ctx context.Context, fn func(metadata.Tx) error) error {
	r := &request{turn: make(chan *sqlstore.Tx, 1), done: make(chan error, 1)}
	select {
	case w.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	gone := ctx.Done()
	for {
		select {
		case tx := <-r.turn:
			w.lend(tx, fn)
		case err := <-r.done:
			return err
		case <-gone:
			if r.claimed.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			gone = nil // it is running
		}
	}
}

// lend runs fn. A panic passes through, after the writer was told.
func (w *writer) lend(tx *sqlstore.Tx, fn func(metadata.Tx) error) {
	out := outcome{exited: true}
	defer func() {
		tx.End()
		w.ran <- out
	}()
	out.err = fn(tx)
	out.exited = false
}

func (w *writer) loop() {
	defer close(w.ended)
	idle := time.NewTimer(w.store.cfg.idle)
	for {
		select {
		case r := <-w.queue:
			w.group(r)
			w.wal.check()
			idle.Reset(w.store.cfg.idle)
		case <-idle.C:
			if w.idle() {
				idle.Reset(w.store.cfg.idle)
			}
		case <-w.quit:
			return
		}
	}
}

// idle tidies up when no update has come for a while. true: it must be tried again.
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
	now     time.Time
	start   time.Time
	members []*request
	failed  int
	entries int
	wrote   bool
	commit  time.Duration
}

// group runs the updates that wait, and those that come while it runs.
func (w *writer) group(first *request) {
	g := &group{start: time.Now()}
	if err := w.begin(g); err != nil {
		// Whatever the reason is, those who wait already would meet it too, after another wait.
		for r := first; r != nil; r = w.next(g) {
			g.claim(r)
		}
		w.answer(g, err)
		return
	}
	for r := first; r != nil; r = w.next(g) {
		if g.claim(r) && !w.run(g, r) {
			w.alone(g)
			return
		}
	}
	w.answer(g, w.commit(g))
}

// claim makes r a member unless its caller has gone.
func (g *group) claim(r *request) bool {
	if !r.claimed.CompareAndSwap(false, true) {
		return false
	}
	g.members = append(g.members, r)
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

// alone runs the members of a group whose transaction was lost, each by itself.
func (w *writer) alone(lost *group) {
	w.rollback()
	if len(lost.members) == 1 {
		w.answer(lost, nil)
		return
	}
	for _, r := range lost.members {
		if r == nil {
			continue
		}
		g := &group{start: time.Now(), members: []*request{r}}
		err := w.begin(g)
		if err == nil {
			if !w.run(g, r) {
				w.rollback()
			} else {
				err = w.commit(g)
			}
		}
		w.answer(g, err)
	}
}

func (w *writer) begin(g *group) error {
	if w.session == nil {
		if err := w.open(context.Background()); err != nil {
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
	// All updates of a group have one time: it is not before any of them was asked for, and they become visible
	// together. It is known to readers before they are.
	g.now = w.store.now()
	w.store.last.Store(g.now.UnixMicro())
	return nil
}

// run lends the transaction to one update, in a savepoint. false: the transaction as a whole is lost.
func (w *writer) run(g *group, r *request) bool {
	if err := w.session.Verb(savepoint); err != nil {
		r.err = classify(err)
		return false
	}
	mark := w.log.Mark()
	tx := sqlstore.NewUpdate(w.session, &w.store.dialect, g.now, &w.log)
	r.turn <- tx
	out := <-w.ran
	r.err = out.err
	if out.exited {
		g.members[len(g.members)-1] = nil
		r.err = errors.New("metadata: update ended in a panic")
	}
	// What the update made of a database error does not matter: after one it is not whole.
	if err := tx.Failed(); err != nil && r.err == nil {
		r.err = err
	}
	if r.err == nil {
		if err := w.session.Verb(release); err != nil {
			r.err = classify(err)
			return false
		}
		g.wrote = g.wrote || tx.Wrote()
		return true
	}
	g.failed++
	w.log.Rewind(mark)
	if !inTransaction(w.session) {
		return false
	}
	return w.session.Do(rollbackTo) == nil && w.session.Do(release) == nil
}

// commit ends the transaction; after an error nothing of it is in the database.
func (w *writer) commit(g *group) error {
	if !g.wrote {
		// Not COMMIT: what was rolled back to the savepoint may have left pages that it would write and flush.
		if w.session.Do(rollback) != nil {
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

// rollback leaves no transaction behind. What it may have left elsewhere is read again.
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

// answer tells the members: err is the group's, else each has its own.
func (w *writer) answer(g *group, err error) {
	b := Batch{
		Failed: g.failed, Queued: len(w.queue), Run: time.Since(g.start) - g.commit, Commit: g.commit, Err: err,
		Updates: len(g.members), Entries: g.entries,
	}
	w.store.generation.Add(1)
	for _, r := range g.members {
		switch {
		case r == nil:
		case err != nil:
			r.done <- err
		default:
			r.done <- r.err
		}
	}
	b.WALBytes = w.wal.size()
	w.store.cfg.observe(b)
}
