// Package sqldrv uses a database driver directly: one connection with its prepared statements, for one goroutine at a time.
// The work that database/sql does to share connections costs as much as the statements of a publish, and doubles the time
// of a look-up.
package sqldrv

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"maps"
	"slices"
)

// maxStatements bounds the statements that a connection keeps prepared.
const maxStatements = 500

// Session is one connection with its prepared statements. It serves one goroutine at a time.
//
// Statements that change rows run with context.Background(): for a context that can end, go-sqlite3 starts a goroutine per
// statement, and an update must not be interrupted half way.
type Session struct {
	conn  driver.Conn
	stmts map[string]*statement
	verbs map[string]*statement
	args  []driver.NamedValue // of the running statement
	row   []driver.Value      // being read
	rows  Rows                // being read
}

// statement is a prepared statement.
type statement struct {
	driver.Stmt
	exec   driver.StmtExecContext
	query  driver.StmtQueryContext
	inputs int
}

// NewSession takes conn over: Close closes it. Its statements take contexts, and readers may keep the bytes in its rows.
func NewSession(conn driver.Conn) *Session {
	return &Session{conn: conn, stmts: make(map[string]*statement), verbs: make(map[string]*statement)}
}

// Conn is the connection, for a backend's calls to its own driver.
func (s *Session) Conn() driver.Conn { return s.conn }

// Do runs statements that have neither arguments nor rows.
func (s *Session) Do(text string) error {
	_, err := s.conn.(driver.ExecerContext).ExecContext(context.Background(), text, nil)
	return err
}

// Row runs a statement once, without keeping it, and reads its only row.
func (s *Session) Row(text string, dest ...any) error {
	return s.RowContext(context.Background(), text, dest...)
}

// RowContext is Row for a statement that may take long.
func (s *Session) RowContext(ctx context.Context, text string, dest ...any) error {
	st, err := s.compile(text)
	if err != nil {
		return err
	}
	defer st.Close()
	found := false
	err = s.read(ctx, st, nil, func(r Row) error {
		found = true
		return r.Scan(dest...)
	})
	if err == nil && !found {
		err = fmt.Errorf("sqldrv: no answer to %s", text)
	}
	return err
}

// Verb is Do for the few statements around every transaction, but prepared: parsing BEGIN costs as much as running it.
func (s *Session) Verb(text string) error {
	st, ok := s.verbs[text]
	if !ok {
		var err error
		if st, err = s.compile(text); err != nil {
			return err
		}
		s.verbs[text] = st
	}
	_, err := st.exec.ExecContext(context.Background(), nil)
	return err
}

// Prepared returns the texts of the statements prepared so far, sorted.
func (s *Session) Prepared() []string { return slices.Sorted(maps.Keys(s.stmts)) }

// Close closes the statements and the connection.
func (s *Session) Close() error {
	for _, kept := range []map[string]*statement{s.stmts, s.verbs} {
		for _, st := range kept {
			_ = st.Close() // the connection goes with it
		}
		clear(kept)
	}
	return s.conn.Close()
}

func (s *Session) compile(text string) (*statement, error) {
	st, err := s.conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	return &statement{Stmt: st, exec: st.(driver.StmtExecContext), query: st.(driver.StmtQueryContext),
		inputs: st.NumInput()}, nil
}

func (s *Session) prepare(text string) (*statement, error) {
	if st, ok := s.stmts[text]; ok {
		return st, nil
	}
	st, err := s.compile(text)
	if err != nil {
		return nil, err
	}
	if len(s.stmts) >= maxStatements { // searches make statements of their own
		for _, old := range s.stmts {
			_ = old.Close() // the statement has run to its end
		}
		clear(s.stmts)
	}
	s.stmts[text] = st
	return st, nil
}

// Query runs a statement, which stays prepared, and hands each row to scan. It reads all rows, so that the statement ends,
// unless ctx ends or scan fails: then it returns that error.
func (s *Session) Query(ctx context.Context, text string, args []any, scan func(Row) error) error {
	st, err := s.prepare(text)
	if err != nil {
		return err
	}
	return s.read(ctx, st, args, scan)
}

