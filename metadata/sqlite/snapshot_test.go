package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"slipway/metadata"
)

func noProgress(int64, int64) {}

// TestSnapshot: beside a process that writes, a snapshot is one state of the database.
func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "slipway.db")
	s := openStore(t, path)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// Two entries and the count of both, in one update.
				err := s.Update(t.Context(), func(tx metadata.Tx) error {
					for range 2 {
						if _, err := tx.Log().Append(event()); err != nil {
							return err
						}
					}
					return tx.Settings().PutSetting("pairs", strings.Repeat("x", 2000))
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var last int64
	for i := range 20 {
		to := filepath.Join(dir, "copy"+string(rune('a'+i)))
		var done, total int64
		if err := Location(path).Snapshot(t.Context(), to, func(d, n int64) { done, total = d, n }); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 || done != total || info.Size() != total {
			t.Fatalf("%v, %d of %d bytes, %v", info.Mode(), done, total, err)
		}
		c, err := Location(path).OpenSnapshot(to)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(t.Context()); err != nil {
			t.Error(err)
		}
		var size int64
		if err := c.View(t.Context(), func(tx metadata.Tx) (err error) { size, err = tx.Log().LogSize(); return err }); err != nil {
			t.Fatal(err)
		}
		if size%2 != 0 || size < last {
			t.Errorf("%d entries after %d", size, last)
		}
		last = size
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writers.Wait()
	if last == 0 {
		t.Error("nothing was written beside the snapshots")
	}
	left, err := filepath.Glob(filepath.Join(dir, "copy*-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left beside the copies: %v, %v", left, err)
	}
}

// TestSnapshotRefusals: a snapshot that can't be made leaves no file, and none is overwritten.
func TestSnapshotRefusals(t *testing.T) {
	path := migrated(t)
	to := filepath.Join(t.TempDir(), "copy")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Location(path).Snapshot(gone, to, noProgress); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := Location(path+".no").Snapshot(t.Context(), to, noProgress); !errors.Is(err, metadata.ErrNotExist) {
		t.Errorf("made of nothing: %v", err)
	}
	if _, err := os.Stat(path + ".no"); err == nil {
		t.Error("the source was made")
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("a file was left")
	}
	if err := os.WriteFile(to, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Location(path).Snapshot(t.Context(), to, noProgress); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if have, err := os.ReadFile(to); err != nil || string(have) != "mine" {
		t.Errorf("%q, %v", have, err)
	}
}

// TestS62Check: a file that is no Slipway database, or a changed one, is not taken over (incident S-62).
func TestS62Check(t *testing.T) {
	for what, change := range map[string]string{
		"another table":    `CREATE TABLE extra (x INTEGER)`,
		"a trigger":        `CREATE TRIGGER evil AFTER INSERT ON log_entry BEGIN DELETE FROM users; END`,
		"a view":           `CREATE VIEW shadow AS SELECT 1`,
		"another index":    `CREATE INDEX mine ON setting (value)`,
		"a column more":    `ALTER TABLE setting ADD COLUMN more TEXT`,
		"a table less":     `PRAGMA foreign_keys = OFF; DROP TABLE lease`,
		"a newer schema":   `INSERT INTO schema_migration (number, name, applied_at) VALUES (9999, '9999_future.sql', 0)`,
		"no schema at all": `DROP TABLE schema_migration`,
	} {
		t.Run(what, func(t *testing.T) {
			path := migrated(t)
			db := openPool(path, writing)
			if _, err := db.Exec(change); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			c, err := Location(path).OpenSnapshot(path)
			if err == nil {
				defer c.Close()
				err = c.Check(t.Context())
			}
			if err == nil {
				t.Error("passes")
			}
		})
	}
	path := migrated(t)
	c, err := Location(path).OpenSnapshot(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("as it is made: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4096; at < len(raw); at += 4096 {
		raw[at] ^= 0xff // the kind of each page
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = Location(path).OpenSnapshot(path); err == nil {
		defer c.Close()
		err = c.Check(t.Context())
	}
	if err == nil {
		t.Error("a damaged database passes")
	}
	if _, err := Location(path).OpenSnapshot(path + ".no"); !errors.Is(err, metadata.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestLock: the holder of the lock keeps others out, with and without an open store.
func TestLock(t *testing.T) {
	path := migrated(t)
	held, err := Location(path).Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, metadata.ErrInUse) {
		t.Errorf("Open beside Lock: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
	if _, err := Location(path).Lock(); !errors.Is(err, metadata.ErrInUse) {
		t.Errorf("Lock beside Open: %v", err)
	}
}
