package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"slipway/metadata"
)

// TestBring: a database is brought whole or not at all, whatever an earlier attempt has left.
func TestBring(t *testing.T) {
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	if err := Location(migrated(t)).Snapshot(t.Context(), snapshot, noProgress); err != nil {
		t.Fatal(err)
	}
	place := Location(filepath.Join(t.TempDir(), "slipway.db"))
	if err := os.WriteFile(string(place)+".restoring", []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	note := func(db metadata.Store) error {
		if there, err := place.Occupied(); there != "" || err != nil {
			t.Errorf("before its time: %q, %v", there, err)
		}
		return db.Update(t.Context(), func(tx metadata.Tx) error { return tx.Settings().PutSetting("note", "brought") })
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for what, bring := range map[string]func() error{
		"a failure of fn": func() error {
			return place.Bring(t.Context(), snapshot, func(db metadata.Store) error { return errors.Join(note(db), errTest) })
		},
		"a context that ended": func() error { return place.Bring(gone, snapshot, note) },
		"no snapshot":          func() error { return place.Bring(t.Context(), snapshot+".no", note) },
	} {
		if err := bring(); err == nil {
			t.Errorf("%s: no error", what)
		}
		if left, err := filepath.Glob(string(place) + "*"); err != nil || len(left) > 0 {
			t.Errorf("%s left %v, %v", what, left, err)
		}
	}
	if err := place.Bring(t.Context(), snapshot, note); err != nil {
		t.Fatal(err)
	}
	if there, err := place.Occupied(); there != string(place) || err != nil {
		t.Errorf("behind it: %q, %v", there, err)
	}
	if left, err := filepath.Glob(string(place) + "*"); err != nil || len(left) != 1 {
		t.Errorf("it left %v, %v", left, err)
	}
	if err := openStore(t, string(place)).View(t.Context(), func(tx metadata.Tx) error {
		v, err := tx.Settings().Setting("note")
		if v != "brought" {
			t.Errorf("the note is %q", v)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
