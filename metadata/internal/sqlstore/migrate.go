package sqlstore

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"slipway/internal/lazyregexp"
	"slipway/metadata"
)

// Migration is one step of the schema.
type Migration struct {
	Number int64
	Name   string // file name
	SQL    string
}

var migrationName = lazyregexp.New(`^([0-9]{4})_[a-z0-9_]+\.sql$`)

// Migrations reads the files NNNN_name.sql of a folder. Their numbers are 1, 2, 3 … without a gap or a repetition.
func Migrations(dir fs.FS) ([]Migration, error) {
	entries, err := fs.ReadDir(dir, ".") // ascending by name
	if err != nil {
		return nil, err
	}
	var out []Migration
	for _, e := range entries {
		m := migrationName.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("migration %s is not named NNNN_name.sql", e.Name())
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return nil, err
		}
		if want := int64(len(out)) + 1; n != want {
			return nil, fmt.Errorf("migration %s has number %d where %d is next", e.Name(), n, want)
		}
		text, err := fs.ReadFile(dir, e.Name())
		if err != nil {
			return nil, err
		}
		out = append(out, Migration{Number: n, Name: e.Name(), SQL: string(text)})
	}
	return out, nil
}

const createMigrationTable = `CREATE TABLE IF NOT EXISTS schema_migration (
	number     BIGINT NOT NULL PRIMARY KEY,
	name       TEXT NOT NULL,
	applied_at BIGINT NOT NULL
)`

// Scripted is a session that runs texts of several statements without arguments.
type Scripted interface {
	Session
	Do(text string) error
}

// Migrate brings the schema up to date, each step in a transaction of its own. begin starts a transaction that no other
// migration runs beside. metadata.ErrNewer: the schema is of a newer binary.
func Migrate(s Scripted, list []Migration, begin string, now func() time.Time) error {
	// Every turn reads the schema's state again, since another process may have migrated between two transactions.
	for {
		done, err := migrateOne(s, list, begin, now)
		if err != nil || done {
			return err
		}
	}
}

func migrateOne(s Scripted, list []Migration, begin string, now func() time.Time) (done bool, err error) {
	if err := s.Do(begin); err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			_ = s.Do(`ROLLBACK`) // the error that counts is err
		}
	}()
	if err := s.Do(createMigrationTable); err != nil {
		return false, err
	}
	at, err := Applied(s, list)
	if err != nil {
		return false, err
	}
	if at == len(list) {
		return true, s.Do(`COMMIT`)
	}
	m := list[at]
	if err := s.Do(m.SQL); err != nil {
		return false, fmt.Errorf("migration %s: %w", m.Name, err)
	}
	if _, err := s.Exec(`INSERT INTO schema_migration (number, name, applied_at) VALUES ($1, $2, $3)`,
		[]any{m.Number, m.Name, micros(now())}); err != nil {
		return false, fmt.Errorf("migration %s: %w", m.Name, err)
	}
	return false, s.Do(`COMMIT`)
}

// MakeTables makes the tables of an empty database within the caller's transaction, and notes none of the steps.
func MakeTables(s Scripted, list []Migration) error {
	if err := s.Do(createMigrationTable); err != nil {
		return err
	}
	for _, m := range list {
		if err := s.Do(m.SQL); err != nil {
			return fmt.Errorf("migration %s: %w", m.Name, err)
		}
	}
	return nil
}

// Applied returns how many of the migrations the database has. metadata.ErrNewer.
func Applied(s Session, list []Migration) (int, error) {
	n := 0
	err := Query(context.Background(), s, `SELECT number, name FROM schema_migration ORDER BY number`, nil, func(r row) error {
		var number int64
		var name string
		if err := r.Scan(&number, &name); err != nil {
			return err
		}
		switch {
		case n >= len(list):
			return fmt.Errorf("%w: it has migration %s, the last one known is number %d", metadata.ErrNewer, name, len(list))
		case list[n].Number != number || list[n].Name != name:
			return fmt.Errorf("%w: it has migration %s where %s is known", metadata.ErrNewer, name, list[n].Name)
		}
		n++
		return nil
	})
	return n, err
}
