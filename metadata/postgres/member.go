package postgres

import (
	"context"
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

// errNoMember: the row of this process is gone.
var errNoMember = errors.New("metadata: this process did not answer for too long, and is no member any more")

// member is this process's row, by which others know that it lives. It says so three times in a term. Each group of updates looks for
// the row, so a process whose row has ended writes nothing before it has entered again. A process that is to be alone enters beside no
// other, and keeps others out.
type member struct {
	store *Store
	began time.Time    // of this process, for until
	until atomic.Int64 // the row has not ended before, in nanoseconds since began
	stop  chan struct{}
	ended sync.WaitGroup
}

// join adds the row of this process. It waits for the row of a process that is in its way and does not say that it lives, up to that
// row's end; ErrInUse: that process lives.
func join(ctx context.Context, s *Store) (*member, error) {
	m := &member{store: s, began: time.Now(), stop: make(chan struct{})}
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

// enter adds the row unless there is one of a process that may live and is in its way: one that is or was to be alone, or one of the
// same name. It returns that process's name and end.
func (m *member) enter(ctx context.Context) (other string, until int64, err error) {
	alone := 0
	if m.store.cfg.alone {
		alone = 1
	}
	err = pgx.BeginFunc(ctx, m.store.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, takeTurn); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM member WHERE until <= `+microsClock+` OR boot = $1`, m.store.boot); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT name, until FROM member WHERE name = $1 OR alone = 1 OR $2 = 1 ORDER BY name LIMIT 1`,
			m.store.cfg.name, alone).Scan(&other, &until)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO member (name, boot, since, until, alone, version) VALUES ($1, $2, `+microsClock+`, `+microsClock+` + $3, $4, $5)`,
			m.store.cfg.name, m.store.boot, m.store.cfg.term.Microseconds(), alone, m.store.cfg.version)
		return err
	})
	return other, until, err
}

// reenter adds the row anew, after it has ended. ErrInUse: another process is in the way.
func (m *member) reenter(ctx context.Context) error {
	other, _, err := m.enter(ctx)
	if err != nil {
		return err
	}
	if other != "" {
		return &inUse{other}
	}
	if err := m.store.barrier.wait(ctx); err != nil { // what others have written meanwhile
		return err
	}
	return m.renew(ctx)
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
			if err := m.renew(ctx); errors.Is(err, pgx.ErrNoRows) {
				_ = m.reenter(ctx) // the next one tells, as it does of other errors; a group finds out whether the row is there
			}
			cancel()
		}
	}
}

func (m *member) renew(ctx context.Context) error {
	asked := time.Now()
	var at int64
	if err := m.store.pool.QueryRow(ctx, `UPDATE member SET until = `+microsClock+` + $1 WHERE boot = $2 RETURNING until - $1`,
		m.store.cfg.term.Microseconds(), m.store.boot).Scan(&at); err != nil {
		return err
	}
	m.store.clock.set(time.UnixMicro(at), asked, time.Now())
	m.until.Store(int64(asked.Sub(m.began) + m.store.cfg.term - m.store.cfg.term/leaseMargin))
	return nil
}

// lasts reports whether the row has not ended up to this moment: then no process has entered that is to be alone, nor any beside one
// that is. The process's own clock does not stop or jump (time.Since), and the server's runs as fast, but for the margin.
func (m *member) lasts() bool { return int64(time.Since(m.began)) < m.until.Load() }

// leave takes the row away, so that the next process need not wait.
func (m *member) leave() error {
	close(m.stop)
	m.ended.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	_, _ = m.store.pool.Exec(ctx, `DELETE FROM member WHERE boot = $1`, m.store.boot) // a server that is gone: the row ends by itself
	return nil
}

// Members implements metadata.Peered.
func (s *Store) Members(ctx context.Context) ([]metadata.Member, error) {
	rows, err := s.pool.Query(ctx, `SELECT name, version, since, until, boot = $1 FROM member WHERE until > `+microsClock+` ORDER BY name COLLATE "C"`, s.boot)
	if err != nil {
		return nil, classify(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m metadata.Member, err error) {
		var since, until int64
		err = row.Scan(&m.Name, &m.Version, &since, &until, &m.Self)
		m.Since, m.Until = time.UnixMicro(since).UTC(), time.UnixMicro(until).UTC()
		return m, err
	})
	return list, classify(err)
}
