package sqlite

import (
	"errors"
	"runtime/debug"
	"time"

	"slipway/metadata/internal/sqlstore"
)

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
