package sqlite

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
)

// dialect is the dialect of SQLite.
var dialect = sqlstore.Dialect{
	Position: "instr",
	Numbers:  func(array string) string { return `SELECT value FROM json_each(` + array + `)` },
	Newest:   `SELECT at FROM clock WHERE id = 1`,
	Classify: classify,
}

// classify wraps an error of SQLite, with the sentinel that it means. The classes are result codes and errno, not text.
func classify(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code == sqlite3.ErrFull, e.SystemErrno == syscall.ENOSPC, e.SystemErrno == syscall.EDQUOT:
		return fmt.Errorf("%w: %w", metadata.ErrNoSpace, err)
	case e.Code == sqlite3.ErrReadonly, e.SystemErrno == syscall.EROFS:
		return fmt.Errorf("metadata: %w: %w", syscall.EROFS, err)
	case e.SystemErrno == syscall.EMFILE, e.SystemErrno == syscall.ENFILE:
		return fmt.Errorf("metadata: %w: %w", e.SystemErrno, err)
	case e.ExtendedCode == sqlite3.ErrConstraintForeignKey:
		return fmt.Errorf("%w: %w", metadata.ErrNotExist, err)
	}
	return fmt.Errorf("metadata: %w", err)
}

// inTransaction asks SQLite whether the transaction is still open: after SQLITE_FULL, IOERR, NOMEM and others it may have
// rolled back everything.
func inTransaction(s *session) bool {
	return !s.Conn().(*sqlite3.SQLiteConn).AutoCommit()
}
