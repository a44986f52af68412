package balancer

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// backend counts what it is asked; unready, /readyz is 503.
type backend struct {
	*httptest.Server
	asked   atomic.Int64
	unready atomic.Bool
}

func newBackend(t *testing.T) *backend {
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			if b.unready.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		b.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte(r.Host+" "), body...))
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *backend) host() string { return strings.TrimPrefix(b.URL, "http://") }

// put sends a body through a balancer, and fails the test unless it comes back.
func put(t *testing.T, h http.Handler, times int) {
	t.Helper()
	for range times {
		r := httptest.NewRequest(http.MethodPut, "http://slipway.example.com/x", strings.NewReader("body"))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != "slipway.example.com body" {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
	}
}

func TestTurns(t *testing.T) {
	one, two, three := newBackend(t), newBackend(t), newBackend(t)
	b := New(one.host(), two.host(), three.host())
	put(t, b, 9)
	for i, s := range []*backend{one, two, three} {
		if n := s.asked.Load(); n != 3 {
			t.Errorf("server %d was asked %d times, not 3", i, n)
		}
	}

	two.Close()
	b = New(one.host(), two.host(), three.host())
	put(t, b, 9) // what is sent to the second comes to another server, with its body

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	three.unready.Store(true)
	go b.Watch(ctx, time.Millisecond)
	for end := time.Now().Add(10 * time.Second); !b.servers[2].away.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a server that is not ready counts as ready")
		}
	}
	before := three.asked.Load()
	put(t, b, 9)
	if n := three.asked.Load(); n != before {
		t.Errorf("a server that is not ready was asked %d times", n-before)
	}
}

// TestBegun: a request that a server has begun to read is not sent to another one, unless it changes nothing.
func TestBegun(t *testing.T) {
	var asked atomic.Int64
	dying := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.ReadAll(r.Body)
		panic(http.ErrAbortHandler)
	})
	one, two := httptest.NewServer(dying), httptest.NewServer(dying)
	defer one.Close()
	defer two.Close()
	b := New(strings.TrimPrefix(one.URL, "http://"), strings.TrimPrefix(two.URL, "http://"))
	for method, want := range map[string]int64{http.MethodPut: 1, http.MethodPost: 1, http.MethodGet: 4} {
		asked.Store(0)
		var body io.Reader
		if method != http.MethodGet {
			body = strings.NewReader("body")
		}
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequest(method, "http://slipway.example.com/x", body))
		if w.Code != http.StatusBadGateway || asked.Load() != want {
			t.Errorf("%s: %d after %d tries, not %d", method, w.Code, asked.Load(), want)
		}
	}
}

// TestUnavailable: what a server can't answer now is asked of another one, unless it changes something.
func TestUnavailable(t *testing.T) {
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer busy.Close()
	b := New(strings.TrimPrefix(busy.URL, "http://"), newBackend(t).host())
	codes := map[int]int{}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		for range 4 {
			w := httptest.NewRecorder()
			b.ServeHTTP(w, httptest.NewRequest(method, "http://slipway.example.com/x", nil))
			codes[w.Code]++
		}
	}
	if codes[http.StatusOK] != 6 || codes[http.StatusServiceUnavailable] != 2 {
		t.Error(codes)
	}
}
