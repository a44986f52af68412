package httpserver

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// TestGrace: a fault of the stores counts when it has lasted for the grace; meanwhile a store that does not answer delays no probe, and
// one that is back counts at once.
func TestGrace(t *testing.T) {
	const grace = 3 * time.Second
	var fault atomic.Value
	fault.Store("")
	h := newHealth(func(ctx context.Context) error {
		switch fault.Load() {
		case "":
			return nil
		case "hangs":
			<-ctx.Done()
		}
		return errors.New("error of the test")
	}, grace)
	if err := h.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, kind := range []string{"fails", "hangs"} {
		fault.Store(kind)
		time.Sleep(readyTTL + 50*time.Millisecond)
		asked := time.Now()
		if err := h.check(t.Context()); err != nil || time.Since(asked) > 2*readyPatience {
			t.Errorf("%s: %v after %s", kind, err, time.Since(asked))
		}
	}
	time.Sleep(grace - time.Since(began))
	if err := h.check(t.Context()); err == nil {
		t.Error("well after its grace")
	}
	fault.Store("")
	time.Sleep(readyTTL + 50*time.Millisecond)
	if err := h.check(t.Context()); err != nil {
		t.Errorf("back: %v", err)
	}
}

// TestNoGrace: a store that is asked whether it takes changes has none.
func TestNoGrace(t *testing.T) {
	var full atomic.Bool
	h := newHealth(func(context.Context) error {
		if full.Load() {
			return errors.New("error of the test")
		}
		return nil
	}, 0)
	if err := h.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	time.Sleep(readyTTL + 50*time.Millisecond)
	if err := h.check(t.Context()); err == nil {
		t.Error("no error")
	}
}
