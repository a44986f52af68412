package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"slipway/metadata"
	"slipway/metadata/internal/group"
	"slipway/metadata/internal/sqlstore"
)

const (
	// mostUpdates bounds the updates of one group, and so how long the first update waits for the last.
	mostUpdates = 64
	// patience is how long a group waits for a server that does not answer, such as one that a standby replaces.
	patience   = 30 * time.Second
	firstPause = 50 * time.Millisecond
	mostPause  = time.Second

	keptBatches = 10_000 // rows of batch, and those of the last hour
	trimEvery   = 1_000  // groups
)

// Statements around the transactions of groups.
const (
	beginWrite = `BEGIN ISOLATION LEVEL READ COMMITTED`
	takeTurn   = `SELECT id FROM turn WHERE id = 1 FOR UPDATE`
	// readState returns the last group, and before it those that this process may not know: the newest first, see newBatches.
	readState = `SELECT b.gen, b.parts, b.writer, b.at, b.size, b.ids, b.edge, b.last_id, ` + microsClock + `, (SELECT COUNT(*) FROM member WHERE boot = $1)
		FROM batch b WHERE b.gen >= $2 ORDER BY b.gen DESC LIMIT CAST($3 AS BIGINT)`
	addBatch = `INSERT INTO batch (gen, writer, at, size, ids, edge, last_id, parts, entries) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	trim     = `DELETE FROM batch WHERE gen < $1 AND at < $2`

	savepoint  = `SAVEPOINT one`
	release    = `RELEASE one`
	rollbackTo = `ROLLBACK TO one`
	rollback   = `ROLLBACK`
)

// writer is the connection that writes: a group.Backend. A group has the turn from its first statement to its end; each update
// runs in a savepoint.
type writer struct {
	*group.Writer
	store *Store

	session *session // nil: to be opened again
	log     sqlstore.Sequencer
	gen     int64     // of the last batch
	id      []byte    // of this group: batch.writer, which begins as Store.boot does
	touched touched   // by this group
	notices []string  // that came with the running commit
	began   time.Time // when the state came, by this process's clock
	at      time.Time // then, by the database's
}

func newWriter(s *Store) *writer {
	w := &writer{store: s}
	w.Writer = group.New(w, group.Options{Most: mostUpdates, Idle: time.Hour})
	return w
}

// connect opens the connection; it tries until ctx ends.
func (w *writer) connect(ctx context.Context) error {
	c, err := w.store.target.connection(true)
	if err != nil {
		return err
	}
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { w.notices = append(w.notices, n.Message) }
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		conn, err := pgx.ConnectConfig(ctx, c)
		if err == nil {
			w.session = &session{conn: conn}
			return nil
		}
		if !worthWaiting(err) {
			return classify(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", metadata.ErrUnavailable, err)
		case <-time.After(pause):
		}
	}
}

// worthWaiting reports whether a server may let us connect later.
func worthWaiting(err error) bool {
	c := code(err)
	return c == codeConnections || lost(err) && c != codeReadOnly || c == codeReadOnly
}

// close ends the connection.
func (w *writer) close() {
	if w.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	_ = w.session.conn.Close(ctx) // nothing is under way
	w.session = nil
}

// Begin implements group.Backend. It waits for the turn, and goes on from the state that the last group of any process left.
func (w *writer) Begin(*group.Group) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := w.begin(ctx)
		if err == nil {
			return nil
		}
		w.Rollback()
		if errors.Is(err, errNoMember) {
			if err = w.store.member.reenter(ctx); err == nil {
				continue
			}
		}
		if !again(err) {
			return classify(err)
		}
		select {
		case <-ctx.Done():
			return classify(err)
		case <-time.After(pause):
		}
	}
}

func (w *writer) begin(ctx context.Context) error {
	if w.session == nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	last, now, err := w.resume()
	if err != nil {
		return err
	}
	w.store.unsettled.Store(false) // having the turn proves that the last transaction has ended
	w.began, w.at = time.Now(), time.UnixMicro(now)
	w.store.clock.follow(time.UnixMicro(last))
	w.id, w.touched = append(slices.Clone(w.store.boot[:bootBytes]), make([]byte, 8)...), touched{}
	_, _ = rand.Read(w.id[bootBytes:]) // never fails
	return nil
}

// resume takes the turn and the state that the last group left. It returns that group's time and the present, in microseconds.
func (w *writer) resume() (last, now int64, err error) {
	s := w.session
	s.later(beginWrite)
	s.later(takeTurn)
	var state sqlstore.State
	var ours int64
	var found []batch
	err = sqlstore.Query(context.Background(), s, readState, []any{w.store.boot, int64(w.store.generations.Now()), int64(mostMissed)}, //nolint:gosec // a generation is a BIGINT
		func(r sqlstore.Row) error {
			var g batch
			at, of, current := last, state, ours
			err := r.Scan(&g.gen, &g.parts, &g.writer, &at, &of.Size, &of.Rows, &of.Edge, &of.Last, &now, &current)
			if len(found) == 0 {
				w.gen, last, state, ours = g.gen, at, of, current
			}
			found = append(found, g)
			return err
		})
	switch {
	case err != nil:
		return 0, 0, err
	case len(found) == 0:
		return 0, 0, errors.New("metadata: table batch is empty: the database was changed by others")
	case ours == 0:
		return 0, 0, errNoMember
	}
	w.store.learn(found)
	return last, now, w.log.Resume(state)
}

// now is the time of an update: the database's when the group began, and what has passed since.
func (w *writer) now() time.Time {
	if w.store.cfg.now == nil {
		w.store.clock.follow(w.at.Add(time.Since(w.began)))
		return time.UnixMicro(w.store.clock.last.Load()).UTC()
	}
	return w.store.clock.advance()
}

// Run implements group.Backend.
func (w *writer) Run(g *group.Group, u *group.Update) (whole bool) {
	s := w.session
	s.later(savepoint)
	ran := s.ran
	g.Now = w.now()
	mark := w.log.Mark()
	tx := sqlstore.NewUpdate(s, &w.store.dialect, g.Now, &w.log)
	if !g.Single {
		tx.Defer(s)
		tx.Expect(s, u.Hints)
	}
	u.Call(tx)
	failed := tx.Failed()
	if failed != nil && u.Err == nil {
		u.Err = failed // a database error fails the update even if fn ignored it: the update is not whole
	}
	idle := s.ran == ran // no statement ran, so not even the savepoint was sent
	if u.Err == nil {
		if idle {
			s.waiting = s.waiting[:len(s.waiting)-1]
		} else {
			s.later(release)
		}
		g.Wrote = g.Wrote || tx.Wrote()
		g.Notify = g.Notify || tx.Notified()
		w.touched.add(tx)
		return true
	}
	g.Failed++
	w.log.Rewind(mark)
	if idle {
		s.waiting = s.waiting[:len(s.waiting)-1]
		return true
	}
	if failed != nil && (again(failed) || errors.Is(failed, sqlstore.ErrDeferred)) || s.conn.IsClosed() {
		u.Again = true
		return false
	}
	// What waits is sent first: fn may have failed for what a statement did not do.
	s.later(rollbackTo)
	if err := s.Verb(release); err != nil {
		u.Again = again(err) || errors.Is(err, sqlstore.ErrDeferred)
		return false
	}
	return true
}

// Rollback implements group.Backend.
func (w *writer) Rollback() {
	s := w.session
	w.log.Forget()
	if s == nil {
		return
	}
	s.forget()
	if !s.conn.IsClosed() && s.conn.PgConn().TxStatus() != 'I' {
		_ = s.Do(rollback) // the next look tells
	}
	if s.conn.IsClosed() || s.conn.PgConn().TxStatus() != 'I' {
		w.close()
	}
}

// Committed implements group.Backend.
func (w *writer) Committed(g *group.Group, err error) {
	if err == nil && g.Wrote {
		w.store.generations.apply(uint64(w.gen), w.touched, true) //nolint:gosec // positive
	}
	if err == nil && (g.Entries > 0 || g.Notify) {
		w.store.news.Wake()
	}
}

// Answered implements group.Backend.
func (w *writer) Answered(g *group.Group, err error) {
	w.store.cfg.observe(metadata.Batch{
		Failed: g.Failed, Queued: w.Queued(), Run: time.Since(g.Start) - g.Commit, Commit: g.Commit, Err: err, Updates: g.Updates, Entries: g.Entries,
	})
}

// Rest implements group.Backend.
func (w *writer) Rest() {}

// Idle implements group.Backend.
func (w *writer) Idle() (again bool) { return false }