// Open runs a statement, which stays prepared. The caller closes its rows before it uses the session again.
func (s *Session) Open(ctx context.Context, text string, args []any) (*Rows, error) {
	st, err := s.prepare(text)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, st, args)
}

func (s *Session) open(ctx context.Context, st *statement, args []any) (*Rows, error) {
	if err := s.bind(st, args); err != nil {
		return nil, err
	}
	rows, err := st.query.QueryContext(ctx, s.args)
	if err != nil {
		return nil, err
	}
	n := len(rows.Columns())
	s.row = slices.Grow(s.row[:0], n)[:n]
	s.rows = Rows{values: (*values)(&s.row), rows: rows}
	return &s.rows, nil
}

func (s *Session) read(ctx context.Context, st *statement, args []any, scan func(Row) error) error {
	rows, err := s.open(ctx, st, args)
	if err != nil {
		return err
	}
	for err == nil && rows.Next() {
		err = scan(rows)
	}
	if e := rows.Close(); err == nil {
		err = e
	}
	return err
}

// Rows are the rows of a query, read one after the other.
type Rows struct {
	*values
	rows driver.Rows
	err  error
}

// Next reads the next row; false: there is none, or an error, which Close returns.
func (r *Rows) Next() bool {
	if r.err != nil {
		return false
	}
	if r.err = r.rows.Next(*r.values); r.err != nil {
		if r.err == io.EOF {
			r.err = nil
		}
		return false
	}
	return true
}

// Close ends the query and returns the error that ended it early.
func (r *Rows) Close() error {
	clear(*r.values)
	if err := r.rows.Close(); r.err == nil {
		r.err = err
	}
	return r.err
}

// Exec runs a statement, which stays prepared, and returns how many rows it changed.
func (s *Session) Exec(text string, args []any) (int64, error) {
	st, err := s.prepare(text)
	if err != nil {
		return 0, err
	}
	if err := s.bind(st, args); err != nil {
		return 0, err
	}
	res, err := st.exec.ExecContext(context.Background(), s.args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// bind fills s.args.
func (s *Session) bind(st *statement, args []any) error {
	if st.inputs >= 0 && len(args) != st.inputs {
		return fmt.Errorf("sqldrv: a statement of %d arguments has %d", st.inputs, len(args))
	}
	clear(s.args)
	s.args = s.args[:0]
	for i, v := range args {
		switch v.(type) {
		case int64, string, []byte, nil:
		default:
			var err error
			if v, err = driver.DefaultParameterConverter.ConvertValue(v); err != nil {
				return fmt.Errorf("sqldrv: argument $%d: %w", i+1, err)
			}
		}
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return nil
}

// Row is one row of a query, valid until its reader returns. Scan stores its columns in the order of the query: integers in
// *int64, *int or *bool, texts and bytes in *string or *[]byte. Only *[]byte takes NULL. *any takes each value as int64, string, []byte
// or nil.
type Row interface{ Scan(dest ...any) error }

// values is a row as the driver hands it over.
type values []driver.Value

// Scan implements Row.
func (v *values) Scan(dest ...any) error {
	if len(dest) != len(*v) {
		return fmt.Errorf("sqldrv: %d columns for %d fields", len(*v), len(dest))
	}
	for i, from := range *v {
		if !assign(dest[i], from) {
			return fmt.Errorf("sqldrv: column %d: %T for a field of type %T", i+1, from, dest[i])
		}
	}
	return nil
}

// assign stores a value in a field: see Row.
func assign(dest any, from driver.Value) (ok bool) {
	switch d := dest.(type) {
	case *int64:
		*d, ok = from.(int64)
	case *int:
		var n int64
		n, ok = from.(int64)
		*d = int(n)
	case *bool:
		if *d, ok = from.(bool); !ok {
			var n int64
			n, ok = from.(int64)
			*d = n != 0
		}
	case *string:
		if *d, ok = from.(string); !ok {
			var b []byte
			b, ok = from.([]byte)
			*d = string(b)
		}
	case *[]byte:
		if *d, ok = from.([]byte); !ok {
			var text string
			if text, ok = from.(string); ok {
				*d = []byte(text)
			}
			ok = ok || from == nil
		}
	case *any:
		*d, ok = from, true
	}
	return ok
}
