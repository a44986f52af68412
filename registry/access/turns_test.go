package access_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"slipway/registry/access"
)

// TestK8Turns: names from places where they logged in before come first, then places by turns, and in a place names by turns.
func TestK8Turns(t *testing.T) {
	q := access.NewTurns(1)
	first, err := q.Take(t.Context(), "first", "a", false)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var wg sync.WaitGroup
	wait := func(name, place string, familiar bool) {
		before := q.Waiting()
		wg.Go(func() {
			done, err := q.Take(t.Context(), name, place, familiar)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			done()
		})
		for q.Waiting() == before {
			runtime.Gosched()
		}
	}
	for range 3 {
		wait("guess", "a", false)
	}
	wait("other", "a", false)
	wait("elsewhere", "b", false)
	wait("familiar", "a", true)
	first()
	wg.Wait()
	if want := []string{"familiar", "elsewhere", "guess", "other", "guess", "guess"}; !slices.Equal(order, want) {
		t.Errorf("order %v, not %v", order, want)
	}
}

// TestK8Crowd: no more than a few wait for one name and for one place, and who goes away does not keep its turn.
func TestK8Crowd(t *testing.T) {
	q := access.NewTurns(1)
	first, err := q.Take(t.Context(), "first", "a", false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 32 {
		before := q.Waiting()
		wg.Go(func() {
			if _, err := q.Take(ctx, fmt.Sprint("name", i/4), "a", false); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		for q.Waiting() == before {
			runtime.Gosched()
		}
	}
	var refused *access.RefusedLogin
	if _, err := q.Take(t.Context(), "more", "a", false); !errors.As(err, &refused) || refused.Wait == 0 {
		t.Errorf("one more from the place: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Take(gone, "known here", "a", true); !errors.Is(err, context.Canceled) {
		t.Errorf("a familiar name does not get into the queue: %v", err)
	}
	leave()
	wg.Wait()
	first()
	if done, err := q.Take(t.Context(), "more", "a", false); err != nil {
		t.Error(err)
	} else {
		done()
	}
}
