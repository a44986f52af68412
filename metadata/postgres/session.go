package postgres

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"slipway/metadata/internal/sqlstore"
)

// session is a sqlstore.Session over one connection. Statements around transactions, and those that are deferred, wait for the next
// statement and are sent with it, so they cost no round trip of their own.
type session struct {
	conn    *pgx.Conn
	waiting []waiting
	bytes   int // of the arguments that wait
	ran     int // statements that ran or wait
	trips   int // to the server
}

// waiting is a statement that waits.
type waiting struct {
	text string
	args []any
	verb bool // around a transaction
	some bool // it is taken to change a row
}

// Bounds of what waits.
const (
	mostWaiting      = 256
	mostWaitingBytes = 1 << 20
)

var (
	_ sqlstore.Scripted  = (*session)(nil)
	_ sqlstore.Deferring = (*session)(nil)
	_ sqlstore.Looking   = (*session)(nil)
)

// later lets a statement around transactions be sent with the next one.
func (s *session) later(text string) { s.waiting = append(s.waiting, waiting{text: text, verb: true}) }

// Defer implements sqlstore.Deferring.
func (s *session) Defer(text string, args []any, some bool) error {
	values, err := normal(args)
	if err != nil {
		return err
	}
	s.ran++
	s.waiting = append(s.waiting, waiting{text: spelled(text), args: values, some: some})
	for _, v := range values {
		switch v := v.(type) {
		case string:
			s.bytes += len(v)
		case []byte:
			s.bytes += len(v)
		}
	}
	if len(s.waiting) < mostWaiting && s.bytes < mostWaitingBytes {
		return nil
	}
	return s.flush()
}

// forget drops what waits.
func (s *session) forget() { s.waiting, s.bytes = s.waiting[:0], 0 }

// Do implements sqlstore.Scripted.
func (s *session) Do(text string) error {
	s.trips++
	_, err := s.conn.Exec(context.Background(), text, pgx.QueryExecModeSimpleProtocol)
	return err
}

// Verb implements sqlstore.Session.
func (s *session) Verb(text string) error {
	s.later(text)
	return s.flush()
}

// flush sends what waits.
func (s *session) flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	results, err := s.send(context.Background())
	if err != nil {
		return err
	}
	return results.Close()
}

// Open implements sqlstore.Session.
func (s *session) Open(ctx context.Context, text string, args []any) (sqlstore.Rows, error) {
	values, err := normal(args)
	if err != nil {
		return nil, err
	}
	s.ran++
	if len(s.waiting) == 0 {
		s.trips++
		found, err := s.conn.Query(ctx, spelled(text), values...)
		if err != nil {
			return nil, err
		}
		return &rows{found: found}, nil
	}
	results, err := s.send(ctx, waiting{text: spelled(text), args: values})
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		_ = results.Close() // the error that counts is err
		return nil, err
	}
	return &rows{found: found, batch: results}, nil
}

// Look implements sqlstore.Looking.
func (s *session) Look(queries []sqlstore.Lookup, found func(i int, r sqlstore.Kept)) error {
	list := make([]waiting, len(queries))
	for i, q := range queries {
		values, err := normal(q.Args)
		if err != nil {
			return err
		}
		list[i] = waiting{text: spelled(q.Text), args: values}
	}
	s.ran++
	results, err := s.send(context.Background(), list...)
	if err != nil {
		return err
	}
	for i := range list {
		answer, err := results.Query()
		k := &kept{}
		for err == nil && answer.Next() {
			row := make([][]byte, 0, len(answer.RawValues()))
			for _, v := range answer.RawValues() {
				row = append(row, bytes.Clone(v)) // NULL stays nil
			}
			k.columns, k.all = slices.Clone(answer.FieldDescriptions()), append(k.all, row)
		}
		if err == nil {
			answer.Close()
			err = answer.Err()
		}
		if err != nil {
			_ = results.Close() // the error that counts is err
			return err
		}
		found(i, k)
	}
	return results.Close()
}

// Exec implements sqlstore.Session.
func (s *session) Exec(text string, args []any) (int64, error) {
	values, err := normal(args)
	if err != nil {
		return 0, err
	}
	s.ran++
	ctx := context.Background()
	if len(s.waiting) == 0 {
		s.trips++
		tag, err := s.conn.Exec(ctx, spelled(text), values...)
		return tag.RowsAffected(), err
	}
	results, err := s.send(ctx, waiting{text: spelled(text), args: values})
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	if cerr := results.Close(); err == nil {
		err = cerr
	}
	return tag.RowsAffected(), err
}

// send sends what waits, and statements behind it, in one round trip. The answers that come next are theirs. ErrDeferred.
func (s *session) send(ctx context.Context, statements ...waiting) (pgx.BatchResults, error) {
	b := &pgx.Batch{}
	sent := slices.Clone(s.waiting)
	s.forget()
	for _, w := range slices.Concat(sent, statements) {
		b.Queue(w.text, w.args...)
	}
	s.trips++
	results := s.conn.SendBatch(ctx, b)
	var wrong error
	for _, w := range sent {
		tag, err := results.Exec()
		switch {
		case wrong != nil: // what follows is not what it was meant to be
		case err != nil && w.verb:
			wrong = err
		case err != nil:
			wrong = fmt.Errorf("%w: %w", sqlstore.ErrDeferred, err)
		case w.some && tag.RowsAffected() == 0:
			wrong = fmt.Errorf("%w: no row was changed by %s", sqlstore.ErrDeferred, w.text)
		}
		if err != nil {
			break
		}
	}
	if wrong != nil {
		_ = results.Close() // the error that counts is wrong
		return nil, wrong
	}
	return results, nil
}

// deferring is a session that defers all that writes.
type deferring struct{ *session }

// Exec implements sqlstore.Session. It does not know how many rows change.
func (s deferring) Exec(text string, args []any) (int64, error) { return 0, s.Defer(text, args, false) }

// normal turns arguments into the few types that are sent, as internal/sqldrv does.
func normal(args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, v := range args {
		switch b := v.(type) {
		case int64, string, nil:
		case []byte:
			if b == nil {
				v = nil
			}
		default:
			var err error
			if v, err = driver.DefaultParameterConverter.ConvertValue(v); err != nil {
				return nil, fmt.Errorf("metadata: argument $%d: %w", i+1, err)
			}
		}
		out[i] = v
	}
	return out, nil
}

// spelled is a statement as PostgreSQL reads it. CROSS JOIN with a condition fixes the order in which SQLite looks tables up.
func spelled(text string) string { return strings.ReplaceAll(text, "CROSS JOIN ", "JOIN ") }
