package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"slipway/internal/fsync"
	"slipway/metadata/internal/sqlstore"
)

// File is a database that is made, or read, table by table: a snapshot as another kind of database takes it, or gives it. One goroutine
// uses it.
type File struct {
	path    string
	made    bool
	session *session
	tables  []sqlstore.Table
}

// MakeFile makes a database (mode 0600) with the first steps of the schema, whose tables are empty. The caller closes, which makes it
// durable.
func MakeFile(path string, steps int) (_ *File, err error) {
	list, err := migrations()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	s, err := openFile(path, copying)
	if err != nil {
		return nil, err
	}
	s.made = true
	defer func() {
		if err != nil {
			err = errors.Join(err, s.session.Close())
		}
	}()
	if err := s.session.Do(beginWrite); err != nil {
		return nil, classify(err)
	}
	if err := sqlstore.MakeTables(s.session, list[:steps]); err != nil {
		return nil, classify(err)
	}
	if err := s.read(); err != nil {
		return nil, err
	}
	for i := len(s.tables) - 1; i >= 0; i-- {
		if err := s.session.Do(s.tables[i].Clear()); err != nil {
			return nil, classify(err)
		}
	}
	return s, nil
}

// ReadFile opens a database that no process writes. The caller closes.
func ReadFile(path string) (*File, error) {
	path, err := existing(path)
	if err != nil {
		return nil, err
	}
	s, err := openFile(path, readOnly)
	if err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		return nil, errors.Join(err, s.session.Close())
	}
	return s, nil
}

func openFile(path string, p purpose) (*File, error) {
	session, err := connect(path, p)
	if err != nil {
		return nil, err
	}
	return &File{path: path, session: session}, nil
}

// read reads which tables there are.
func (f *File) read() error {
	at := map[string]int{}
	var list []sqlstore.Table
	err := sqlstore.Query(context.Background(), f.session, `SELECT m.name, p.name, p.pk, p.type FROM sqlite_schema m, pragma_table_info(m.name) p
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.pk = 0, p.pk, p.cid`, nil, func(r sqlstore.Row) error {
		var name, column, kind string
		var key int
		if err := r.Scan(&name, &column, &key, &kind); err != nil {
			return err
		}
		if _, known := at[name]; !known {
			at[name], list = len(list), append(list, sqlstore.Table{Name: name})
		}
		t := &list[at[name]]
		if t.Columns = append(t.Columns, column); key > 0 {
			t.Numbered = key == 1 && kind == "INTEGER" // an alias of the row's number has this type, and no second column beside it
			t.Key = append(t.Key, column)
		}
		if t.Numbered = t.Numbered && len(t.Key) == 1; len(t.Key) == 0 {
			return fmt.Errorf("metadata: table %s has no primary key", name)
		}
		return nil
	})
	if err != nil {
		return classify(err)
	}
	err = sqlstore.Query(context.Background(), f.session, `SELECT m.name, p."table" FROM sqlite_schema m, pragma_foreign_key_list(m.name) p WHERE m.type = 'table'`, nil,
		func(r sqlstore.Row) error {
			var name, parent string
			err := r.Scan(&name, &parent)
			list[at[name]].Parents = append(list[at[name]].Parents, parent)
			return err
		})
	if err == nil {
		f.tables, err = sqlstore.InOrder(list)
	}
	return classify(err)
}

// Tables are the tables, each behind those that its rows refer to.
func (f *File) Tables() []sqlstore.Table { return f.tables }

// Rows hands every row of a table to fn, ascending by key.
func (f *File) Rows(ctx context.Context, t sqlstore.Table, fn func(values []any) error) error {
	return classify(t.Rows(ctx, f.session, fn))
}

// Insert adds a row.
func (f *File) Insert(t sqlstore.Table, values []any) error {
	if _, err := f.session.Exec(t.Insert(), values); err != nil {
		return fmt.Errorf("metadata: table %s: %w", t.Name, classify(err))
	}
	return nil
}

// State is what a database with several writers keeps of this one, and the time of its last update. No ID that was given out is above
// State.Rows, also of rows that are gone.
func (f *File) State(ctx context.Context) (sqlstore.State, time.Time, error) {
	state, at, err := sqlstore.StateOf(ctx, f.session, f.tables)
	if err != nil {
		return state, at, classify(err)
	}
	err = sqlstore.Query(ctx, f.session, `SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence`, nil, func(r sqlstore.Row) error {
		var most int64
		err := r.Scan(&most)
		state.Rows = max(state.Rows, most)
		return err
	})
	return state, at, classify(err)
}

// Finish ends a database that was made: its clock is not before at, and no table of IDs that are given out once gives out one up to ids.
func (f *File) Finish(ids int64, at time.Time) error {
	err := f.session.Do(`DELETE FROM sqlite_sequence`)
	if err == nil {
		_, err = f.session.Exec(`INSERT INTO sqlite_sequence (name, seq) SELECT name, $1 FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'`, []any{ids})
	}
	if err == nil {
		_, err = f.session.Exec(`UPDATE clock SET at = $1 WHERE at < $1 AND COALESCE((SELECT at FROM log_entry ORDER BY seq DESC LIMIT 1), 0) < $1`, []any{at.UnixMicro()})
	}
	if err == nil {
		err = f.session.Do(commit)
	}
	return classify(err)
}

// Close closes the database, and makes one durable that was made.
func (f *File) Close() error {
	if err := f.session.Close(); err != nil || !f.made {
		return classify(err)
	}
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(file.Sync(), file.Close(), fsync.Dir(filepath.Dir(f.path)))
	}
	if err != nil {
		return fmt.Errorf("metadata: %s: %w", f.path, err)
	}
	return nil
}
