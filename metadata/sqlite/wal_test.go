package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"slipway/metadata"
)

// foreignReader reads beside the store, as another process does, until the function it returns is called.
func foreignReader(t *testing.T, path string) (end func()) {
	t.Helper()
	session, err := connect(path, reading)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	var n int64
	if err := errors.Join(session.Do(beginRead), session.Row(`SELECT count(*) FROM setting`, &n)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := session.Do(commit); err != nil {
			t.Error(err)
		}
	}
}

// TestForeignReader: while another process keeps the write-ahead log, waits for it become rare.
func TestForeignReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	s := openStore(t, path, func(c *config) {
		c.wal = walLimits{high: 1 << 20, max: 2 << 20, wait: time.Millisecond, every: time.Minute, rare: 5 * time.Minute, maxAge: time.Hour}
		c.idle = time.Hour
	})
	try := func() time.Duration {
		t.Helper()
		s.writer.wal.tried = time.Time{}
		if err := s.Update(t.Context(), grow("a")); err != nil {
			t.Fatal(err)
		}
		return s.writer.wal.pause
	}
	end := foreignReader(t, path)
	for i, want := range []time.Duration{2, 4, 5, 5} {
		if got := try(); got != want*time.Minute {
			t.Errorf("pause %d is %v, want %d minutes", i, got, want)
		}
	}
	end()
	if got := try(); got != time.Minute {
		t.Errorf("when the log was emptied the pause is %v", got)
	}
}

// TestForeignReaderAndView: no view is ended while another process keeps the log too, as that would not help; when that
// process has gone, the view is ended.
func TestForeignReaderAndView(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	s := openStore(t, path, func(c *config) {
		c.wal = walLimits{high: 1 << 20, max: 2 << 20, wait: time.Millisecond}
		c.idle = time.Hour
	})
	update := func() {
		t.Helper()
		if err := s.Update(t.Context(), grow("a")); err != nil {
			t.Fatal(err)
		}
	}
	end := foreignReader(t, path)
	for range 4 {
		update()
	}
	err := s.View(t.Context(), func(tx metadata.Tx) error {
		if _, err := tx.Log().LogSize(); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond) // it is older than the wait
		for range 4 {
			update()
		}
		if _, err := tx.Log().LogSize(); err != nil {
			return fmt.Errorf("ended in vain: %w", err)
		}
		end()
		for range 200 {
			update()
			if _, err := tx.Log().LogSize(); err != nil {
				return nil
			}
		}
		return errors.New("the view was not ended")
	})
	if err != nil {
		t.Error(err)
	}
}
