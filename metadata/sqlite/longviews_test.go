package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/metadata"
)

// TestLongView: a view cannot let the write-ahead log grow for ever.
func TestLongView(t *testing.T) {
	limits := func(c *config) {
		c.wal = walLimits{high: 1 << 20, max: 2 << 20, wait: 5 * time.Millisecond, every: time.Millisecond, maxAge: 50 * time.Millisecond}
		c.idle = 10 * time.Millisecond
	}
	path := filepath.Join(t.TempDir(), "slipway.db")
	s := openStore(t, path, limits)
	err := s.View(context.Background(), func(tx metadata.Tx) error {
		if _, err := tx.Log().LogSize(); err != nil {
			return err
		}
		for i := 0; ; i++ {
			if err := s.Update(context.Background(), grow(fmt.Sprint(i%4))); err != nil {
				return err
			}
			if _, err := tx.Log().LogSize(); err != nil {
				return err
			}
			if i == 2000 {
				return nil
			}
		}
	})
	if err == nil {
		t.Error("the view was not ended")
	}
	t.Log(err)
	for i := range 20 { // the store goes on, and so do views
		if err := s.Update(context.Background(), grow(fmt.Sprint(i%4))); err != nil {
			t.Fatal(err)
		}
		if !has(t, s, "0") {
			t.Fatal("0 is missing")
		}
	}
	wal := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if n := wal(); n > 16<<20 {
		t.Errorf("the write-ahead log has %d bytes", n)
	}
}

// overlapping runs views, each until the next has begun, until end is called.
func overlapping(t *testing.T, s *Store) (end func()) {
	var stop atomic.Bool
	var running sync.WaitGroup
	running.Go(func() {
		leave := make(chan struct{})
		for !stop.Load() {
			begun, until := make(chan struct{}), make(chan struct{})
			running.Go(func() {
				begin := sync.OnceFunc(func() { close(begun) })
				defer begin() // also when it fails
				if err := s.View(t.Context(), func(tx metadata.Tx) error {
					_, err := tx.Log().LogSize()
					begin()
					<-until
					return err
				}); err != nil {
					t.Error(err)
				}
			})
			<-begun
			close(leave)
			leave = until
			time.Sleep(time.Millisecond)
		}
		close(leave)
	})
	return func() {
		stop.Store(true)
		running.Wait()
	}
}

// TestOverlappingViews: views that always overlap, none of them long, do not keep the write-ahead log from being reused.
func TestOverlappingViews(t *testing.T) {
	const high, bound = 2 << 20, 12 << 20
	var largest atomic.Int64
	s := openStore(t, filepath.Join(t.TempDir(), "slipway.db"), func(c *config) {
		c.wal = walLimits{high: high, max: 1 << 40, wait: time.Minute, maxAge: time.Hour}
		c.observe = func(b Batch) { largest.Store(max(largest.Load(), b.WALBytes)) } // before the log is emptied
	})
	end := overlapping(t, s)
	defer end()
	for i := 0; i < 60 && largest.Load() <= bound; i++ {
		if err := s.Update(t.Context(), grow(fmt.Sprint(i%4))); err != nil {
			t.Fatal(err)
		}
	}
	if n := largest.Load(); n < high || n > bound {
		t.Errorf("the write-ahead log grew to %d bytes while 60 MiB were written, want %d to %d", n, high, bound)
	}
}

// TestIdleCheckpoint: when the store is idle, the log is moved into the database, and large caches are freed.
func TestIdleCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	s := openStore(t, path, func(c *config) { c.idle = 10 * time.Millisecond })
	for i := range 4 { // as one transaction it does not fit into what SQLite keeps
		if err := s.Update(context.Background(), then(grow(fmt.Sprint("a", i)), then(grow(fmt.Sprint("b", i)), then(grow("c"), grow("d"))))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Update(context.Background(), func(tx metadata.Tx) error {
		for i := range 12 {
			if err := grow(fmt.Sprint("e", i))(tx); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() <= keptWALBytes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the write-ahead log still has %d bytes", info.Size())
		}
		time.Sleep(5 * time.Millisecond)
	}
}
