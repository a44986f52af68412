package lookup

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"slipway/metadata"
)

// versioned is a store that counts.
type versioned struct {
	metadata.Store
	n atomic.Uint64
}

func (v *versioned) Generation() uint64 { return v.n.Load() }

func (v *versioned) GenerationOf(metadata.Part) uint64 { return v.n.Load() }

// everything depends on every update.
func everything[V any](m metadata.Versioned, _ V) uint64 { return m.GenerationOf(0) }

// TestRecall: what was found is found again until something is written, errors and what is too large never are.
func TestRecall(t *testing.T) {
	store := &versioned{}
	r := New[string](store, func(n int) int { return n }, everything)
	looks := 0
	get := func(key string, n int) int {
		v, err := r.Get(key, func() (int, error) { looks++; return n, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if get("a", 1) != 1 || get("a", 2) != 1 || looks != 1 {
		t.Errorf("%d looks for one record", looks)
	}
	store.n.Add(1)
	if get("a", 2) != 2 || looks != 2 {
		t.Error("a record is remembered over a change")
	}
	if _, err := r.Get("b", func() (int, error) { return 0, errors.New("fails") }); err == nil {
		t.Error("no error")
	}
	if get("b", 3) != 3 {
		t.Error("an error is remembered")
	}
	looks = 0
	get("large", cacheBytes+1)
	get("large", cacheBytes+1)
	if looks != 2 {
		t.Error("a record over the bound is remembered")
	}
	for _, key := range []string{"1", "2", "3"} {
		get(key, cacheBytes/2)
	}
	if r.used > cacheBytes {
		t.Errorf("%d bytes are remembered", r.used)
	}

	plain := New[string](metadata.Store(nil), func(n int) int { return n }, everything)
	for want := range 2 {
		if got, _ := plain.Get("a", func() (int, error) { return want, nil }); got != want {
			t.Error("without a count of changes something is remembered")
		}
	}
}

// TestRecallRace: a reader that begins after a writer was answered sees what it wrote, whatever other readers put in.
func TestRecallRace(t *testing.T) {
	store := &versioned{}
	var value atomic.Uint64 // of the database
	r := New[string](store, func(uint64) int { return 1 }, everything)
	get := func() uint64 {
		v, _ := r.Get("a", func() (uint64, error) { return value.Load(), nil })
		return v
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					get()
				}
			}
		})
	}
	for i := range uint64(20_000) {
		value.Store(i)              // committed
		store.n.Add(1)              // counted
		if got := get(); got != i { // answered
			t.Fatalf("after %d was written, %d is read", i, got)
		}
	}
	close(stop)
	readers.Wait()
}
