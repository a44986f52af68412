package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mattn/go-sqlite3"

	"slipway/metadata"
	"slipway/metadata/internal/sqlstore"
	"slipway/metadata/metadatatest"
)

// untidied keeps the writer from tidying up, so that a test may look at its connection while no update runs.
func untidied(c *config) { c.idle = time.Hour }

func openStore(t testing.TB, path string, opts ...Option) *Store {
	t.Helper()
	s, err := Open(context.Background(), path, append([]Option{untidied}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func event() metadata.Entry {
	return metadata.Entry{Type: "test.event", Data: []byte(`{}`)}
}

func appendOne(s metadata.Store) (int64, error) {
	var e metadata.Entry
	err := s.Update(context.Background(), func(tx metadata.Tx) (err error) {
		e, err = tx.Log().Append(event())
		return err
	})
	return e.Seq, err
}

// TestD17MigrationNumbers: two migrations with one number, or a gap, do not pass (incident D-17).
func TestD17MigrationNumbers(t *testing.T) {
	list, err := migrations()
	if err != nil || len(list) == 0 {
		t.Fatalf("embedded migrations: %v", err)
	}
	for what, names := range map[string][]string{
		"a repetition":      {"0001_a.sql", "0002_b.sql", "0002_c.sql"},
		"a gap":             {"0001_a.sql", "0003_c.sql"},
		"a start at 2":      {"0002_a.sql"},
		"a start at 0":      {"0000_a.sql"},
		"a short number":    {"001_a.sql"},
		"an odd name":       {"0001_A b.sql"},
		"a file beside":     {"0001_a.sql", "README.md"},
		"no name":           {"0001.sql"},
		"another extension": {"0001_a.sql.orig"},
	} {
		dir := fstest.MapFS{}
		for _, n := range names {
			dir[n] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		if _, err := sqlstore.Migrations(dir); err == nil {
			t.Errorf("%s passes", what)
		}
	}
}

// TestMigrate: each migration runs once and whole, and a schema that the binary does not know is refused.
func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	migrate := func(list ...sqlstore.Migration) error {
		s, err := connect(path, writing)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return sqlstore.Migrate(s, list, beginWrite, time.Now)
	}
	step := func(n int64, text string) sqlstore.Migration {
		return sqlstore.Migration{Number: n, Name: fmt.Sprintf("%04d_step.sql", n), SQL: text}
	}
	one := step(1, `CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)`)
	two := step(2, `CREATE TABLE b (x INTEGER)`)
	broken := step(2, `CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1)`)
	if err := migrate(one); err != nil {
		t.Fatal(err)
	}
	if err := migrate(one, broken); err == nil || !strings.Contains(err.Error(), broken.Name) {
		t.Errorf("broken migration: %v", err)
	}
	for range 2 { // the failed migration has left nothing, and each runs once
		if err := migrate(one, two); err != nil {
			t.Fatal(err)
		}
	}
	other := two
	other.Name = "0002_other.sql"
	for what, list := range map[string][]sqlstore.Migration{"newer": {one}, "none known": {}, "other": {one, other}} {
		if err := migrate(list...); !errors.Is(err, metadata.ErrNewer) {
			t.Errorf("%s: %v, want ErrNewer", what, err)
		}
	}
}

// TestD16NewerSchema: a database of a newer binary is refused by Open, and stays as it is (incident D-16).
func TestD16NewerSchema(t *testing.T) {
	path := migrated(t)
	db := openPool(path, writing)
	if _, err := db.Exec(`INSERT INTO schema_migration (number, name, applied_at) VALUES (9999, '9999_future.sql', 0)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := Open(context.Background(), path)
		if !errors.Is(err, metadata.ErrNewer) || !strings.Contains(err.Error(), "9999_future.sql") {
			t.Fatalf("Open: %v, want ErrNewer", err)
		}
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is not a database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", ":memory:", "file:x.db", "file::memory:?cache=shared", "a\x00b", dir, dir + "/", filepath.Join(dir, "missing", "x.db"), text} {
		s, err := Open(context.Background(), path)
		if err == nil {
			t.Errorf("%q was opened", path)
			_ = s.Close()
			continue
		}
		t.Log(err)
	}
	for _, name := range []string{"a b.db", "a?mode=memory", "a#b", "a%20b", "%", "ü.db", "'\"`;--", "a&b=c", "-x", "a\nb", ":memory:", "file:x"} {
		path := filepath.Join(dir, name)
		s, err := Open(context.Background(), path)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if _, err := appendOne(s); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			if info, err := os.Stat(path + suffix); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%q%s: %v %v", name, suffix, info, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := os.Stat(path + "-wal"); err == nil {
			t.Errorf("%q: Close left a write-ahead log", name)
		}
	}
}

// TestLinkedPath: a link to the database finds the same lock.
func TestLinkedPath(t *testing.T) {
	dir := t.TempDir()
	path, link, folder := filepath.Join(dir, "x.db"), filepath.Join(dir, "link.db"), filepath.Join(dir, "folder")
	openStore(t, path)
	for old, name := range map[string]string{path: link, dir: folder} {
		if err := os.Symlink(old, name); err != nil {
			t.Skip(err)
		}
	}
	for _, p := range []string{link, filepath.Join(folder, "x.db"), path} {
		_, err := Open(context.Background(), p)
		if want := fmt.Sprintf("is in use by process %d", os.Getpid()); !errors.Is(err, metadata.ErrInUse) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ErrInUse", p, err)
		}
	}
}

func TestPragmas(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"))
	reader, err := s.readers.get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer s.readers.put(reader)
	common := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
		"cache_size": "-2048", "mmap_size": "0", "temp_store": "2", "query_only": "0"}
	for _, c := range []struct {
		session *session
		changes map[string]string
	}{
		{s.writer.session, map[string]string{"cache_size": "-8192", "wal_autocheckpoint": "4000", "journal_size_limit": "16384000"}},
		{reader, map[string]string{"query_only": "1"}},
	} {
		for name, want := range common {
			if w, ok := c.changes[name]; ok {
				want = w
			}
			var got string
			var n int
			err := c.session.Row("PRAGMA "+name, &got)
			if err != nil {
				err = c.session.Row("PRAGMA "+name, &n)
				got = strconv.Itoa(n)
			}
			if err != nil || got != want {
				t.Errorf("%s is %s, want %s (%v)", name, got, want, err)
			}
		}
	}
	var ok int
	if err := reader.Row(`SELECT 'a' LIKE 'A'`, &ok); err != nil || ok != 0 {
		t.Errorf("LIKE folds case (%v)", err)
	}
	var code sqlite3.Error
	if err := reader.Do(`INSERT INTO setting VALUES ('a', 'b')`); !errors.As(err, &code) || code.Code != sqlite3.ErrReadonly {
		t.Errorf("write by a reader: %v", err)
	}
}

