package content

import (
	"sync"
	"time"

	"slipway/metadata"
)

// Bounds of renewals.
const (
	leaseRenewal  = 10 * time.Minute // a lease is renewed at most this often; its row still has hours left then
	maxRemembered = 10_000
)

// renewals remembers which leases were renewed lately, so that a push that asks for the same blob again and again does not
// write each time.
type renewals struct {
	versioned metadata.Versioned // nil: the store can't tell when another process drops leases
	mu        sync.Mutex
	seen      map[leaseKey]renewed
	forgotten uint64 // how many times forget ran
	told      time.Time
}

type renewed struct {
	at    time.Time
	epoch uint64
}

type leaseKey struct {
	holder string
	blob   int64 // the id of a collected blob never names another one
}

// due reports whether a lease is to be renewed, and the epoch to pass to renewed afterwards.
func (l *renewals) due(holder string, blob int64, now time.Time) (due bool, epoch uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, ok := l.seen[leaseKey{holder, blob}]
	epoch = l.current()
	return !ok || last.epoch != epoch || now.Sub(last.at) >= leaseRenewal, epoch
}

// epoch returns the epoch to pass to renewed. The caller reads it before the transaction that renews a lease.
func (l *renewals) epoch() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current()
}

// current is the epoch: it grows whenever any process drops leases.
func (l *renewals) current() uint64 {
	if l.versioned == nil {
		return l.forgotten
	}
	return l.forgotten + l.versioned.GenerationOf(metadata.DroppedLeases)
}

// renewed remembers a renewed lease, unless leases were dropped since the epoch: this lease may be among them.
func (l *renewals) renewed(holder string, blob int64, now time.Time, epoch uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch != l.current() {
		return
	}
	if l.seen == nil || len(l.seen) >= maxRemembered {
		l.seen = map[leaseKey]renewed{}
	}
	l.seen[leaseKey{holder, blob}] = renewed{now, epoch}
}

// forget drops all that is remembered. It is called after leases were dropped before their end.
func (l *renewals) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.seen)
	l.forgotten++
}

// failed reports whether to log a lease that could not be renewed. It says yes only now and then, because on a full disk every
// read fails to renew.
func (l *renewals) failed(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told.IsZero() && now.Sub(l.told) < leaseRenewal {
		return false
	}
	l.told = now
	return true
}

// ForgetLeases is to be called after another part of the core dropped leases before their end.
func (s *Store) ForgetLeases() { s.renewals.forget() }
