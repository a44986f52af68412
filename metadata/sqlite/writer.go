package sqlite

import (
	"fmt"
	"time"

	"slipway/metadata/internal/group"
	"slipway/metadata/internal/sqlstore"
)

const (
	// defaultBatch bounds the updates of one group, and so how long the first update waits for the last.
	defaultBatch = 256
	idleAfter    = time.Second
)

// writer is the connection that writes: a group.Backend. Each update runs in a savepoint.
type writer struct {
	*group.Writer
	store *Store

	session *session // nil: to be opened again
	log     sqlstore.Sequencer
	wal     walKeeper
}

func newWriter(s *Store) *writer {
	w := &writer{store: s}
	w.Writer = group.New(w, group.Options{Most: s.cfg.maxBatch, Idle: s.cfg.idle})
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

// Begin implements group.Backend.
func (w *writer) Begin(*group.Group) error {
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
			w.Rollback()
			return classify(err)
		}
	}
	return nil
}

// Run implements group.Backend. The update is in a savepoint unless it is the first to write.
func (w *writer) Run(g *group.Group, u *group.Update) (whole bool) {
	nested := g.Wrote
	if nested {
		if err := w.session.Verb(savepoint); err != nil {
			u.Err = classify(err)
			return false
		}
	}
	// The time of an update is not before the call of Update, though its group may be older, and readers know it before the
	// update is visible: code that compares it with a clock of this process relies on that.
	g.Now = w.store.now()
	w.store.last.Store(g.Now.UnixMicro())
	mark := w.log.Mark()
	tx := sqlstore.NewUpdate(w.session, &w.store.dialect, g.Now, &w.log)
	u.Call(tx)
	// A database error fails the update even if fn ignored it: the update is not whole.
	failed := tx.Failed()
	if failed != nil && u.Err == nil {
		u.Err = failed
	}
	if u.Err == nil {
		if nested {
			if err := w.session.Verb(release); err != nil {
				u.Err = classify(err)
				return false
			}
		}
		g.Wrote = g.Wrote || tx.Wrote()
		g.Notify = g.Notify || tx.Notified()
		w.store.generations.Touch(tx)
		return true
	}
	g.Failed++
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

// Commit implements group.Backend.
func (w *writer) Commit(g *group.Group) error {
	if !g.Wrote {
		// Not COMMIT: updates rolled back to their savepoints may have left pages that COMMIT would write and flush.
		if w.session.Verb(rollback) != nil {
			w.Rollback()
		}
		return nil
	}
	err := w.log.Flush(w.session)
	if err == nil && w.log.Mark() == 0 {
		err = sqlstore.SetClock(w.session, g.Now)
	}
	if err == nil {
		start := time.Now()
		err = w.session.Verb(commit)
		g.Commit = time.Since(start)
	}
	if err != nil {
		w.Rollback()
		return classify(err)
	}
	g.Entries = w.log.Settle()
	return nil
}

// Rollback implements group.Backend. State in memory is read again.
func (w *writer) Rollback() {
	if inTransaction(w.session) {
		_ = w.session.Do(rollback) // the next look tells
	}
	if inTransaction(w.session) {
		_ = w.session.Close()
		w.session = nil
	}
	w.log.Forget()
}

// Committed implements group.Backend.
func (w *writer) Committed(g *group.Group, err error) {
	w.store.generations.Advance(err)
	if err == nil && (g.Entries > 0 || g.Notify) {
		w.store.news.Wake()
	}
}

// Answered implements group.Backend.
func (w *writer) Answered(g *group.Group, err error) {
	w.store.cfg.observe(Batch{
		Failed: g.Failed, Queued: w.Queued(), Run: time.Since(g.Start) - g.Commit, Commit: g.Commit, Err: err,
		Updates: g.Updates, Entries: g.Entries, WALBytes: w.wal.size(),
	})
}

// Rest implements group.Backend.
func (w *writer) Rest() { w.wal.check() }

// Idle implements group.Backend: it frees what only updates need.
func (w *writer) Idle() (again bool) {
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
