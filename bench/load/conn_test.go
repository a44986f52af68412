package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answers is a server with every kind of answer.
func answers(t *testing.T) *Conn {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /text", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	mux.HandleFunc("GET /chunks", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprint(w, strings.Repeat(fmt.Sprint(i), 100_000))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("GET /large", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3000000")
		_, _ = w.Write(make([]byte, 3_000_000))
	})
	mux.HandleFunc("GET /none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /gone", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "it is gone", http.StatusGone) })
	mux.HandleFunc("GET /close", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "bye")
	})
	mux.HandleFunc("GET /slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("PUT /echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-One") != "1" || r.Header.Get("Authorization") != "Bearer secret" {
			body = fmt.Appendf(nil, "%v, headers %v", err, r.Header)
		}
		w.Header().Set("Location", "/there")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
	})
	mux.HandleFunc("PUT /refuse", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	target, err := NewTarget(srv.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(target)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestConn: every kind of answer is read to its end, so that the next request on the connection gets its own.
func TestConn(t *testing.T) {
	c := answers(t)
	for round := range 2 {
		for _, want := range []struct {
			method, path string
			status       int
			bytes        int64
			body         string
		}{
			{"GET", "/text", 200, 5, "hello"}, {"HEAD", "/text", 200, 0, ""}, {"GET", "/none", 204, 0, ""},
			{"GET", "/chunks", 200, 300_000, ""}, {"GET", "/large", 200, 3_000_000, ""}, {"GET", "/gone", 410, 11, "it is gone\n"},
			{"GET", "/close", 200, 3, "bye"}, {"GET", "/text", 200, 5, "hello"},
		} {
			a, err := c.Do(t.Context(), Request{Method: want.method, Path: want.path, Keep: want.body != ""})
			if a.Status != want.status || a.Bytes != want.bytes || string(a.Body) != want.body {
				t.Errorf("round %d: %s %s: %d, %d bytes, %.40q", round, want.method, want.path, a.Status, a.Bytes, a.Body)
			}
			if failed := (*StatusError)(nil); errors.As(err, &failed) != (want.status >= 400) || err != nil && failed == nil {
				t.Errorf("%s: %v", want.path, err)
			}
		}
	}
	a, err := c.Do(t.Context(), Request{Method: "GET", Path: "/chunks", Keep: true})
	if want := strings.Repeat("0", 100_000) + strings.Repeat("1", 100_000) + strings.Repeat("2", 100_000); err != nil || string(a.Body) != want {
		t.Errorf("kept chunks: %d bytes, %v", len(a.Body), err)
	}
}

// TestConnBody: bodies in memory and bodies that are made while they are sent arrive whole, with the headers.
func TestConnBody(t *testing.T) {
	c := answers(t)
	large := make([]byte, 200_000)
	stampedAt(7)(large, 0)
	for _, rq := range []Request{{}, {Body: []byte("hello")}, {Body: large}, {Fill: stampedAt(7), Size: 200_000}} {
		rq.Method, rq.Path, rq.Header, rq.Keep = "PUT", "/echo", "X-One: 1\r\n", true
		a, err := c.Do(t.Context(), rq)
		want := rq.Body
		if rq.Fill != nil {
			want = large
		}
		if err != nil || a.Status != 201 || a.Location != "/there" || !bytes.Equal(a.Body, want) {
			t.Errorf("%d bytes: %d %q, %d bytes back, %v", len(want), a.Status, a.Location, len(a.Body), err)
		}
	}
	// A server that refuses need not read the body.
	if _, err := c.Do(t.Context(), Request{Method: "PUT", Path: "/refuse", Fill: stampedAt(1), Size: 64 << 20}); err == nil {
		t.Error("a refusal is no error")
	}
	if a, err := c.Do(t.Context(), Request{Method: "GET", Path: "/text"}); err != nil || a.Bytes != 5 {
		t.Errorf("after a refusal: %+v, %v", a, err)
	}
}

// TestConnLocation: the path of the server's base URL is not in a request's path twice, whether the server or a proxy in
// front of it adds it.
func TestConnLocation(t *testing.T) {
	for _, c := range []struct{ base, location, want string }{
		{"http://host", "/v2/a/uploads/1", "/v2/a/uploads/1"},
		{"http://host/prefix/", "/prefix/v2/a?x=http://b/", "/v2/a?x=http://b/"},
		{"http://host/prefix", "/v2/a", "/v2/a"},
		{"http://host/prefix", "/prefixed/a", "/prefixed/a"},
		{"http://host/prefix", "http://host/prefix/v2/a", "/v2/a"},
		{"http://host", "http://host", "/"},
	} {
		target, err := NewTarget(c.base, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := target.path(c.location); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.location, c.base, got, c.want)
		}
	}
}

// TestConnCancel: the end of a run ends the request that waits.
func TestConnCancel(t *testing.T) {
	c := answers(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, Request{Method: "GET", Path: "/slow"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if a, err := c.Do(t.Context(), Request{Method: "GET", Path: "/text"}); err != nil || a.Bytes != 5 {
		t.Errorf("after it: %+v, %v", a, err)
	}
}

func TestContent(t *testing.T) {
	whole := make([]byte, 3<<20)
	stampedAt(5)(whole, 0)
	read, err := io.ReadAll(NewBody(5, int64(len(whole))))
	if err != nil || !bytes.Equal(read, whole) || !bytes.Equal(stamped(make([]byte, len(whole)), 5), whole) {
		t.Errorf("a body is not the same in pieces: %v", err)
	}
	if bytes.Equal(stamped(make([]byte, 8), 1), stamped(make([]byte, 8), 2)) {
		t.Error("two bodies are the same")
	}
}
