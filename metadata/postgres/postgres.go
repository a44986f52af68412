// Package postgres is metadata.Store in a PostgreSQL database. One connection writes, in groups: a group takes the turn (the
// lock of the row of table turn), reads where the last one stopped (the last row of table batch), and ends with a row of its own.
// Readers have connections of a pool and see snapshots.
package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slipway/metadata"
	"slipway/metadata/internal/group"
	"slipway/metadata/internal/sqlstore"
)

// Option changes how a store is opened.
type Option func(*config)

type config struct {
	now     func() time.Time // nil: the database's clock
	observe func(metadata.Batch)
	name    string
	version string
	alone   bool // no other process may use the database
	shared  bool // others may reach the blobs, so that this process may be slower than its row lasts
	patient time.Duration
	term    time.Duration
}

// WithClock replaces the database's clock.
func WithClock(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithObserver reports every group commit to f, before the next one begins: f must not block.
func WithObserver(f func(metadata.Batch)) Option { return func(c *config) { c.observe = f } }

// WithName says what other processes call this one when they are refused. The default is "slipway".
func WithName(name string) Option { return func(c *config) { c.name = name } }

// WithVersion says which version of the program this process runs, for Members.
func WithVersion(version string) Option { return func(c *config) { c.version = version } }

// WithPeers lets other processes use the database at the same time, if they all say so, each under a name of its own.
func WithPeers() Option { return func(c *config) { c.alone, c.shared = false, true } }

// WithSharedBlobs says that the blobs are where other processes reach them: one that enters when this process's row has ended, because
// it stood still, meets what it does to them afterwards. So the store is not Exclusive, though no other process uses the database meanwhile.
func WithSharedBlobs() Option { return func(c *config) { c.shared = true } }

// WithPatience bounds how long Open waits for a server that does not answer, and for a process that has the database to end. The
// default is a minute.
func WithPatience(d time.Duration) Option { return func(c *config) { c.patient = d } }

// Store is a metadata.Store.
type Store struct {
	target  target
	boot    []byte // random, of this process
	cfg     config
	dialect sqlstore.Dialect
	pool    *pgxpool.Pool
	writer  *writer
	member  *member
	clock   clock
	news    sqlstore.Broadcast // closes when an update left a log entry or called Notify

	barrier     *barrier
	listener    *listener // nil: no other process writes
	generations batches
	unsettled   atomic.Bool // it is open whether the last group was written

	gate    group.Gate
	ending  sync.WaitGroup
	closing sync.Once
	err     error // of Close
}

var (
	_ metadata.Store     = (*Store)(nil)
	_ metadata.Versioned = (*Store)(nil)
	_ metadata.Peered    = (*Store)(nil)
)

// CheckURL says what is wrong with the URL of a database, without showing it.
func CheckURL(url string) error {
	_, err := parse(url)
	return err
}

// Open opens the database that a URL names, and makes its tables. The caller closes. ErrInUse: another process has it. ErrNewer:
// it has a newer schema. ErrUnavailable: its server does not answer. A server that would lose what it has acknowledged is refused.
func Open(ctx context.Context, url string, opts ...Option) (*Store, error) {
	t, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("metadata: the URL of the database: %w", err)
	}
	s := &Store{target: t, cfg: config{observe: func(metadata.Batch) {}, name: "slipway", alone: true, patient: time.Minute, term: memberTerm}, dialect: dialect}
	for _, o := range opts {
		o(&s.cfg)
	}
	s.clock.now, s.barrier, s.boot = s.cfg.now, newBarrier(s), make([]byte, 16)
	_, _ = rand.Read(s.boot) // never fails
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.patient)
	defer cancel()
	s.writer = newWriter(s)
	if err := s.writer.connect(ctx); err != nil {
		return err
	}
	if err := checkServer(s.writer.session); err != nil {
		return err
	}
	if err := s.migrate(s.writer.session); err != nil {
		return err
	}
	reading, err := s.target.connection(false)
	if err != nil {
		return err
	}
	pool, err := pgxpool.ParseConfig(s.target.url)
	if err != nil {
		return errors.New("metadata: the URL of the database can't be read") // the error may show a password
	}
	pool.ConnConfig = reading
	pool.MaxConns, pool.MinConns = int32(s.target.readers), 0 //nolint:gosec // at most mostReaders
	pool.MaxConnIdleTime, pool.MaxConnLifetime, pool.MaxConnLifetimeJitter = 5*time.Minute, time.Hour, 10*time.Minute
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), pool); err != nil {
		return classify(err)
	}
	if s.member, err = join(ctx, s); err != nil {
		return err
	}
	if !s.cfg.alone {
		s.listener = listen(s)
	}
	s.writer.Start()
	return nil
}

