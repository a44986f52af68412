// Package sqlstore is metadata.Tx in the SQL that SQLite and PostgreSQL share. A backend brings connections, migrations,
// the beginning and the end of transactions, and a Dialect.
//
// Rules of the statements: $1, $2 … appear in ascending order, because SQLite numbers them by first appearance; times are
// microseconds since 1970 with 0 for the zero time; a conflict is ON CONFLICT DO NOTHING and no row, never an error,
// because an error ends a transaction of PostgreSQL.
package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway/metadata"
)

var errEnded = errors.New("metadata: transaction has ended")

// Tx is a transaction on a session. After an error of the database every further call returns that error, and Failed tells
// the backend not to commit the transaction, even when the caller ignored the error.
type Tx struct {
	mu   sync.Mutex // Abandon comes from another goroutine
	s    Session
	d    *Dialect
	err  error
	now  time.Time
	log  *Sequencer // nil in a view
	used bool       // a statement ran
	// wrote: a row was changed
	wrote   bool
	touched []metadata.Part // may hold duplicates
	created int64           // ID of the version created last
	unknown bool            // a changed row belongs to an unknown package
	notify  bool            // see Notify
	scope   metadata.Part   // package of the next statement: see within

	later  Deferring // nil: statements that write are sent at once
	ahead  ahead
	args   []any        // of the running statement
	before func() error // see Intercept
	read   func(rows int)

	ended  bool
	clock  func() time.Time // of a view
	ctx    context.Context  // of a view: the caller's context, until Abandon or End
	cancel context.CancelCauseFunc
}

var _ metadata.Tx = (*Tx)(nil)

// NewUpdate returns a transaction that writes. The session is inside a transaction of the database.
func NewUpdate(s Session, d *Dialect, now time.Time, log *Sequencer) *Tx {
	return &Tx{s: s, d: d, now: now, log: log, ctx: context.Background()}
}

// NewView returns a transaction that reads until ctx ends; a statement that runs then is interrupted. clock is called after
// the snapshot was taken, so that the view's time is not before that of any update in it.
func NewView(ctx context.Context, s Session, d *Dialect, clock func() time.Time) *Tx {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Tx{s: s, d: d, clock: clock, ctx: ctx, cancel: cancel}
}

// Failed is the error of the database that ended the transaction early.
func (t *Tx) Failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == errEnded {
		return nil
	}
	return t.err
}

// Wrote reports whether a row was changed.
func (t *Tx) Wrote() bool { return t.wrote }

// Notify implements metadata.Tx.
func (t *Tx) Notify() { t.notify = true }

// Notified reports whether Notify was called.
func (t *Tx) Notified() bool { return t.notify }

// Touched are the parts that may have been changed; false: any part may have been changed.
func (t *Tx) Touched() (parts []metadata.Part, known bool) { return t.touched, !t.unknown }

// within sets the package of the rows that the next statement writes.
func (t *Tx) within(packageID int64) *Tx {
	t.scope = metadata.Part(packageID)
	return t
}

// changed notes that a statement changed rows. It decides by the statement's table, so that no writing method can forget to
// report.
func (t *Tx) changed(text string, scope metadata.Part) {
	t.wrote = true
	name := table(text)
	t.outdate(name)
	switch name {
	case "repository", "upstream", "claim", "package_origin", "rule":
		t.touched = append(t.touched, metadata.RepositoryRows)
	case "file":
		if scope <= 0 {
			scope = metadata.FileRows
		}
		t.touched = append(t.touched, scope)
	case "users", "user_group", "group_member", "role", "permission", "token", "session":
		if !harmless(name, text) {
			t.touched = append(t.touched, metadata.People)
		}
	case "lease":
		if strings.HasPrefix(text, "DELETE") {
			t.touched = append(t.touched, metadata.DroppedLeases)
		}
	case "name_origin":
		t.touched = append(t.touched, metadata.PackageNames)
	case "package", "version", "tag":
		if scope > 0 {
			t.touched = append(t.touched, scope)
		} else if name != "package" || !strings.HasPrefix(text, "INSERT") {
			t.unknown = true
		}
		if name == "package" && scope <= 0 {
			t.touched = append(t.touched, metadata.PackageNames)
		}
	}
}

// harmless reports whether a statement that writes about people changes nobody's rights: it notes a use, or adds a login.
func harmless(table, text string) bool {
	return strings.Contains(text, " SET used_at ") || strings.Contains(text, " SET login_at ") ||
		(table == "token" || table == "session") && strings.HasPrefix(text, "INSERT")
}

// End makes every further call fail.
func (t *Tx) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if t.err == nil {
		t.err = errEnded
	}
	if t.cancel != nil {
		t.cancel(errEnded)
	}
}

// Abandon ends a view from another goroutine: a running statement is interrupted, the snapshot is released, and every
// further call returns err.
func (t *Tx) Abandon(err error) {
	t.cancel(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return // another transaction may use its session by now
	}
	t.err = err
	_ = t.s.Verb(`ROLLBACK`) // nothing was written
}

