package sqlstore

import (
	"database/sql/driver"
	"strings"

	"slipway/internal/sqldrv"
)

// Dialect holds the differences between databases.
type Dialect struct {
	// Position names the function (text, part) that returns where part begins in text, from 1; 0 when text lacks it.
	Position string
	// Numbers is the query for all numbers in a JSON array; array is its placeholder.
	Numbers func(array string) string
	// Classify wraps a driver's error, with the sentinel of package metadata that it means if there is one.
	Classify func(error) error
}

// Session is one connection with its prepared statements, for one goroutine at a time.
type Session struct {
	*sqldrv.Session
	tables map[string]string // the table that a statement writes, by the statement's text
}

// NewSession takes conn over: Close closes it. Its statements take contexts, and readers may keep the bytes in its rows.
func NewSession(conn driver.Conn) *Session {
	return &Session{Session: sqldrv.NewSession(conn), tables: make(map[string]string)}
}

// table returns the table that a statement writes; "" for a query.
func (s *Session) table(text string) string {
	t, ok := s.tables[text]
	if !ok {
		t = written(text)
		s.tables[text] = t
	}
	return t
}

// written finds the table in the text of a statement, which allocates: Session.table remembers the answer.
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