const (
	beginRead = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	commit    = `COMMIT`
)

// View implements metadata.Store. The transaction begins with its first statement, and nobody waits for its end.
func (s *Store) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", metadata.ErrUnavailable, err)
	}
	session := &session{conn: conn.Conn()}
	session.later(beginRead)
	tx := sqlstore.NewView(ctx, session, &s.dialect, s.clock.time)
	defer func() {
		tx.End()
		if session.conn.PgConn().TxStatus() == 'I' {
			conn.Release()
			return
		}
		s.ending.Go(func() {
			defer conn.Release() // closes a connection whose transaction goes on
			ctx, cancel := context.WithTimeout(context.Background(), silence)
			defer cancel()
			_, _ = conn.Exec(ctx, commit, pgx.QueryExecModeSimpleProtocol) // it only read
		})
	}()
	return fn(tx)
}

// Update implements metadata.Store. fn may run on the goroutine of another caller of Update, and several times; a panic in fn is
// thrown to its own caller, with the stack where it happened.
func (s *Store) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	return s.writer.Update(ctx, fn, hints...)
}

// Generation implements metadata.Versioned.
func (s *Store) Generation() uint64 { return s.generations.Now() }

// GenerationOf implements metadata.Versioned.
func (s *Store) GenerationOf(p metadata.Part) uint64 { return s.generations.Of(p) }

// Sync implements metadata.Store. A process that is alone knows all groups, except while another may have taken the database, or while
// it is open whether its own last group was written.
func (s *Store) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.cfg.alone && s.member.lasts() && !s.unsettled.Load() {
		return nil
	}
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	return s.barrier.wait(ctx)
}

// bootBytes of Store.boot begin batch.writer.
const bootBytes = 8

// wrote reports whether a value of batch.writer is of this process.
func (s *Store) wrote(writer []byte) bool { return bytes.HasPrefix(writer, s.boot[:bootBytes]) }

// Clock implements metadata.Store.
func (s *Store) Clock() time.Time { return s.clock.time() }

// Watch implements metadata.Store.
func (s *Store) Watch() <-chan struct{} { return s.news.Next() }

// Exclusive implements metadata.Store.
func (s *Store) Exclusive() bool { return !s.cfg.shared }

// Ready implements metadata.Store.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.clock.skew(); err != nil {
		return err
	}
	return s.View(ctx, func(tx metadata.Tx) error {
		_, err := tx.Log().LogSize()
		return err
	})
}

// Close implements metadata.Store.
func (s *Store) Close() error {
	s.closing.Do(func() {
		<-s.gate.Drain()
		s.writer.Stop()
		s.err = s.release()
	})
	return s.err
}

// release closes what is open.
func (s *Store) release() error {
	var err error
	if s.listener != nil {
		s.listener.close()
	}
	if s.member != nil {
		err = s.member.leave()
	}
	s.barrier.close()
	s.ending.Wait()
	if s.pool != nil {
		s.pool.Close()
	}
	if s.writer != nil {
		s.writer.close()
	}
	return err
}

// clock is the time of the database as this process knows it. It never goes back.
type clock struct {
	now    func() time.Time // nil: the database's clock
	offset atomic.Int64     // of the database's clock to that of this process, in nanoseconds
	last   atomic.Int64     // time of the newest update, in microseconds; it moves before the update can be seen
}

// time is the present: UTC, whole microseconds.
func (c *clock) time() time.Time {
	return time.UnixMicro(max(c.present().UnixMicro(), c.last.Load())).UTC()
}

func (c *clock) present() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now().Add(time.Duration(c.offset.Load()))
}

// advance returns the time of an update, and moves the clock there.
func (c *clock) advance() time.Time {
	now := c.time()
	c.last.Store(now.UnixMicro())
	return now
}

// follow moves the clock to the time of the last update of any process.
func (c *clock) follow(last time.Time) {
	c.last.Store(max(c.last.Load(), last.UnixMicro()))
}

// mostSkew is how far this process's clock may be from the database's. What is kept by the database's clock is right all the same, but
// sessions, leases and certificates are looked at by this one.
const mostSkew = time.Minute

func (c *clock) skew() error {
	if off := -time.Duration(c.offset.Load()).Round(time.Second); off.Abs() > mostSkew {
		return fmt.Errorf("%w: it is %s off that of the database", metadata.ErrSkew, off)
	}
	return nil
}

// set takes the database's time, which an answer showed that was asked for and came at the given times of this process.
func (c *clock) set(database, asked, came time.Time) {
	c.offset.Store(int64(database.Sub(asked.Add(came.Sub(asked) / 2))))
}
