package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// newBatches is the query for the groups behind the one that is known, the newest first: by the limit and the order, every plan goes
// through the index. LISTEN is no substitute: it tells later than the writer's caller is answered.
const newBatches = `SELECT gen, parts, writer FROM batch WHERE gen > $1 ORDER BY gen DESC LIMIT CAST($2 AS BIGINT)`

// barrier makes readers wait until what any process acknowledged before they came counts in this process's generations. One look at
// the database is under way at a time; those who come meanwhile wait for the next, which all of them share.
type barrier struct {
	store *Store
	baton chan struct{} // full while a look is under way; session belongs to that goroutine
	mu    sync.Mutex
	next  *look // nil: nobody waits for the next

	session *session     // nil: to be opened
	looks   atomic.Int64 // at the database, for tests
}

// look is one look at the database, for all that wait for it.
type look struct {
	done chan struct{}
	err  error
}

func newBarrier(s *Store) *barrier { return &barrier{store: s, baton: make(chan struct{}, 1)} }

// wait returns after a look that began after the call. The caller that finds none under way looks, for all that wait.
func (b *barrier) wait(ctx context.Context) error {
	b.mu.Lock()
	if b.next == nil {
		b.next = &look{done: make(chan struct{})}
	}
	l := b.next
	b.mu.Unlock()
	for {
		select {
		case <-l.done:
			return l.err
		case b.baton <- struct{}{}:
			b.lead()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lead looks for those that wait.
func (b *barrier) lead() {
	defer func() { <-b.baton }()
	b.mu.Lock()
	l := b.next
	b.next = nil
	b.mu.Unlock()
	if l == nil {
		return
	}
	l.err = b.look()
	close(l.done)
}

// look runs one look. A connection that is lost is opened again once: the server may have ended it long ago.
func (b *barrier) look() error {
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	fresh := b.session == nil
	err := b.ask(ctx)
	if err != nil && !fresh && again(err) && ctx.Err() == nil {
		b.close()
		err = b.ask(ctx)
	}
	if err != nil {
		b.close()
		return fmt.Errorf("%w: %w", metadata.ErrUnavailable, err)
	}
	return nil
}

func (b *barrier) ask(ctx context.Context) error {
	if b.session == nil {
		c, err := b.store.target.connection(false)
		if err != nil {
			return err
		}
		conn, err := pgx.ConnectConfig(ctx, c)
		if err != nil {
			return err
		}
		b.session = &session{conn: conn}
	}
	b.looks.Add(1)
	var found []batch
	err := sqlstore.Query(ctx, b.session, newBatches, []any{int64(b.store.generations.Now()), int64(mostMissed)}, //nolint:gosec // a generation is a BIGINT
		func(r sqlstore.Row) error {
			var g batch
			err := r.Scan(&g.gen, &g.parts, &g.writer)
			found = append(found, g)
			return err
		})
	if err == nil {
		b.store.learn(found)
	}
	return err
}

// close ends the connection. No look may be under way.
func (b *barrier) close() {
	if b.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	_ = b.session.conn.Close(ctx) // it only read
	b.session = nil
}
