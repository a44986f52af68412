package registry

import (
	"sync"
	"time"
)

// Bounds of what is remembered of renewed leases.
const (
	leaseRenewal  = 10 * time.Minute // a lease is renewed at most this often: the row has hours left
	maxRemembered = 10_000
)

// leases remembers which leases were renewed lately, so that a push that looks at the same blob again and again does not
// write each time.
type leases struct {
	mu   sync.Mutex
	seen map[leaseKey]time.Time
}

type leaseKey struct {
	holder string
	blob   int64 // the id of a collected blob never names another one
}

func (l *leases) due(holder string, blob int64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.seen[leaseKey{holder, blob}]
	return !ok || now.Sub(at) >= leaseRenewal
}

func (l *leases) renewed(holder string, blob int64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil || len(l.seen) >= maxRemembered {
		l.seen = map[leaseKey]time.Time{}
	}
	l.seen[leaseKey{holder, blob}] = now
}

// forget is for when leases are dropped before their time.
func (l *leases) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.seen)
}
