package httpserver

import (
	"context"
	"net/http"
	"strconv"
	"sync"
)

// shared are the large answers that are being written, by what they are: all readers of one are served from the same bytes, so
// that slow readers cost no memory each.
type shared struct {
	mu    sync.Mutex
	byKey map[string]*sharedAnswer
}

type sharedAnswer struct {
	ready   chan struct{} // closed when body or err is there
	body    []byte
	err     error
	readers int
	release func()
}

// ServeShared answers with a body whose bytes never change under key, and whose headers are set. size is the body's; load
// reads it. A large body is held in memory once for all who read it at the same time. TooMany, Unavailable, or the error of load.
func (s *Server) ServeShared(w http.ResponseWriter, r *http.Request, key string, size int, load func(context.Context) ([]byte, error)) error {
	w.Header().Set("Content-Length", strconv.Itoa(size))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if size <= freeBytes {
		body, err := load(r.Context())
		if err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		_, err = w.Write(body)
		return err
	}
	a := s.enter(r, key, int64(size), load)
	defer s.leave(key, a)
	select {
	case <-a.ready:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	if a.err != nil {
		return a.err
	}
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(a.body)
	return err
}

func (s *Server) enter(r *http.Request, key string, size int64, load func(context.Context) ([]byte, error)) *sharedAnswer {
	s.shared.mu.Lock()
	a := s.shared.byKey[key]
	if a != nil {
		a.readers++
		s.shared.mu.Unlock()
		return a
	}
	a = &sharedAnswer{ready: make(chan struct{}), readers: 1}
	s.shared.byKey[key] = a
	s.shared.mu.Unlock()
	ctx := context.WithoutCancel(r.Context()) // others wait for it
	client := ""
	if q := requestOf(ctx); q != nil {
		client = q.holder()
	}
	release, err := s.memory.take(ctx, client, size)
	var body []byte
	if err == nil {
		body, err = load(ctx)
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	a.body, a.err, a.release = body, err, release
	close(a.ready)
	if err != nil && s.shared.byKey[key] == a { // the next reader tries again
		delete(s.shared.byKey, key)
	}
	return a
}

func (s *Server) leave(key string, a *sharedAnswer) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if a.readers--; a.readers > 0 {
		return
	}
	if s.shared.byKey[key] == a {
		delete(s.shared.byKey, key)
	}
	if a.release != nil {
		a.release()
	}
}