// Now implements metadata.Tx.
func (t *Tx) Now() time.Time {
	if !t.now.IsZero() {
		return t.now
	}
	var last int64
	if !t.used || t.d.Shared {
		// The first read takes the snapshot. An error is returned by the next call.
		last, _ = one(t, scanInt, t.d.Newest)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.clock()
	if newest := fromMicros(last); t.now.Before(newest) {
		t.now = newest
	}
	return t.now
}

// newID is the ID of a row that is made now; nil: the database gives it one.
func (t *Tx) newID() any {
	if t.log == nil || !t.log.numbers {
		return nil
	}
	t.log.rows++
	return t.log.rows
}

// micros is the time of the transaction as the database keeps it.
func (t *Tx) micros() int64 { return micros(t.Now()) }

func (t *Tx) writable() error {
	if t.log == nil {
		return metadata.ErrReadOnly
	}
	return nil
}

// begin is called with mu held before every statement.
func (t *Tx) begin() error {
	if t.err != nil {
		return t.err
	}
	if err := context.Cause(t.ctx); err != nil {
		return err
	}
	if t.before != nil {
		if t.err = t.before(); t.err != nil {
			return t.err
		}
	}
	t.used = true
	return nil
}

// Intercept is for tests that fail or count statements: every statement passes here. before runs before each statement, and
// its error is treated as an error of the database; read receives the number of rows of each query. nil keeps the present
// function.
func (t *Tx) Intercept(before func() error, read func(rows int)) {
	if before != nil {
		t.before = before
	}
	if read != nil {
		t.read = read
	}
}

// fail keeps an error of the database.
func (t *Tx) fail(err error) error {
	t.err = t.d.Classify(err)
	return t.err
}

type row = Row

// each hands the rows of a query to scan.
func (t *Tx) each(text string, args []any, scan func(row) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.begin(); err != nil {
		return err
	}
	if !texts(args) {
		return nil // no row has them
	}
	if t.ahead.asking != nil {
		*t.ahead.asking = append(*t.ahead.asking, Lookup{text, slices.Clone(args)})
		return nil
	}
	if t.read != nil {
		rows, next := 0, scan
		scan = func(r row) error { rows++; return next(r) }
		defer func() { t.read(rows) }()
	}
	t.args = append(t.args[:0], args...) // so that the caller's list stays on its stack
	var err error
	if rows := t.known(text, args); rows != nil {
		for rows.Rewind(); err == nil && rows.Next(); {
			err = scan(rows)
		}
	} else {
		err = Query(t.ctx, t.s, text, t.args, scan)
	}
	if cause := context.Cause(t.ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return t.fail(err)
	}
	return nil
}

// all returns the rows of a query.
func all[T any](t *Tx, scan func(row) (T, error), text string, args ...any) ([]T, error) {
	var out []T
	err := t.each(text, args, func(r row) error {
		v, err := scan(r)
		if err == nil {
			out = append(out, v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// one returns the first row of a query: ErrNotExist when there is none.
func one[T any](t *Tx, scan func(row) (T, error), text string, args ...any) (T, error) {
	var out T
	found := false
	err := t.each(text, args, func(r row) (err error) {
		if !found {
			out, err = scan(r)
			found = true
		}
		return err
	})
	if err == nil && !found {
		err = metadata.ErrNotExist
	}
	return out, err
}

// insert runs an INSERT … ON CONFLICT … RETURNING: ErrExists when it returns nothing.
func insert[T any](t *Tx, scan func(row) (T, error), text string, args ...any) (T, error) {
	var none T
	scope := t.scope
	t.scope = 0
	if err := t.writable(); err != nil {
		return none, err
	}
	if !texts(args) {
		return none, metadata.ErrText
	}
	read := t.read
	t.read = nil // the returned row is no query: a store could know it beforehand
	out, err := one(t, scan, text, args...)
	t.read = read
	switch {
	case errors.Is(err, metadata.ErrNotExist) && t.err == nil:
		return out, metadata.ErrExists
	case err != nil:
		return out, err
	}
	t.changed(text, scope)
	return out, nil
}

// exec runs a writing statement and returns how many rows it changed.
func (t *Tx) exec(text string, args ...any) (int64, error) {
	scope := t.scope
	t.scope = 0
	if err := t.writable(); err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.begin(); err != nil {
		return 0, err
	}
	if !texts(args) {
		return 0, metadata.ErrText
	}
	t.args = append(t.args[:0], args...)
	n, err := t.s.Exec(text, t.args)
	if err != nil {
		return 0, t.fail(err)
	}
	if n > 0 {
		t.changed(text, scope)
	}
	return n, nil
}

// must runs a writing statement about one record: ErrNotExist when it changed no row.
func (t *Tx) must(text string, args ...any) error {
	return t.write(metadata.ErrNotExist, text, args...)
}

func scanInt(r row) (int64, error) { return scanValue[int64](r) }

func scanBool(r row) (bool, error) { return scanValue[bool](r) }

func scanText(r row) (string, error) { return scanValue[string](r) }

func scanValue[T any](r row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}
