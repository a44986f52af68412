package sqlstore

import "sync"

// Broadcast wakes all goroutines that wait for something new.
type Broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// Next returns a channel that closes at the next Wake.
func (b *Broadcast) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// Wake closes the channel that Next has returned.
func (b *Broadcast) Wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// Awaited reports whether somebody may wait.
func (b *Broadcast) Awaited() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch != nil
}
