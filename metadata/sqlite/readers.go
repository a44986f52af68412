package sqlite

import (
	"context"
	"errors"
	"sync"
	"time"

	"slipway/metadata/internal/sqlstore"
)

const defaultReaders = 6

// readers is the pool of reading connections. The connection used last is used next, so a quiet store keeps one connection
// warm.
type readers struct {
	path  string
	slots chan struct{}

	mu      sync.Mutex
	free    []*session
	running map[*sqlstore.Tx]time.Time // since when
}

func newReaders(path string, n int) *readers {
	return &readers{path: path, slots: make(chan struct{}, max(n, 1)), running: make(map[*sqlstore.Tx]time.Time)}
}

// get waits for a connection until ctx ends.
func (r *readers) get(ctx context.Context) (*session, error) {
	select {
	case r.slots <- struct{}{}:
	default:
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s := r.take(); s != nil {
		return s, nil
	}
	s, err := connect(r.path, reading)
	if err != nil {
		<-r.slots
	}
	return s, err
}

func (r *readers) take() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.free)
	if n == 0 {
		return nil
	}
	s := r.free[n-1]
	r.free = r.free[:n-1]
	return s
}

func (r *readers) put(s *session) {
	r.mu.Lock()
	r.free = append(r.free, s)
	r.mu.Unlock()
	<-r.slots
}

// drop closes a connection whose state is unknown.
func (r *readers) drop(s *session) {
	_ = s.Close() // it only read
	<-r.slots
}

func (r *readers) began(tx *sqlstore.Tx) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[tx] = time.Now()
}

func (r *readers) ended(tx *sqlstore.Tx) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, tx)
}

// trim closes the free connections except the warmest, whose cache it empties.
func (r *readers) trim() {
	r.mu.Lock()
	var closing []*session
	if n := len(r.free); n > 0 {
		closing = append(closing, r.free[:n-1]...)
		r.free = append(r.free[:0], r.free[n-1])
		_ = r.free[0].Do(shrink) // no harm in not shrinking
	}
	r.mu.Unlock()
	for _, s := range closing {
		_ = s.Close() // it only read
	}
}

// older reports whether a view runs for longer than age.
func (r *readers) older(age time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, since := range r.running {
		if time.Since(since) > age {
			return true
		}
	}
	return false
}

// endOlder ends the views that run for longer than age.
func (r *readers) endOlder(age time.Duration, err error) {
	r.mu.Lock()
	var old []*sqlstore.Tx
	for tx, since := range r.running {
		if time.Since(since) > age {
			old = append(old, tx)
		}
	}
	r.mu.Unlock()
	for _, tx := range old {
		tx.Abandon(err)
	}
}

func (r *readers) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, s := range r.free {
		errs = append(errs, s.Close())
	}
	r.free = nil
	return errors.Join(errs...)
}
