package upstreams

import (
	"context"
	"sync"
)

// queue gathers things that are to be written, in their order. One goroutine writes what waits, as one list, and then what came meanwhile.
type queue[T any] struct {
	mu      sync.Mutex
	waiting []T
	writing bool
}

// add puts a thing into the queue, and does not wait until it is written. After stop nothing is.
func (q *queue[T]) add(ctx context.Context, behind *flights, thing T, write func(ctx context.Context, list []T)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, thing)
	if !q.writing {
		q.writing = behind.behind(ctx, func(ctx context.Context) { q.drain(ctx, write) })
	}
}

func (q *queue[T]) drain(ctx context.Context, write func(ctx context.Context, list []T)) {
	for {
		q.mu.Lock()
		list := q.waiting
		q.waiting = nil
		q.writing = len(list) > 0
		q.mu.Unlock()
		if len(list) == 0 {
			return
		}
		write(ctx, list)
	}
}
