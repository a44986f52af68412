package postgres

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway/metadata"
)

// Codes of errors (SQLSTATE).
const (
	codeForeignKey      = "23503"
	codeUnique          = "23505"
	codeDuplicateTable  = "42P07"
	codeDuplicateSchema = "42P06"
	codeDuplicateObject = "42710" // the type of a table
	codeNoTable         = "42P01"
	codeDiskFull        = "53100"
	codeConnections     = "53300"
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
	codeFeature         = "0A000" // a plan whose result has changed
	codeReadOnly        = "25006" // a standby
	codeLockTimeout     = "55P03"
	codeWarning         = "01000"
	classConnection     = "08"
	classIntervention   = "57P"
	unreplicatedMessage = "canceling wait for synchronous replication"
)

// code is the SQLSTATE of an error; "" when it does not come from the server.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// classify wraps an error of the database, with the sentinel that it means.
func classify(err error) error {
	c := code(err)
	switch {
	case c == "" && !lost(err):
		return err
	case c == codeForeignKey:
		return fmt.Errorf("%w: %w", metadata.ErrNotExist, err)
	case c == codeDiskFull:
		return fmt.Errorf("%w: %w", metadata.ErrNoSpace, err)
	case c == codeConnections, c == codeLockTimeout, lost(err):
		return fmt.Errorf("%w: %w", metadata.ErrUnavailable, err)
	}
	return fmt.Errorf("metadata: %w", err)
}

// lost reports whether an error says that the connection is of no use any more: it is broken, or of a server that only reads.
func lost(err error) bool {
	if c := code(err); c != "" {
		return c == codeReadOnly || strings.HasPrefix(c, classConnection) || strings.HasPrefix(c, classIntervention)
	}
	var network *net.OpError
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || err != nil && pgconn.SafeToRetry(err)
}

// again reports whether the database asks for the transaction to be run again.
func again(err error) bool {
	c := code(err)
	return c == codeSerialization || c == codeDeadlock || c == codeFeature || lost(err)
}
