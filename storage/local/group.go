package local

import "sync"

// group lets callers that wait for a flush of one directory share it. The zero value is ready.
type group struct {
	mu      sync.Mutex
	next    *flush     // the flush that has not started yet
	running sync.Mutex // held by the flush that runs
}

type flush struct {
	done chan struct{}
	err  error
}

// join returns the result of a flush that started after the call of join. A flush that runs already may have passed the
// caller's change, so callers that come meanwhile wait for the next flush; the first of them runs it.
func (g *group) join(run func() error) error {
	g.mu.Lock()
	if f := g.next; f != nil {
		g.mu.Unlock()
		<-f.done
		return f.err
	}
	f := &flush{done: make(chan struct{})}
	g.next = f
	g.mu.Unlock()

	g.running.Lock()
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	f.err = run()
	g.running.Unlock()
	close(f.done)
	return f.err
}
