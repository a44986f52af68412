package upstreams

import (
	"sync"
	"time"

	"slipway/registry"
)

// defaultSpool is the bound of the spool, or a quarter of the disk if that is less.
const (
	defaultSpool = 20 << 30
	spoolShare   = 4
)

// spool counts the bytes of files that are on their way, and bounds them: a transfer that would pass the bound does not begin. One
// transfer may always, so that a long file is not refused for ever on a small disk.
type spool struct {
	bound int64                         // 0: defaultSpool
	free  func() (bytes int64, ok bool) // of the disk; nil: not known

	mu   sync.Mutex
	used int64
}

// room reports whether size more bytes have room; -1: it is not known how many come. Unavailable.
func (s *spool) room(upstream string, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == 0 || s.used+max(size, 1) <= s.limit() {
		return nil
	}
	return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutUpstream, RetryAfter: 5 * time.Second,
		Detail: "not cached here, and too much is on its way from registries elsewhere to begin another file of upstream " + upstream + "; try again"}
}

// limit is the bound now; s.mu is held. What is on its way is not free any more, but was.
func (s *spool) limit() int64 {
	if s.bound > 0 {
		return s.bound
	}
	if s.free != nil {
		if free, ok := s.free(); ok {
			return min(defaultSpool, (free+s.used)/spoolShare)
		}
	}
	return defaultSpool
}

func (s *spool) add(n int64) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used += n
}

// spool counts that a transfer takes n bytes of the spool; f.mu is held.
func (f *flight) spool(n int64) {
	f.s.spool.add(n - f.spooled)
	f.spooled = n
}
