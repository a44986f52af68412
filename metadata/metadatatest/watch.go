package metadatatest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"slipway/metadata"
)

// woken reports whether a channel of Watch closes in time.
func woken(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	case <-time.After(10 * time.Second):
		return false
	}
}

// testWatch: every log entry and every Notify wakes all earlier watchers; the entry is visible by then.
func testWatch(e *env) {
	one, two := e.store.Watch(), e.store.Watch()
	e.append(entry("a"))
	if !woken(one) || !woken(two) {
		e.Error("an entry wakes nobody")
	}
	again := e.store.Watch()
	e.update(func(tx metadata.Tx) error {
		tx.Notify()
		return tx.Settings().PutSetting("key", "value")
	})
	if !woken(again) {
		e.Error("Notify wakes nobody")
	}
	e.view(func(tx metadata.Tx) error {
		tx.Notify() // a view changes nothing
		return nil
	})
}

// testWatchMissesNothing: a reader that calls Watch before it looks sees every entry.
func testWatchMissesNothing(e *env) {
	const goroutines, each = 8, 25
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range each {
				if err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
					_, err := tx.Log().Append(entry(fmt.Sprint("g.", g)))
					return err
				}); err != nil {
					e.Errorf("Update: %v", err)
				}
			}
		})
	}
	for size := int64(0); size < goroutines*each; {
		news := e.store.Watch()
		now := read(e, func(tx metadata.Tx) (int64, error) { return tx.Log().LogSize() })
		if now == size && !woken(news) {
			e.Errorf("asleep at %d entries", size)
			break
		}
		size = now
	}
	wg.Wait()
}
