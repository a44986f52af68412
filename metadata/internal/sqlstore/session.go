package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"maps"
	"slices"
)

// Dialect is where databases differ.
type Dialect struct {
	// Position names the function (text, part) that answers where part begins in text, from 1; 0 when it does not.
	Position string
	// Classify wraps a driver's error, with the sentinel of package metadata that it means if there is one.
	Classify func(error) error
}

// maxStatements bounds what a connection keeps prepared.
const maxStatements = 500

// Session is one connection with its prepared statements. It serves one goroutine at a time.
//
// Statements run with context.Background(): with a context that can end, go-sqlite3 starts a goroutine per statement.
type Session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	verbs map[string]*sql.Stmt
}

// NewSession takes conn over: Close closes it.
func NewSession(conn *sql.Conn) *Session {
	return &Session{conn: conn, stmts: make(map[string]*sql.Stmt), verbs: make(map[string]*sql.Stmt)}
}

// Conn is the connection, for what a backend asks of its own driver.
func (s *Session) Conn() *sql.Conn { return s.conn }

// Do runs a statement that has neither arguments nor rows.
func (s *Session) Do(text string) error {
	_, err := s.conn.ExecContext(context.Background(), text)
	return err
}

// Verb is Do for the few statements around every transaction, prepared: to parse BEGIN costs as much as to run it.
func (s *Session) Verb(text string) error {
	st, ok := s.verbs[text]
	if !ok {
		var err error
		if st, err = s.conn.PrepareContext(context.Background(), text); err != nil {
			return err
		}
		s.verbs[text] = st
	}
	_, err := st.ExecContext(context.Background())
	return err
}

// Prepared returns the texts of the statements prepared so far, sorted.
func (s *Session) Prepared() []string { return slices.Sorted(maps.Keys(s.stmts)) }

// Close closes the statements and the connection.
func (s *Session) Close() error {
	for _, kept := range []map[string]*sql.Stmt{s.stmts, s.verbs} {
		for _, st := range kept {
			_ = st.Close() // the connection goes with it
		}
		clear(kept)
	}
	// The pool keeps no connection whose use ended with ErrBadConn.
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	if err := s.conn.Close(); err != nil && err != sql.ErrConnDone {
		return err
	}
	return nil
}

func (s *Session) prepare(text string) (*sql.Stmt, error) {
	if st, ok := s.stmts[text]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	if len(s.stmts) >= maxStatements { // searches make statements of their own
		for _, old := range s.stmts {
			_ = old.Close() // it is at its end
		}
		clear(s.stmts)
	}
	s.stmts[text] = st
	return st, nil
}

// query runs a prepared statement and hands each row to scan. It reads all rows, so that the statement is at its end.
func (s *Session) query(text string, args []any, scan func(*sql.Rows) error) (err error) {
	st, err := s.prepare(text)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// exec runs a prepared statement and returns how many rows it changed.
func (s *Session) exec(text string, args []any) (int64, error) {
	st, err := s.prepare(text)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
