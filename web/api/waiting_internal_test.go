package api

import (
	"testing"

	"slipway/registry"
	"slipway/registry/access"
)

// TestWaitingPlaces: callers without credentials can't take every place, and each place comes back.
func TestWaitingPlaces(t *testing.T) {
	h := &handlers{waiting: make(chan struct{}, maxWaiting), anonymousWaiters: make(chan struct{}, maxAnonymousWaiters)}
	nobody := access.With(t.Context(), access.Anonymous(true))
	known := access.With(t.Context(), access.System())
	var leave []func()
	for {
		l, err := h.enter(nobody)
		if err != nil {
			if registry.KindOf(err) != registry.Unavailable {
				t.Fatal(err)
			}
			break
		}
		leave = append(leave, l)
	}
	anonymous := len(leave)
	for {
		l, err := h.enter(known)
		if err != nil {
			break
		}
		leave = append(leave, l)
	}
	if anonymous != maxAnonymousWaiters || len(leave) != maxWaiting {
		t.Errorf("%d anonymous callers of %d", anonymous, len(leave))
	}
	for _, l := range leave {
		l()
	}
	if len(h.waiting) != 0 || len(h.anonymousWaiters) != 0 {
		t.Errorf("%d and %d places are still taken", len(h.waiting), len(h.anonymousWaiters))
	}
}
