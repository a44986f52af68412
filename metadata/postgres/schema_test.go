package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
	"slipway/metadata/sqlite"
)

// TestSchema: both databases have the same tables with the same columns, and the same indexes, but for the tables by which
// PostgreSQL takes turns. Texts are compared byte by byte in both.
func TestSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want, have := map[string]bool{}, map[string]bool{}
	rows, err := db.QueryContext(t.Context(), `SELECT m.name || '.' || p.name || ' ' ||
			CASE p.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BIGINT' THEN 'bigint' WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'bytea' ELSE p.type END ||
			CASE WHEN p."notnull" = 1 OR p.pk > 0 THEN ' NOT NULL' ELSE '' END
		FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
		UNION ALL SELECT 'index ' || name || ' of ' || tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		want[line] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	admin := administrator(t, postgrestest.URL(t))
	const own = `('turn', 'batch', 'member', 'schema_lock')`
	lines, err := admin.Query(context.Background(), `SELECT table_name || '.' || column_name || ' ' || data_type ||
			CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END ||
			CASE WHEN data_type = 'text' AND table_name <> 'schema_migration' AND collation_name IS DISTINCT FROM 'C' THEN ' of another order' ELSE '' END
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT IN `+own+`
		UNION ALL SELECT 'index ' || indexname || ' of ' || tablename FROM pg_indexes
		WHERE schemaname = 'public' AND tablename NOT IN `+own+` AND indexname NOT IN (SELECT conname FROM pg_constraint)`)
	if err != nil {
		t.Fatal(err)
	}
	for lines.Next() {
		var line string
		if err := lines.Scan(&line); err != nil {
			t.Fatal(err)
		}
		have[line] = true
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(want) < 200 {
		t.Errorf("SQLite has only %d columns and indexes", len(want))
	}
	for _, line := range slices.Sorted(maps.Keys(want)) {
		if !have[line] {
			t.Error(fmt.Sprint("PostgreSQL lacks ", line))
		}
		delete(have, line)
	}
	for _, line := range slices.Sorted(maps.Keys(have)) {
		t.Error(fmt.Sprint("SQLite lacks ", line))
	}
}

// TestStarts: processes that start at once over a database without tables make them together, and none fails (cluster 8).
func TestStarts(t *testing.T) {
	url := postgrestest.Blank(t)
	for round := range 6 {
		var starts sync.WaitGroup
		for i := range 8 {
			starts.Go(func() {
				store, err := postgres.Open(t.Context(), fmt.Sprint(url, "&schema=start", round), postgres.WithPeers(), postgres.WithName(fmt.Sprint("process", i)))
				if err != nil {
					t.Error(err)
					return
				}
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		starts.Wait()
	}
}
