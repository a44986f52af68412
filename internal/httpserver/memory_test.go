package httpserver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"slipway/registry"
)

// TestK4Shares: a client holds at most the half of the memory and is told so with 429; when all is taken, others get 503; what
// is given back is there for the next.
func TestK4Shares(t *testing.T) {
	m := newMemory(1000, nil)
	m.wait = 0
	take := func(client string, n int64) (func(), error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return m.take(ctx, client, n)
	}
	m.wait = time.Millisecond
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
