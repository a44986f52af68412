package httpserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slipway/registry"
)

// TestK4Shares: a client holds at most the half of the memory and is told so with 429; when all is taken, others get 503; what
// is given back is there for the next.
func TestK4Shares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1000, nil)
		take := func(client string, n int64) (func(), error) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			return m.take(ctx, client, n)
		}
		first, err := take("a", 400)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := take("a", 101); registry.KindOf(err) != registry.TooMany || registry.AsError(err).RetryAfter == 0 {
			t.Errorf("beyond the share: %v", err)
		}
		second, err := take("b", 900) // counts as the half
		if err != nil {
			t.Fatal(err)
		}
		if _, err := take("c", 101); registry.KindOf(err) != registry.Unavailable || registry.AsError(err).RetryAfter == 0 {
			t.Errorf("beyond all: %v", err)
		}
		third, err := take("c", 100)
		if err != nil {
			t.Fatal(err)
		}
		first()
		second()
		third()
		if len(m.clients) != 0 {
			t.Errorf("clients are left: %v", m.clients)
		}
		whole, err := take("d", 1000)
		if err != nil {
			t.Fatal(err)
		}
		whole()
	})
}

// TestK4Request: what a request holds is given back when it ends, also by a panic.
func TestK4Request(t *testing.T) {
	s := serverOf(t, Options{MemoryBytes: 1000})
	h := s.edge(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := HoldBody(r, 1<<20, 1); err != nil {
			t.Error(err)
		}
		if s.memory.all.TryAcquire(600) {
			t.Error("nothing is held")
		}
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PUT", "/", strings.NewReader(strings.Repeat("x", 100_000))))
	}()
	if !s.memory.all.TryAcquire(1000) {
		t.Error("memory is held although the request has ended")
	}
}

// TestK12Slow: a body that only keeps its connection busy is ended; waiting for the handler does not count.
func TestK12Slow(t *testing.T) {
	r := httptest.NewRequest("PUT", "/", strings.NewReader(strings.Repeat("x", 100)))
	b := watch(httptest.NewRecorder(), r, time.Minute)
	b.slow = slowness{grace: time.Second, rate: 10, waited: 2 * time.Second}
	p := make([]byte, 30)
	if _, err := b.Read(p); err != nil {
		t.Errorf("30 bytes in 2 s: %v", err)
	}
	b.slow.waited = 20 * time.Second
	if _, err := b.Read(p); registry.KindOf(err) != registry.BadBody || !strings.Contains(err.Error(), "too slowly") {
		t.Errorf("60 bytes in 20 s: %v", err)
	}
}

// TestK12Held: whoever holds memory must send faster from then on, also where the memory is held within the body.
func TestK12Held(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a fake clock
		s := serverOf(t, Options{})
		s.edge(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.CopyN(io.Discard, r.Body, 200<<10); err != nil {
				t.Errorf("2 KiB a second, without memory: %v", err)
			}
			if err := Hold(r.Context(), 1<<20); err != nil {
				t.Error(err)
			}
			n, err := io.Copy(io.Discard, r.Body)
			if registry.KindOf(err) != registry.BadBody || n > 30<<10 {
				t.Errorf("with memory: %d bytes, %v", n, err)
			}
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PUT", "/", slowReader{}))
		if err := writeHeld(slowWriter{time.Second}, make([]byte, 1<<20)); err != nil {
			t.Errorf("64 KiB a second: %v", err)
		}
		if err := writeHeld(slowWriter{20 * time.Second}, make([]byte, 1<<20)); registry.KindOf(err) != registry.BadBody {
			t.Errorf("3 KiB a second: %v", err)
		}
	})
}

// slowReader gives 2 KiB a second.
type slowReader struct{}

func (slowReader) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return min(len(p), 2<<10), nil
}

// slowWriter takes as long for each write.
type slowWriter struct{ each time.Duration }

func (w slowWriter) Write(p []byte) (int, error) {
	time.Sleep(w.each)
	return len(p), nil
}

// TestK4Refused: a request that has failed holds nothing while its client sends the rest.
func TestK4Refused(t *testing.T) {
	s := serverOf(t, Options{MemoryBytes: 1000})
	held := true
	h := s.edge(s.Handle(Route{Public: true}, Problem, func(_ http.ResponseWriter, r *http.Request) error {
		if err := HoldBody(r, 1<<20, 1); err != nil {
			t.Error(err)
		}
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "no")
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PUT", "/", readerFunc(func([]byte) (int, error) {
		held = !s.memory.all.TryAcquire(1000)
		return 0, io.EOF
	})))
	if held {
		t.Error("memory is held while the rest of the body is read")
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestK4SharedAnswer: an answer that its first reader could not have is read for the others, who have shares of their own, and so is
// one whose reading panicked.
func TestK4SharedAnswer(t *testing.T) {
	for name, fail := range map[string]func() error{
		"refused": func() error { return errors.New("the first reader's fault") },
		"panic":   func() error { panic("at the first reader") },
	} {
		synctest.Test(t, func(t *testing.T) { // Wait returns when both readers wait
			s := serverOf(t, Options{})
			begin := make(chan struct{})
			size := freeBytes + 1
			ask := func(load func(context.Context) ([]byte, error)) (w *httptest.ResponseRecorder, err error) {
				w = httptest.NewRecorder()
				s.edge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() {
						if v := recover(); v != nil {
							err = errors.New("panic")
						}
					}()
					err = s.ServeShared(w, r, "key", size, load)
				})).ServeHTTP(w, httptest.NewRequest("GET", "/", http.NoBody))
				return w, err
			}
			go func() {
				if _, err := ask(func(context.Context) ([]byte, error) { <-begin; return nil, fail() }); err == nil {
					t.Errorf("%s: no error", name)
				}
			}()
			synctest.Wait()
			go func() {
				w, err := ask(func(context.Context) ([]byte, error) { return make([]byte, size), nil })
				if err != nil || w.Body.Len() != size {
					t.Errorf("%s: the second reader has %d bytes, %v", name, w.Body.Len(), err)
				}
			}()
			synctest.Wait()
			close(begin)
			synctest.Wait()
			if len(s.shared.byKey) > 0 || !s.memory.all.TryAcquire(s.memory.size) {
				t.Errorf("%s: something is left", name)
			}
		})
	}
}
