package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"slipway/metadata/internal/sqlstore"
)

// session is a sqlstore.Session over one connection. Statements around transactions wait for the next statement and are sent with
// it, so they cost no round trip of their own.
type session struct {
	conn    *pgx.Conn
	waiting []string
}

var _ sqlstore.Scripted = (*session)(nil)

// later lets a statement around transactions be sent with the next one.
func (s *session) later(text string) { s.waiting = append(s.waiting, text) }

// Do implements sqlstore.Scripted.
func (s *session) Do(text string) error {
	_, err := s.conn.Exec(context.Background(), text, pgx.QueryExecModeSimpleProtocol)
	return err
}

// Verb implements sqlstore.Session.
func (s *session) Verb(text string) error {
	if err := s.flush(); err != nil {
		return err
	}
	return s.Do(text)
}

// flush sends what waits.
func (s *session) flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	text := strings.Join(s.waiting, "; ")
	s.waiting = s.waiting[:0]
	return s.Do(text)
}

// Open implements sqlstore.Session.
func (s *session) Open(ctx context.Context, text string, args []any) (sqlstore.Rows, error) {
	values, err := normal(args)
	if err != nil {
		return nil, err
	}
	if len(s.waiting) == 0 {
		found, err := s.conn.Query(ctx, spelled(text), values...)
		if err != nil {
			return nil, err
		}
		return &rows{found: found}, nil
	}
	results, err := s.send(ctx, text, values)
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

// Exec implements sqlstore.Session.
func (s *session) Exec(text string, args []any) (int64, error) {
	values, err := normal(args)
	if err != nil {
		return 0, err
	}
	ctx := context.Background()
	if len(s.waiting) == 0 {
		tag, err := s.conn.Exec(ctx, spelled(text), values...)
		return tag.RowsAffected(), err
	}
	results, err := s.send(ctx, text, values)
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	if cerr := results.Close(); err == nil {
		err = cerr
	}
	return tag.RowsAffected(), err
}

// send sends what waits and a statement in one round trip. The answer that comes next is the statement's.
func (s *session) send(ctx context.Context, text string, values []any) (pgx.BatchResults, error) {
	b := &pgx.Batch{}
	verbs := len(s.waiting)
	for _, verb := range s.waiting {
		b.Queue(verb)
	}
	s.waiting = s.waiting[:0]
	b.Queue(spelled(text), values...)
	results := s.conn.SendBatch(ctx, b)
	for range verbs {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // the error that counts is err
			return nil, err
		}
	}
	return results, nil
}

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
