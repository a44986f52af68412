package backup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"slipway/backup"
	"slipway/metadata"
	"slipway/metadata/sqlite"
)

// TestOccupied: a restore never touches an existing installation.
func TestOccupied(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	snapshot := s.backup(0).Snapshot
	for _, c := range []struct {
		what, path string
		free       bool
	}{{"a database", "slipway.db", false}, {"its log", "slipway.db-wal", false}, {"another key", "log.key", false}, {"other files", "README", true}} {
		p := s.place()
		path := filepath.Join(filepath.Dir(database(p)), c.path)
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := snapshot.Restore(t.Context(), p)
		if c.free != (err == nil) || !c.free && !errors.Is(err, backup.ErrOccupied) {
			t.Errorf("%s: %v", c.what, err)
		}
		if have, err := os.ReadFile(path); err != nil || string(have) != "mine" {
			t.Errorf("%s was changed: %q, %v", c.what, have, err)
		}
	}
	p := s.place()
	if err := os.WriteFile(p.Key, []byte("a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Restore(t.Context(), p); err != nil {
		t.Errorf("the same key: %v", err)
	}
}

// TestS62Signature: a log that is unsigned, or signed with another key, is not restored (incident S-62).
func TestS62Signature(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	snapshot := s.backup(0).Snapshot
	other := newScene(t)
	if err := snapshot.Check(t.Context(), sqlite.Location(""), other.Config.Verifier); err == nil {
		t.Error("a log of another key passes")
	}
	if err := snapshot.Check(t.Context(), sqlite.Location(""), s.Config.Verifier); err != nil {
		t.Error(err)
	}
}

// TestRestoreAlone: while a restore runs, no server can start in its place, and no backup can remove the bytes that it
// copies.
func TestRestoreAlone(t *testing.T) {
	s := newScene(t)
	for i := range 20 {
		s.publish("app", fmt.Sprint(i))
	}
	snapshot := s.backup(0).Snapshot
	if err := s.Publisher.Delete(s.Admin, s.Name("app").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	p := s.place()
	var once sync.Once
	p.Progress = func(string, int64, int64) {
		once.Do(func() {
			if db, err := sqlite.Open(t.Context(), database(p)); !errors.Is(err, metadata.ErrInUse) {
				t.Errorf("a server: %v", errors.Join(err, db.Close()))
			}
			if _, err := backup.Run(t.Context(), s.dir, s.options(1)); !errors.Is(err, backup.ErrBusy) {
				t.Errorf("a backup: %v", err)
			}
			if _, err := snapshot.Restore(t.Context(), p); !errors.Is(err, metadata.ErrInUse) {
				t.Errorf("a second restore: %v", err)
			}
			two := s.place()
			if _, err := snapshot.Restore(t.Context(), two); err != nil {
				t.Errorf("to another place: %v", err)
			}
		})
	}
	noted := false
	p.Before = func(ctx context.Context, db metadata.Store) error {
		noted = true
		_, err := os.Stat(database(p))
		if err == nil {
			t.Error("the database is there before its time")
		}
		return db.Ready(ctx)
	}
	if _, err := snapshot.Restore(t.Context(), p); err != nil || !noted {
		t.Fatal(err, noted)
	}
	s.core(p)
}

// TestOtherKeyMeanwhile: a key that a server has made meanwhile makes the restore fail.
func TestOtherKeyMeanwhile(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	snapshot := s.backup(0).Snapshot
	p := s.place()
	p.Before = func(context.Context, metadata.Store) error { return os.WriteFile(p.Key, []byte("another\n"), 0o600) }
	if _, err := snapshot.Restore(t.Context(), p); !errors.Is(err, backup.ErrOccupied) {
		t.Errorf("restored under another key: %v", err)
	}
	if _, err := os.Stat(database(p)); err == nil {
		t.Error("there is a database")
	}
}
