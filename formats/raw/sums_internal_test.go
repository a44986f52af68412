package raw

import (
	"testing"

	"slipway/registry"
)

// TestK6Sums: who asks for very many sums waits for its own, not others for them.
func TestK6Sums(t *testing.T) {
	c := newSumCache()
	var leave []func()
	enter := func(who string, want registry.Kind) {
		t.Helper()
		done, err := c.enter(who)
		if err == nil {
			leave = append(leave, done)
		}
		if (err == nil) != (want == 0) || err != nil && registry.KindOf(err) != want {
			t.Errorf("%s: %v, want %d", who, err, want)
		}
	}
	for _, who := range []string{"a", "b", "c", "d"} {
		for range maxOfOne {
			enter(who, 0)
		}
	}
	enter("a", registry.TooMany)
	enter("e", registry.Unavailable)
	for _, done := range leave {
		done()
	}
	enter("a", 0)
	leave[len(leave)-1]()
	if c.waiting != 0 || len(c.by) != 0 {
		t.Errorf("%d wait: %v", c.waiting, c.by)
	}
}
