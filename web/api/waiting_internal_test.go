package api

import (
	"fmt"
	"testing"

	"slipway/registry"
)

// TestK6Waiters: one user can't take more than a tenth of the places, callers without credentials not more than the half, and
// each place comes back.
func TestK6Waiters(t *testing.T) {
	var w waiters
	var leave []func()
	fill := func(who string, anonymous bool) (n int, err error) {
		for {
			l, err := w.enter(who, anonymous)
			if err != nil {
				return n, err
			}
			n++
			leave = append(leave, l)
		}
	}
	if n, err := fill("user:1", false); n != maxWaitingOfOne || registry.KindOf(err) != registry.TooMany {
		t.Errorf("one user: %d, %v", n, err)
	}
	for i := range 5 {
		if n, err := fill(fmt.Sprint("192.0.2.", i), true); n != maxWaitingOfOne || registry.KindOf(err) != registry.TooMany {
			t.Errorf("one place: %d, %v", n, err)
		}
	}
	if n, err := fill("192.0.2.5", true); n != 0 || registry.KindOf(err) != registry.Unavailable {
		t.Errorf("one more place: %d, %v", n, err)
	}
	for i := range 10 {
		_, _ = fill(fmt.Sprint("user:", 2+i), false) // the last ones get none
	}
	if w.all != maxWaiting {
		t.Errorf("%d wait", w.all)
	}
	for _, l := range leave {
		l()
	}
	if w.all != 0 || w.anonymous != 0 || len(w.by) != 0 {
		t.Errorf("places are still taken: %d, %d, %v", w.all, w.anonymous, w.by)
	}
}
