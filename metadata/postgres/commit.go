package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"slipway/metadata"
	"slipway/metadata/internal/group"
	"slipway/metadata/internal/sqlstore"
)

// Commit implements group.Backend. The row of table batch comes before COMMIT, which is alone: only its own answer says that the
// group is durable. Without an answer, the row tells.
func (w *writer) Commit(g *group.Group) error {
	s := w.session
	if !g.Wrote {
		s.forget()
		if err := s.Do(rollback); err != nil {
			w.Rollback() // nothing was written
		}
		return nil
	}
	if err := w.finish(g); err != nil {
		w.Rollback()
		if again(err) || !g.Single && errors.Is(err, sqlstore.ErrDeferred) {
			return fmt.Errorf("%w: %w", group.ErrAgain, classify(err))
		}
		return classify(err)
	}
	start := time.Now()
	err := w.end()
	if err != nil && !errors.Is(err, metadata.ErrUnreplicated) {
		err = w.resolve(err)
	}
	g.Commit = time.Since(start)
	if err != nil {
		w.store.unsettled.Store(!errors.Is(err, group.ErrAgain))
		return err
	}
	g.Entries = w.log.Settle()
	return nil
}

// finish writes what belongs to the group as a whole.
func (w *writer) finish(g *group.Group) error {
	s := deferring{w.session}
	if err := w.log.Flush(s); err != nil {
		return err
	}
	state := w.log.State()
	if w.gen%trimEvery == 0 {
		if _, err := s.Exec(trim, []any{w.gen - keptBatches, g.Now.Add(-time.Hour).UnixMicro()}); err != nil {
			return err
		}
	}
	w.gen++
	if w.store.listener != nil && (w.log.Mark() > 0 || g.Notify) {
		s.later(`NOTIFY ` + w.store.listener.channel)
	}
	if err := s.Defer(addBatch, []any{w.gen, w.id, w.store.clock.last.Load(), state.Size, state.Rows, state.Edge, state.Last, w.touched.pack(), int64(w.log.Mark())}, true); err != nil {
		return err
	}
	return s.flush()
}

// end sends COMMIT. It takes no context: one that ends would ask the server to cancel, and then a commit may be visible and not
// replicated.
func (w *writer) end() error {
	w.notices = w.notices[:0]
	w.session.trips++
	tag, err := w.session.conn.Exec(context.Background(), commit, pgx.QueryExecModeSimpleProtocol)
	for _, n := range w.notices {
		if strings.Contains(n, unreplicatedMessage) {
			return metadata.ErrUnreplicated
		}
	}
	if err == nil && tag.String() != commit {
		err = fmt.Errorf("metadata: COMMIT was answered by %q", tag)
	}
	return err
}

// resolve finds out whether the group is committed whose COMMIT got no good answer. Having the turn proves that its transaction has
// ended. That the row is there does not prove that a standby has it: a later commit does, as a standby that has the later one
// has the earlier. nil: it is committed; ErrAgain: nothing of it is there; ErrUnavailable: that is open.
func (w *writer) resolve(cause error) error {
	id, pending := w.id, w.log
	open := fmt.Errorf("%w: whether the change was made is not known: %w", metadata.ErrUnavailable, cause)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		w.Rollback()
		found, err := w.look(ctx, id)
		switch {
		case err == nil && found:
			w.log = pending
			return nil
		case err == nil:
			return fmt.Errorf("%w: %w", group.ErrAgain, classify(cause))
		case errors.Is(err, metadata.ErrUnreplicated), errors.Is(err, metadata.ErrInUse):
			return errors.Join(open, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(open, err)
		case <-time.After(pause):
		}
	}
}

// look reports whether the group of a writer is in the database, and if so, commits a row behind it.
func (w *writer) look(ctx context.Context, id []byte) (found bool, err error) {
	if err := w.begin(ctx); err != nil {
		return false, err
	}
	if err := sqlstore.Query(context.Background(), w.session, `SELECT 1 FROM batch WHERE writer = $1 AND gen > $2`, []any{id, w.gen - keptBatches},
		func(sqlstore.Row) error { found = true; return nil }); err != nil || !found {
		if err == nil {
			err = w.session.Do(rollback)
		}
		return false, err
	}
	if err := w.finish(&group.Group{Now: w.at}); err != nil {
		return false, err
	}
	return true, w.end()
}
