package httpserver

import (
	"context"
	"errors"
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
	a, first := s.enter(key)
	defer s.leave(key, a)
	if first {
		s.fill(r.Context(), key, a, int64(size), load)
	}
	select {
	case <-a.ready:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	body, err := a.body, a.err
	if err != nil && !first { // it may be the fault of the first reader, whose share is used up
		if err = Hold(r.Context(), int64(size)); err == nil {
			body, err = load(r.Context())
		}
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return writeHeld(w, body)
}

// enter returns the answer under key. first: it is new, and the caller fills it.
func (s *Server) enter(key string) (a *sharedAnswer, first bool) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if a = s.shared.byKey[key]; a != nil {
		a.readers++
		return a, false
	}
	a = &sharedAnswer{ready: make(chan struct{}), readers: 1}
	s.shared.byKey[key] = a
	return a, true
}

var errUnread = errors.New("the shared answer was not read")

// fill reads an answer, in memory that the request of ctx is charged for.
func (s *Server) fill(ctx context.Context, key string, a *sharedAnswer, size int64, load func(context.Context) ([]byte, error)) {
	ctx = context.WithoutCancel(ctx) // others wait for it
	var body []byte
	var release func()
	err := errUnread // unless load returns
	defer func() {
		s.shared.mu.Lock()
		defer s.shared.mu.Unlock()
		a.body, a.err, a.release = body, err, release
		close(a.ready)
		if err != nil && s.shared.byKey[key] == a { // the next reader tries again
			delete(s.shared.byKey, key)
		}
	}()
	held, refused := s.memory.take(ctx, Holder(ctx), size)
	if refused != nil {
		err = refused
		return
	}
	release = held
	body, err = load(ctx)
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
