package formatstest

import (
	"net/http"
	"sync"
)

// Asked notes what clients ask a server for. The zero value is ready; it is safe for concurrent use.
type Asked struct {
	mu    sync.Mutex
	paths map[string]int
}

// Wrap is Options.Wrap.
func (a *Asked) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		if a.paths == nil {
			a.paths = map[string]int{}
		}
		a.paths[r.URL.Path]++
		a.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// Take returns how often a path was asked for since the last call of Take for it.
func (a *Asked) Take(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.paths[path]
	delete(a.paths, path)
	return n
}