// TestReopen: the log goes on where it ended, at every shape of the tree, and time does not go back.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	clock := metadatatest.NewClock()
	size := int64(0)
	for n := range 12 {
		s, err := Open(context.Background(), path, WithClock(clock.Now))
		if err != nil {
			t.Fatal(err)
		}
		var last time.Time
		for range n {
			if seq, err := appendOne(s); err != nil || seq != size {
				t.Fatalf("seq %d, want %d (%v)", seq, size, err)
			}
			size++
		}
		if n%3 == 0 { // an update without an entry counts too
			clock.Add(time.Minute)
			if err := s.Update(context.Background(), func(tx metadata.Tx) error {
				last = tx.Now()
				return tx.Settings().PutSetting("x", "y")
			}); err != nil {
				t.Fatal(err)
			}
		} else if err := s.View(context.Background(), func(tx metadata.Tx) error { last = tx.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		metadatatest.CheckLog(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if n%3 != 0 {
			continue
		}
		clock.Add(-time.Hour)
		s = openStore(t, path, WithClock(clock.Now))
		if err := s.View(context.Background(), func(tx metadata.Tx) error {
			if !tx.Now().Equal(last) {
				t.Errorf("after a restart Now is %v, want %v", tx.Now(), last)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		clock.Add(time.Hour)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedLog: a store whose hashes do not match its entries is not opened.
func TestDamagedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	s := openStore(t, path)
	for range 5 {
		if _, err := appendOne(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := openPool(path, writing)
	if _, err := db.Exec(`DELETE FROM log_hash WHERE idx = 6`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(context.Background(), path); err == nil {
		t.Error("opened")
		_ = s.Close()
	}
}

// TestDanglingLink: a link to nothing is refused: the lock file would be at one path now and at another later.
func TestDanglingLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "slipway.db")
	if err := os.Symlink(filepath.Join(t.TempDir(), "real.db"), link); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), link); err == nil {
		_ = s.Close()
		t.Error("opened")
	}
}
