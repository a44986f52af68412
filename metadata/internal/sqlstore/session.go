package sqlstore

import (
	"context"
	"strings"
	"sync"

	"slipway/internal/sqldrv"
)

// Dialect holds the differences between databases.
type Dialect struct {
	// Position names the function (text, part) that returns where part begins in text, from 1; 0 when text lacks it.
	Position string
	// Numbers is the query for all numbers in a JSON array; array is its placeholder.
	Numbers func(array string) string
	// Newest is the query for the time of the newest update, in microseconds. Where it is not of every update, Shared is false, and
	// the store's clock is not before any that a snapshot shows.
	Newest string
	Shared bool
	// Classify wraps a driver's error, with the sentinel of package metadata that it means if there is one.
	Classify func(error) error
}

// Row is one row of a query: see sqldrv.Row.
type Row = sqldrv.Row

// Rows are the rows of a query, read one after the other. What is read from them may be kept.
type Rows interface {
	Row
	// Next reads the next row; false: there is none, or an error.
	Next() bool
	// Close ends the query and returns the error that ended it early.
	Close() error
}

// Query hands the rows of a query to scan.
func Query(ctx context.Context, s Session, text string, args []any, scan func(Row) error) error {
	rows, err := s.Open(ctx, text, args)
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

// Session is one connection with its prepared statements, for one goroutine at a time.
type Session interface {
	// Open runs a statement, which stays prepared, until ctx ends. The caller closes its rows before it uses the session again.
	Open(ctx context.Context, text string, args []any) (Rows, error)
	// Exec runs a statement, which stays prepared, and returns how many rows it changed. Nothing interrupts it.
	Exec(text string, args []any) (int64, error)
	// Verb runs a statement around transactions, which has neither arguments nor rows.
	Verb(text string) error
}

// tables remembers which table a statement writes, by the statement's text: finding it allocates. Texts of statements that write
// are few.
var tables = struct {
	sync.RWMutex
	of map[string]string
}{of: make(map[string]string)}

// table returns the table that a statement writes; "" for a query.
func table(text string) string {
	tables.RLock()
	name, ok := tables.of[text]
	tables.RUnlock()
	if !ok {
		name = written(text)
		tables.Lock()
		tables.of[text] = name
		tables.Unlock()
	}
	return name
}

// written finds the table in the text of a statement.
func written(text string) string {
	words := strings.Fields(text)
	for i, verb := range []string{"UPDATE", "INSERT INTO", "DELETE FROM"} {
		at := 1 + min(i, 1)
		if len(words) > at && strings.Join(words[:at], " ") == verb {
			return words[at]
		}
	}
	return ""
}
