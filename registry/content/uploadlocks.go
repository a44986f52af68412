package content

import (
	"context"
	"sync"
)

// uploadLocks lets one request at a time work on an upload. The store leaves that to its caller: the bytes of two concurrent
// appends would mix, and the digest of one append would be stored for the mixture.
type uploadLocks struct {
	mu   sync.Mutex
	held map[string]*uploadLock
}

type uploadLock struct {
	turn  chan struct{} // holds one value while a request works
	users int           // requests that work or wait
}

// lock waits until no other request works on the upload, or until ctx ends.
func (l *uploadLocks) lock(ctx context.Context, id string) (unlock func(), err error) {
	e := l.join(id)
	select {
	case e.turn <- struct{}{}:
		return func() { <-e.turn; l.leave(id, e) }, nil
	case <-ctx.Done():
		l.leave(id, e)
		return nil, ctx.Err()
	}
}

// busy reports whether a request works on an upload.
func (l *uploadLocks) busy(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.held[id]
	return ok
}

func (l *uploadLocks) join(id string) *uploadLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*uploadLock{}
	}
	e, ok := l.held[id]
	if !ok {
		e = &uploadLock{turn: make(chan struct{}, 1)}
		l.held[id] = e
	}
	e.users++
	return e
}

func (l *uploadLocks) leave(id string, e *uploadLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.users--; e.users == 0 {
		delete(l.held, id)
	}
}
