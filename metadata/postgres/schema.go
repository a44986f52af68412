package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"slipway/metadata/internal/sqlstore"
)

// dialect is the dialect of PostgreSQL.
var dialect = sqlstore.Dialect{
	Position: "strpos",
	Numbers: func(array string) string {
		return `SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(` + array + ` AS JSON))`
	},
	Newest:   `SELECT at FROM batch ORDER BY gen DESC LIMIT 1`,
	Shared:   true,
	Classify: classify,
}

// migrations are the steps of this binary's schema.
func migrations() ([]sqlstore.Migration, error) {
	return sqlstore.Spelling{ID: "BIGINT PRIMARY KEY", Int: "BIGINT", Text: `TEXT COLLATE "C"`, Bytes: "BYTEA", Empty: "''", Quote: `"`}.Migrations()
}

// Tables that only PostgreSQL has. Row 1 of turn is never changed, only locked: who has the lock writes. Each group of updates adds a
// row to batch, whose last one is the state that the next group goes on from. A row that is updated instead would get slower to read
// beside a long snapshot.
const ownTables = `
CREATE TABLE IF NOT EXISTS turn (
	id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO turn (id) VALUES (1) ON CONFLICT (id) DO NOTHING;

CREATE TABLE IF NOT EXISTS batch (
	gen     BIGINT PRIMARY KEY,
	writer  BYTEA NOT NULL,  -- random, of the group
	at      BIGINT NOT NULL, -- the newest time
	size    BIGINT NOT NULL, -- entries in the log
	ids     BIGINT NOT NULL, -- the highest ID of a row
	edge    BYTEA NOT NULL,  -- the newest hash of every level of the log's tree
	last_id TEXT NOT NULL,   -- of the newest entry
	parts   BYTEA,           -- what the group touched; NULL: anything
	entries BIGINT NOT NULL  -- of the group
) WITH (autovacuum_vacuum_scale_factor = 0.01);
INSERT INTO batch (gen, writer, at, size, ids, edge, last_id, entries)
	SELECT 0, '', 0, 0, 0, '', '', 0 WHERE NOT EXISTS (SELECT 1 FROM batch);

CREATE TABLE IF NOT EXISTS member (
	name  TEXT PRIMARY KEY,
	boot  BYTEA NOT NULL,  -- random, of the process
	since BIGINT NOT NULL,
	until BIGINT NOT NULL  -- from then on it counts as gone, unless it says otherwise before
);
ALTER TABLE member ADD COLUMN IF NOT EXISTS alone BIGINT NOT NULL DEFAULT 1; -- 1: no other process may live beside it
ALTER TABLE member ADD COLUMN IF NOT EXISTS version TEXT NOT NULL DEFAULT ''; -- of the program
`

// lockTables is the row that a process locks while it makes tables.
const lockTables = `CREATE TABLE IF NOT EXISTS schema_lock (id BIGINT PRIMARY KEY CHECK (id = 1));
	INSERT INTO schema_lock (id) VALUES (1) ON CONFLICT (id) DO NOTHING`

// restoring is the name of a process that has the lock of the schema for long.
const restoring = "the restore of a backup"

// mostRaces bounds how often making the first table is tried: of processes that make it at once, all but one fail.
const mostRaces = 20

// migrate brings the schema up to date, while others wait.
func (s *Store) migrate(on *session) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	if err := s.target.lockable(on); err != nil {
		return err
	}
	const begin = `BEGIN; SELECT id FROM schema_lock WHERE id = 1 FOR UPDATE`
	if err := sqlstore.Migrate(on, steps, begin, time.Now); err != nil {
		if code(err) == codeLockTimeout {
			return &inUse{restoring}
		}
		return classify(err)
	}
	if err := on.Do(begin + `;` + ownTables + `;COMMIT`); err != nil {
		return errors.Join(classify(err), on.Do(rollback))
	}
	return nil
}

// lockable makes the schema, and in it the row that a process locks while it makes tables.
func (t target) lockable(on *session) error {
	if t.schema != defaultSchema {
		if err := raced(on, `CREATE SCHEMA IF NOT EXISTS "`+t.schema+`"`); err != nil {
			return classify(err)
		}
	}
	return classify(raced(on, lockTables))
}

// raced runs a statement that makes what may exist, which fails where another process makes it at the same time.
func raced(on *session, text string) error {
	for try := 1; ; try++ {
		err := on.Do(text)
		if c := code(err); c != codeUnique && c != codeDuplicateTable && c != codeDuplicateSchema && c != codeDuplicateObject || try == mostRaces {
			return err
		}
		time.Sleep(time.Duration(try) * 10 * time.Millisecond)
	}
}

// leastVersion is the oldest server whose settings are all known: PostgreSQL 14.
const leastVersion = 140000

// checkServer refuses a server that would lose what it has acknowledged, by the name of the setting.
func checkServer(on *session) error {
	value := func(name string) (text string, err error) {
		err = on.conn.QueryRow(context.Background(), `SELECT current_setting($1)`, pgx.QueryExecModeExec, name).Scan(&text)
		return text, classify(err)
	}
	version, err := value("server_version_num")
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(version); err != nil || n < leastVersion {
		return fmt.Errorf("metadata: the database server has version %s, at least PostgreSQL 14 is needed", version)
	}
	for _, c := range []struct{ setting, bad, why string }{
		{"fsync", "off", "what it acknowledges is lost when its machine fails"},
		{"full_page_writes", "off", "its files may be damaged when its machine fails"},
	} {
		if is, err := value(c.setting); err != nil {
			return err
		} else if is == c.bad {
			return fmt.Errorf("metadata: the database server runs with %s = %s: %s", c.setting, is, c.why)
		}
	}
	if is, err := value("server_encoding"); err != nil || is != "UTF8" {
		return errors.Join(err, fmt.Errorf("metadata: the database has the encoding %s, UTF8 is needed", is))
	}
	return nil
}
