package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
	"slipway/metadata/sqlite"
)

func nothing(int64, int64) {}

// at is the place that a URL names.
func at(t *testing.T, url string) *postgres.Location {
	t.Helper()
	l, err := postgres.At(url, t.TempDir(), func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// contents are the rows of all tables of an SQLite database.
func contents(t *testing.T, path string) map[string][][]any {
	t.Helper()
	f, err := sqlite.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][][]any{}
	for _, table := range f.Tables() {
		if err := f.Rows(t.Context(), table, func(values []any) error {
			out[table.Name] = append(out[table.Name], values)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// corpus is a database of SQLite with a log of real entries and several rows in every table of the schema, also in tables that come later:
// their values are random, and refer to rows that are there.
func corpus(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slipway.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 37 {
		entries(t, s, 1+n%3)
	}
	if err := s.Update(t.Context(), func(tx metadata.Tx) error {
		return tx.Log().PutCheckpoint(metadata.Checkpoint{Size: 5, Note: []byte("signed")})
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := sqlite.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	db, err := sql.Open("sqlite3", path+"?_foreign_keys=on")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range f.Tables() {
		fillTable(t, db, table)
	}
	// The highest number was given to a row that is gone.
	for _, text := range []string{`INSERT INTO blob (id, digest, size, created_at, released_at) VALUES (4711, x'99', 1, 1, 1)`, `DELETE FROM blob WHERE id = 4711`} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// filled by the log itself, or by the migrations.
var ownRows = []string{"log_entry", "log_hash", "checkpoint", "clock", "schema_migration"}

// texts that sort, quote and store badly.
var texts = []string{"", "a", "B", "ä", "\U0001F600", "'\"\\", "\t\n", "NULL", `\N`, strings.Repeat("long ", 2000), "ａ", " "}

// chosen are the values that a column allows, for those that don't take any.
var chosen = map[string][]any{"permission.holder": {"user", "token"}, "tag.seq_to": {nil, int64(1) << 62}}

func fillTable(t *testing.T, db *sql.DB, table sqlstore.Table) {
	t.Helper()
	if slices.Contains(ownRows, table.Name) {
		return
	}
	type column struct {
		name, kind, parent, of string
		null                   bool
	}
	var columns []column
	rows, err := db.QueryContext(t.Context(), `SELECT p.name, p.type, p."notnull" = 0 AND p.pk = 0, COALESCE(k."table", ''), COALESCE(k."to", '')
		FROM pragma_table_info($1) p LEFT JOIN pragma_foreign_key_list($1) k ON k."from" = p.name`, table.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind, &c.null, &c.parent, &c.of); err != nil {
			t.Fatal(err)
		}
		columns = append(columns, c)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	for n := range 7 {
		names, marks, values := []string{}, []string{}, []any{}
		for _, c := range columns {
			var v any
			switch {
			case chosen[table.Name+"."+c.name] != nil:
				list := chosen[table.Name+"."+c.name]
				v = list[n%len(list)]
			case c.parent != "" && !(c.null && n == 0):
				var some []any
				ids, err := db.QueryContext(t.Context(), `SELECT "`+c.of+`" FROM "`+c.parent+`"`)
				if err != nil {
					t.Fatal(err)
				}
				for ids.Next() {
					var id any
					if err := ids.Scan(&id); err != nil {
						t.Fatal(err)
					}
					some = append(some, id)
				}
				if err := errors.Join(ids.Err(), ids.Close()); err != nil || len(some) == 0 {
					t.Fatalf("%s.%s: nothing to refer to (%v)", table.Name, c.name, err)
				}
				v = some[n%len(some)]
			case c.null && n%2 == 0:
			case c.kind == "INTEGER" && slices.Equal(table.Key, []string{c.name}):
				v = int64(n*100 + 7)
			case c.kind == "INTEGER":
				v = []int64{int64(n), -1, 1 << 62, rand.Int64N(1000)}[rand.IntN(4)]
			case c.kind == "TEXT":
				v = texts[rand.IntN(len(texts))] + fmt.Sprint(n)
			default:
				v = [][]byte{{}, {0}, {0xff, 0, byte(n)}, []byte(fmt.Sprint(n, table.Name))}[n%4]
				if c.name == "hash" || c.name == "digest" { // unique
					v = []byte{byte(n), 0, 0xff}
				}
			}
			names, marks, values = append(names, `"`+c.name+`"`), append(marks, fmt.Sprint("$", len(marks)+1)), append(values, v)
		}
		_, err := db.ExecContext(t.Context(), `INSERT OR IGNORE INTO "`+table.Name+`" (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`, values...)
		if err != nil {
			t.Fatalf("%s: %v", table.Name, err)
		}
	}
}

func entries(t *testing.T, s metadata.Store, n int) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx metadata.Tx) error {
		for range n {
			if _, err := tx.Log().Append(metadata.Entry{Type: "test", Subject: texts[rand.IntN(len(texts))], Actor: metadata.Actor{Type: "system", ID: "x"}, Data: []byte(`{}`)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// bring restores a snapshot.
func bring(t *testing.T, l *postgres.Location, snapshot string) error {
	t.Helper()
	lock, err := l.Lock()
	if err != nil {
		t.Fatal(err)
	}
	return errors.Join(l.Bring(t.Context(), snapshot, func(metadata.Store) error { return nil }), lock.Close())
}

// TestPortable: a database goes from SQLite to PostgreSQL and back with every row of every table, and the log goes on in both, with numbers
// and IDs that were never given out.
func TestPortable(t *testing.T) {
	path, url := corpus(t), postgrestest.Blank(t)
	want := contents(t, path)
	for name, rows := range want {
		if len(rows) == 0 {
			t.Errorf("table %s has no row in the corpus", name)
		}
	}
	f, err := sqlite.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.Tables()); n != len(want) || n < 40 {
		t.Errorf("%d tables, %d with rows", n, len(want))
	}
	_ = f.Close()
	l := at(t, url)
	if there, err := l.Occupied(); err != nil || there != "" {
		t.Fatalf("an empty schema is taken for %q, %v", there, err)
	}
	if err := l.Snapshot(t.Context(), filepath.Join(t.TempDir(), "none"), nothing); !errors.Is(err, metadata.ErrNotExist) {
		t.Errorf("a snapshot of nothing: %v", err)
	}
	if err := bring(t, l, path); err != nil {
		t.Fatal(err)
	}
	if there, err := l.Occupied(); err != nil || !strings.Contains(there, `schema "public"`) {
		t.Errorf("the schema has tables, and is taken for %q, %v", there, err)
	}
	if err := bring(t, at(t, url), path); !errors.Is(err, metadata.ErrExists) {
		t.Errorf("restored over it: %v", err)
	}
	back := filepath.Join(t.TempDir(), "back.db")
	if err := l.Snapshot(t.Context(), back, nothing); err != nil {
		t.Fatal(err)
	}
	same(t, want, contents(t, back))
	c, err := l.OpenSnapshot(back)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Check(t.Context()), c.Close()); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(back); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	size := int64(len(want["log_entry"]))
	goesOn(t, open(t, url), size)
	s, err := sqlite.Open(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	goesOn(t, s, size)
}

// same compares the rows of two databases.
func same(t *testing.T, want, have map[string][][]any) {
	t.Helper()
	if len(want) != len(have) {
		t.Errorf("%d tables with rows, %d before", len(have), len(want))
	}
	for name, rows := range want {
		if len(have[name]) != len(rows) {
			t.Errorf("%s: %d rows, %d before", name, len(have[name]), len(rows))
			continue
		}
		for i := range rows {
			if !reflect.DeepEqual(rows[i], have[name][i]) {
				t.Errorf("%s: %.300q, before %.300q", name, have[name][i], rows[i])
				break
			}
		}
	}
}

// goesOn: an entry and rows behind a restore get the next numbers.
func goesOn(t *testing.T, s metadata.Store, size int64) {
	t.Helper()
	if err := s.Update(context.Background(), func(tx metadata.Tx) error {
		e, err := tx.Log().Append(metadata.Entry{Type: "test", Subject: "on", Actor: metadata.Actor{Type: "system", ID: "x"}, Data: []byte(`{}`)})
		if err == nil && e.Seq != size {
			err = fmt.Errorf("entry %d, want %d", e.Seq, size)
		}
		if err == nil && e.Time.After(time.Now().Add(time.Hour)) {
			err = fmt.Errorf("at %v", e.Time)
		}
		if err != nil {
			return err
		}
		b, err := tx.Blobs().PutBlob(metadata.Blob{Digest: "sha256:" + "ab" + "cdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789", Size: 1})
		if err == nil && b.ID <= 4711 {
			err = fmt.Errorf("blob %d, after 4711", b.ID)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestSnapshotBesideWriters: a snapshot is one state, though a process writes meanwhile.
func TestSnapshotBesideWriters(t *testing.T) {
	url := postgrestest.URL(t)
	s, stop, ended := open(t, url), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				entries(t, s, 2)
			}
		}
	}()
	last := 0
	for n := range 8 {
		to := filepath.Join(t.TempDir(), fmt.Sprint(n))
		var done, total int64
		if err := at(t, url).Snapshot(t.Context(), to, func(d, of int64) { done, total = d, of }); err != nil {
			t.Fatal(err)
		}
		if done != total || total == 0 {
			t.Errorf("ended at %d of %d", done, total)
		}
		rows := contents(t, to)
		size := len(rows["log_entry"])
		if size%2 != 0 || size < last {
			t.Errorf("%d entries after %d", size, last)
		}
		last = size
		var want int64 // hashes of a log of this size
		for n := size; n > 0; n /= 2 {
			want += int64(n)
		}
		if have := int64(len(rows["log_hash"])); have != want {
			t.Errorf("%d hashes of %d entries, want %d", have, size, want)
		}
	}
	close(stop)
	<-ended
	if last == 0 {
		t.Error("nothing was written")
	}
}

// TestRestoreRefused: a restore that fails or is cut off leaves nothing, and the same place takes another one; nobody gets in meanwhile.
func TestRestoreRefused(t *testing.T) {
	path, url := corpus(t), postgrestest.Blank(t)
	l := at(t, url)
	if err := l.Bring(t.Context(), path, func(metadata.Store) error { return nil }); err == nil {
		t.Error("restored without the lock")
	}
	lock, err := l.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := at(t, url).Lock(); !errors.Is(err, metadata.ErrInUse) {
		t.Errorf("locked twice: %v", err)
	}
	fails := errors.New("fn fails")
	if err := l.Bring(t.Context(), path, func(metadata.Store) error { return fails }); !errors.Is(err, fails) {
		t.Errorf("fn failed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := l.Bring(ctx, path, func(metadata.Store) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cut off: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`UPDATE users SET name = 'x' || char(0) WHERE id = 7`, `UPDATE users SET name = 'fine' WHERE id = 7`} {
		if there, err := l.Occupied(); err != nil || there != "" {
			t.Errorf("left: %s, %v", there, err)
		}
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil { // which writes it into the file
			t.Fatal(err)
		}
		if err := bring(t, l, path); (err != nil) != strings.Contains(text, "char(0)") || err != nil && !strings.Contains(err.Error(), "table users, key [7]: column name") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if entries, err := os.ReadDir(l.Scratch()); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	open(t, url, postgres.WithName("a server"))
	if _, err := at(t, url).Lock(); !errors.Is(err, metadata.ErrInUse) || !strings.Contains(err.Error(), "a server") {
		t.Errorf("locked beside a server: %v", err)
	}
}

// TestRestoreKeepsOut: a server that starts during a restore gives up, and says why.
func TestRestoreKeepsOut(t *testing.T) {
	url := postgrestest.Blank(t)
	lock, err := at(t, url).Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	defer postgres.SetLockTimeout("200")()
	if _, err := postgres.Open(t.Context(), url); !errors.Is(err, metadata.ErrInUse) || !strings.Contains(err.Error(), "restore") {
		t.Errorf("opened during a restore: %v", err)
	}
}

// TestLongSnapshot: a snapshot that lasts is warned of.
func TestLongSnapshot(t *testing.T) {
	url, warned := postgrestest.URL(t), make(chan string, 1)
	l, err := postgres.At(url, t.TempDir(), func(text string) { warned <- text })
	if err != nil {
		t.Fatal(err)
	}
	l.WarnAfter(0)
	if err := l.Snapshot(t.Context(), filepath.Join(t.TempDir(), "a"), nothing); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-warned:
		if !strings.Contains(text, "standby") {
			t.Error(text)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was said")
	}
}
