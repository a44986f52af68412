package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
	"slipway/metadata/sqlite"
)

// longSnapshot is how long a snapshot may last without a warning: rows that change meanwhile are kept twice.
const longSnapshot = 10 * time.Minute

// Location is the place of a database, whether or not its tables exist. Its snapshots are files of SQLite with the same rows.
type Location struct {
	target  target
	scratch string
	warn    func(text string)
	long    time.Duration
	held    *pgx.Conn // of Lock; nil: unlocked
}

var _ metadata.Snapshotter = (*Location)(nil)

// At is the place that a URL names. Files that are needed for a time lie in the directory scratch; warn hears of what is no error.
func At(url, scratch string, warn func(text string)) (*Location, error) {
	t, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("metadata: the URL of the database: %w", err)
	}
	return &Location{target: t, scratch: scratch, warn: warn, long: longSnapshot}, nil
}

// connect opens a connection whose transactions and statements last as long as the copy of a database. For one that only reads, a
// standby will do.
func (l *Location) connect(ctx context.Context, writes bool) (*pgx.Conn, error) {
	c, err := l.target.connection(true)
	if err != nil {
		return nil, err
	}
	c.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	if !writes {
		c.ValidateConnect = nil
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", metadata.ErrUnavailable, err)
	}
	return conn, nil
}

// end closes a connection, and with it a transaction that goes on.
func end(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	_ = conn.Close(ctx) // what counts was committed before
}

// Snapshot implements metadata.Snapshotter. It reads all tables in one transaction, whose rows the server keeps meanwhile.
func (l *Location) Snapshot(ctx context.Context, to string, progress func(done, total int64)) (err error) {
	conn, err := l.connect(ctx, false)
	if err != nil {
		return err
	}
	defer end(conn)
	s := &session{conn: conn}
	if err := s.Do(beginRead); err != nil {
		return classify(err)
	}
	c := copier{from: s, progress: progress}
	if !l.standby(ctx, conn) {
		late := time.AfterFunc(l.long, func() {
			l.warn(fmt.Sprintf("the snapshot of the database has taken %s so far: rows that change meanwhile are kept twice, so name a standby in --metadata if there is one", l.long))
		})
		defer late.Stop()
	}
	steps, err := l.applied(s)
	if err != nil {
		return err
	}
	if c.to, err = sqlite.MakeFile(to, steps); err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, c.to.Close()); err != nil {
			err = errors.Join(err, removeFile(to))
		}
	}()
	return c.run(ctx, l.target.schema)
}

func (l *Location) standby(ctx context.Context, conn *pgx.Conn) (is bool) {
	err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery()`, pgx.QueryExecModeExec).Scan(&is)
	return err == nil && is // an error comes again with the next statement
}

// applied is how many steps of the schema the database has. ErrNotExist: it has no tables.
func (l *Location) applied(s *session) (int, error) {
	list, err := migrations()
	if err != nil {
		return 0, err
	}
	n, err := sqlstore.Applied(s, list)
	if code(err) == codeNoTable {
		return 0, fmt.Errorf("%w: schema %q of the database has no tables of Slipway", metadata.ErrNotExist, l.target.schema)
	}
	return n, classify(err)
}

// copier copies the rows of all tables into a file, row by row.
type copier struct {
	from        *session
	to          *sqlite.File
	progress    func(done, total int64)
	done, total int64 // bytes
}

func (c *copier) run(ctx context.Context, schema string) error {
	if err := sqlstore.Query(ctx, c.from, `SELECT CAST(COALESCE(SUM(pg_table_size(c.oid)), 0) AS BIGINT) FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = $1`, []any{schema},
		func(r sqlstore.Row) error { return r.Scan(&c.total) }); err != nil {
		return classify(err)
	}
	for _, t := range c.to.Tables() {
		if err := t.Rows(ctx, c.from, func(values []any) error { return c.row(t, values) }); err != nil {
			return classify(err)
		}
	}
	var at, ids int64
	if err := sqlstore.Query(ctx, c.from, `SELECT at, ids FROM batch ORDER BY gen DESC LIMIT 1`, nil, func(r sqlstore.Row) error { return r.Scan(&at, &ids) }); err != nil {
		return classify(err)
	}
	c.progress(c.total, c.total)
	return c.to.Finish(ids, time.UnixMicro(at))
}

// progressBytes are copied between two calls of progress.
const progressBytes = 1 << 20

func (c *copier) row(t sqlstore.Table, values []any) error {
	before := c.done / progressBytes
	for _, v := range values {
		switch v := v.(type) {
		case string:
			c.done += int64(len(v))
		case []byte:
			c.done += int64(len(v))
		default:
			c.done += 8
		}
	}
	if c.done/progressBytes > before {
		c.progress(min(c.done, c.total), c.total)
	}
	return c.to.Insert(t, values)
}

// OpenSnapshot implements metadata.Snapshotter.
func (l *Location) OpenSnapshot(file string) (metadata.Copy, error) {
	return sqlite.Location("").OpenSnapshot(file)
}

// Occupied implements metadata.Snapshotter: it names a table that is in the schema.
func (l *Location) Occupied() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := l.connect(ctx, true)
	if err != nil {
		return "", err
	}
	defer end(conn)
	return l.occupied(ctx, conn)
}

func (l *Location) occupied(ctx context.Context, conn *pgx.Conn) (string, error) {
	var n int64
	var name *string
	if err := conn.QueryRow(ctx, `SELECT COUNT(*), MIN(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = $1 AND c.relname <> 'schema_lock'`, pgx.QueryExecModeExec, l.target.schema).Scan(&n, &name); err != nil {
		return "", classify(err)
	}
	if name == nil {
		return "", nil
	}
	return fmt.Sprintf("schema %q of the database has %d tables, %q among them", l.target.schema, n, *name), nil
}

// Lock implements metadata.Snapshotter: who opens the database has to wait for the row that it locks, and gives up before long.
func (l *Location) Lock() (io.Closer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := l.connect(ctx, true)
	if err != nil {
		return nil, err
	}
	if err := l.lock(ctx, conn); err != nil {
		end(conn)
		return nil, err
	}
	l.held = conn
	return &held{l}, nil
}

func (l *Location) lock(ctx context.Context, conn *pgx.Conn) error {
	s := &session{conn: conn}
	if err := l.target.lockable(s); err != nil {
		return err
	}
	switch err := s.Do(beginWrite + `; SELECT id FROM schema_lock WHERE id = 1 FOR UPDATE NOWAIT`); {
	case code(err) == codeLockTimeout:
		return &inUse{restoring}
	case err != nil:
		return classify(err)
	}
	var there bool
	err := conn.QueryRow(ctx, `SELECT to_regclass('member') IS NOT NULL`, pgx.QueryExecModeExec).Scan(&there)
	if err != nil || !there {
		return classify(err)
	}
	var name string
	err = conn.QueryRow(ctx, `SELECT name FROM member WHERE until > `+microsClock+` ORDER BY name LIMIT 1`, pgx.QueryExecModeExec).Scan(&name)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return classify(err)
	}
	return &inUse{name}
}

// held is a locked Location.
type held struct{ of *Location }

// Close implements io.Closer.
func (h *held) Close() error {
	if h.of.held != nil {
		end(h.of.held)
		h.of.held = nil
	}
	return nil
}
