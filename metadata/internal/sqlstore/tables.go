package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Table is a table of the schema, as far as a copy of all its rows needs it. Both kinds of database have the same tables.
type Table struct {
	Name     string
	Columns  []string
	Key      []string // the columns of its primary key
	Parents  []string // tables that its rows refer to
	Numbered bool     // its rows have IDs
}

func quoted(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }

// Select is the query for all rows, ascending by key.
func (t Table) Select() string {
	return `SELECT ` + quoted(t.Columns) + ` FROM "` + t.Name + `" ORDER BY ` + quoted(t.Key)
}

// Insert is the statement that adds a row.
func (t Table) Insert() string {
	marks := make([]string, len(t.Columns))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	return `INSERT INTO "` + t.Name + `" (` + quoted(t.Columns) + `) VALUES (` + strings.Join(marks, `, `) + `)`
}

// Clear is the statement that removes all rows, such as those that the steps of the schema made.
func (t Table) Clear() string { return `DELETE FROM "` + t.Name + `"` }

// Rows hands every row to fn, ascending by key: values as int64, string, []byte or nil, one for each column. fn may keep them.
func (t Table) Rows(ctx context.Context, s Session, fn func(values []any) error) error {
	dest := make([]any, len(t.Columns))
	err := Query(ctx, s, t.Select(), nil, func(r Row) error {
		values := make([]any, len(t.Columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := r.Scan(dest...); err != nil {
			return err
		}
		return fn(values)
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	return nil
}

// CheckTexts refuses a row with a text that not every database keeps: a row of an SQLite database that was made before those were refused.
func (t Table) CheckTexts(values []any) error {
	for i, v := range values {
		if text, ok := v.(string); ok && (strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text)) {
			return fmt.Errorf("table %s, key %v: column %s has a text with a NUL character, or one that is not UTF-8, which PostgreSQL does not keep: %.100q",
				t.Name, values[:len(t.Key)], t.Columns[i], text)
		}
	}
	return nil
}

// InOrder sorts tables so that each comes behind those that its rows refer to.
func InOrder(tables []Table) ([]Table, error) {
	var out []Table
	placed := map[string]bool{}
	for len(out) < len(tables) {
		before := len(out)
		for _, t := range tables {
			waits := slices.ContainsFunc(t.Parents, func(name string) bool { return name != t.Name && !placed[name] })
			if !placed[t.Name] && !waits {
				placed[t.Name], out = true, append(out, t)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("metadata: tables refer to each other in a circle: %d of %d can be sorted", len(out), len(tables))
		}
	}
	return out, nil
}

// StateOf reads what a database with several writers keeps of the log and the rows out of a database that keeps none of it, and the time
// of its last update.
func StateOf(ctx context.Context, s Session, tables []Table) (State, time.Time, error) {
	var q Sequencer
	at, err := q.Load(s)
	if err != nil {
		return State{}, at, err
	}
	state := q.State()
	if err := Query(ctx, s, `SELECT id FROM log_entry ORDER BY seq DESC LIMIT 1`, nil, func(r Row) error { return r.Scan(&state.Last) }); err != nil {
		return state, at, err
	}
	state.Last = strings.TrimPrefix(state.Last, entryPrefix)
	for _, t := range tables {
		if !t.Numbered || t.Name == "log_entry" || t.Name == "log_hash" { // the entries of the log count apart
			continue
		}
		if err := Query(ctx, s, `SELECT COALESCE(MAX("`+t.Key[0]+`"), 0) FROM "`+t.Name+`"`, nil, func(r Row) error {
			var most int64
			err := r.Scan(&most)
			state.Rows = max(state.Rows, most)
			return err
		}); err != nil {
			return state, at, err
		}
	}
	return state, at, nil
}
