package sqlite

import (
	"context"
	"database/sql/driver"

	"slipway/internal/sqldrv"
	"slipway/metadata/internal/sqlstore"
)

// session is a sqlstore.Session.
type session struct{ *sqldrv.Session }

func newSession(conn driver.Conn) *session { return &session{sqldrv.NewSession(conn)} }

// Open implements sqlstore.Session.
func (s *session) Open(ctx context.Context, text string, args []any) (sqlstore.Rows, error) {
	rows, err := s.Session.Open(ctx, text, args)
	if err != nil {
		return nil, err
	}
	return rows, nil
}
