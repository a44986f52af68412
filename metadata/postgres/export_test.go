package postgres

import (
	"context"
	"time"
)

// WithTerm sets how long a process has the database after it last said that it lives.
func WithTerm(d time.Duration) Option { return func(c *config) { c.term = d } }

// SetLockTimeout sets how many milliseconds a connection waits for a lock, until restore.
func SetLockTimeout(millis string) (restore func()) {
	before := lockMillis
	lockMillis = millis
	return func() { lockMillis = before }
}

// WarnAfter sets how long a snapshot may last without a warning.
func (l *Location) WarnAfter(d time.Duration) { l.long = d }

// Scratch is the directory of files that are needed for a time.
func (l *Location) Scratch() string { return l.scratch }

// Prepared returns the statements that the store's connections have prepared. No transaction may run.
func (s *Store) Prepared(ctx context.Context) ([]string, error) {
	var out []string
	add := func(se *session) error {
		rows, err := se.conn.Query(ctx, `SELECT statement FROM pg_prepared_statements`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			out = append(out, text)
		}
		return rows.Err()
	}
	for _, session := range []*session{s.writer.session, s.barrier.session} {
		if session == nil {
			continue
		}
		if err := add(session); err != nil {
			return nil, err
		}
	}
	for _, conn := range s.pool.AcquireAllIdle(ctx) {
		err := add(&session{conn: conn.Conn()})
		conn.Release()
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Trips returns how many round trips the connection that writes has made. No update may run.
func (s *Store) Trips() int { return s.writer.session.trips }

// Looks returns how often Sync has looked at the database.
func (s *Store) Looks() int64 { return s.barrier.looks.Load() }

// MostMissed is how many groups a look reads at most.
const MostMissed = mostMissed

// SetAhead makes this machine's clock appear to be ahead of the database's.
func (s *Store) SetAhead(d time.Duration) {
	now := time.Now()
	s.clock.set(now.Add(-d), now, now)
}
