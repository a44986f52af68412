package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"slipway/metadata"
)

const (
	memberTerm  = 6 * time.Second
	leaseMargin = 6                      // the part of a term that is kept for clocks that don't run alike
	memberLook  = 200 * time.Millisecond // while another process has the database
	microsClock = `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`
)

// inUse is the error that names the process that has the database.
type inUse struct{ name string }

func (e *inUse) Error() string {
	return fmt.Sprintf("metadata: the database is in use by another process, which calls itself %q", e.name)
}

func (e *inUse) Unwrap() error { return metadata.ErrInUse }

// member is this process's row, by which it has the database: as long as the row is there, no other process writes. It says three
// times in a term that it lives. Each group of updates looks for the row, so a process whose row another has taken writes nothing.
type member struct {
	store *Store
	boot  []byte
	began time.Time    // of this process, for until
	until atomic.Int64 // no other process has the database before, in nanoseconds since began
	stop  chan struct{}
	ended sync.WaitGroup
}

// join adds the row of this process. It waits for the row of a process that does not say that it lives, up to its end; ErrInUse:
// another process lives.
func join(ctx context.Context, s *Store) (*member, error) {
	m := &member{store: s, boot: make([]byte, 16), began: time.Now(), stop: make(chan struct{})}
	_, _ = rand.Read(m.boot) // never fails
	seen := map[string]int64{}
	for {
		other, until, err := m.enter(ctx)
		if err != nil {
			return nil, classify(err)
		}
		if other == "" {
			break
		}
		if before, ok := seen[other]; ok && before != until {
			return nil, &inUse{other}
		}
		seen[other] = until
		select {
		case <-ctx.Done():
			return nil, &inUse{other}
		case <-time.After(memberLook):
		}
	}
	if err := m.renew(ctx); err != nil { // for the clock
		return nil, classify(err)
	}
	m.ended.Go(m.keep)
	return m, nil
}

// enter adds the row unless there is one of a process that may live, whose name and end it returns.
func (m *member) enter(ctx context.Context) (other string, until int64, err error) {
	err = pgx.BeginFunc(ctx, m.store.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, takeTurn); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM member WHERE until <= `+microsClock); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT name, until FROM member ORDER BY name LIMIT 1`).Scan(&other, &until)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO member (name, boot, since, until) VALUES ($1, $2, `+microsClock+`, `+microsClock+` + $3)`,
			m.store.cfg.name, m.boot, m.store.cfg.term.Microseconds())
		return err
	})
	return other, until, err
}

// keep says that this process lives, and looks at the database's clock, until leave.
func (m *member) keep() {
	tick := time.NewTicker(m.store.cfg.term / 3)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
			ctx, cancel := context.WithTimeout(context.Background(), m.store.cfg.term/3)
			_ = m.renew(ctx) // the next one tells; a group finds out whether the row was taken
			cancel()
		}
	}
}

func (m *member) renew(ctx context.Context) error {
	asked := time.Now()
	var at int64
	if err := m.store.pool.QueryRow(ctx, `UPDATE member SET until = `+microsClock+` + $1 WHERE boot = $2 RETURNING until - $1`,
		m.store.cfg.term.Microseconds(), m.boot).Scan(&at); err != nil {
		return err
	}
	m.store.clock.set(time.UnixMicro(at), asked, time.Now())
	m.until.Store(int64(asked.Sub(m.began) + m.store.cfg.term - m.store.cfg.term/leaseMargin))
	return nil
}

// alone reports whether no other process can have written up to this moment: the row has been renewed, and has not ended since. The
// process's own clock does not stop or jump (time.Since), and the server's runs as fast, but for the margin.
func (m *member) alone() bool { return int64(time.Since(m.began)) < m.until.Load() }

// leave takes the row away, so that the next process need not wait.
func (m *member) leave() error {
	close(m.stop)
	m.ended.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	_, _ = m.store.pool.Exec(ctx, `DELETE FROM member WHERE boot = $1`, m.boot) // a server that is gone: the row ends by itself
	return nil
}
