package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/metadata"
)

// interruptedWithin is far longer than an interruption takes, and shorter than the slow statement.
const interruptedWithin = 20 * time.Second

// slowStore has entries that take most of a minute to compare with the query that comes with it, and milliseconds each:
// SQLite looks whether it is interrupted between two of them.
func slowStore(t *testing.T) (*Store, metadata.EntryQuery) {
	t.Helper()
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"))
	err := s.Update(t.Context(), func(tx metadata.Tx) error {
		for range 3000 {
			if _, err := tx.Log().Append(metadata.Entry{Type: strings.Repeat("a", 6_000), Data: []byte(`{}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, metadata.EntryQuery{After: -1, Types: []string{"*" + strings.Repeat("a", 2_000) + "b"}}
}

// TestViewEndsWithContext: a statement that runs when the caller's context ends is interrupted, and the connection is good.
func TestViewEndsWithContext(t *testing.T) {
	s, q := slowStore(t)
	for range 2 * defaultReaders {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		start := time.Now()
		err := s.View(ctx, func(tx metadata.Tx) error {
			if _, err := tx.Log().LogSize(); err != nil {
				return err
			}
			wg.Go(func() {
				time.Sleep(20 * time.Millisecond) // the statement runs
				cancel()
			})
			_, err := tx.Log().Entries(q)
			return err
		})
		wg.Wait()
		if !errors.Is(err, context.Canceled) || time.Since(start) > interruptedWithin {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAbandonedView: ending a view does not wait for its statement, and no other transaction gets its session while that
// runs.
func TestAbandonedView(t *testing.T) {
	s, q := slowStore(t)
	done := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		done <- s.View(t.Context(), func(tx metadata.Tx) error {
			if _, err := tx.Log().LogSize(); err != nil {
				return err
			}
			close(begun)
			if _, err := tx.Log().Entries(q); err == nil {
				return errors.New("the slow statement came to its end")
			}
			_, err := tx.Log().LogSize()
			return err
		})
	}()
	<-begun
	time.Sleep(20 * time.Millisecond) // the statement runs
	ended := errors.New("it kept the log")
	start := time.Now()
	s.readers.endOlder(0, ended)
	if took := time.Since(start); took > interruptedWithin {
		t.Errorf("to end it took %v", took)
	}
	if err := <-done; !errors.Is(err, ended) {
		t.Errorf("the view: %v", err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
