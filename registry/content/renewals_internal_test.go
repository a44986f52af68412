package content

import (
	"testing"
	"time"

	"slipway/metadata"
)

// dropping is a store that counts how often leases were dropped.
type dropping struct{ times uint64 }

func (d *dropping) Generation() uint64 { return d.times }

func (d *dropping) GenerationOf(p metadata.Part) uint64 {
	if p == metadata.DroppedLeases {
		return d.times
	}
	return 0
}

// TestRenewals: a lease is due again after some time, and at once when this process or another one has dropped leases, also while it
// was renewed.
func TestRenewals(t *testing.T) {
	store := &dropping{}
	l := &renewals{versioned: store}
	now := time.Unix(1_800_000_000, 0)
	renew := func(meanwhile func()) {
		_, epoch := l.due("h", 1, now)
		meanwhile()
		l.renewed("h", 1, now, epoch)
	}
	due := func(what string, want bool) {
		t.Helper()
		if is, _ := l.due("h", 1, now); is != want {
			t.Errorf("%s: due: %t", what, is)
		}
	}
	due("never renewed", true)
	renew(func() {})
	due("renewed", false)
	now = now.Add(leaseRenewal)
	due("after some time", true)
	for what, drop := range map[string]func(){"here": l.forget, "elsewhere": func() { store.times++ }} {
		renew(func() {})
		due("renewed", false)
		drop()
		due("dropped "+what, true)
		renew(drop)
		due("dropped meanwhile, "+what, true)
	}
}
