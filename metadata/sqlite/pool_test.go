package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// openPool opens a database by package database/sql, for queries of tests.
func openPool(path string, p purpose) *sql.DB { return sql.OpenDB(connector{path, p}) }

type connector struct {
	path    string
	purpose purpose
}

func (c connector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(dsn(c.path, c.purpose))
}

func (c connector) Driver() driver.Driver { return newDriver(c.purpose) }
