package httpserver_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
)

func dial(t *testing.T, srv *formatstest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// TestS58 holds 1,000 connections open with headers that trickle in, and 1,000 with stalled bodies: other requests are
// answered meanwhile, and the server closes the stalled connections.
func TestS58(t *testing.T) {
	const connections = 1000
	srv := formatstest.NewServer(t, formatstest.Options{
		Serve: httpserver.ServeOptions{ReadHeaderTimeout: 2 * time.Second}, Site: httpserver.Options{IdleTimeout: time.Second},
	}, newSite())
	for name, begin := range map[string]string{
		"header": "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", "body": "PUT /t/sink HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx",
		"body nobody reads": "PUT /t/refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx",
	} {
		conns := make([]net.Conn, connections)
		for i := range conns {
			conns[i] = dial(t, srv)
			send(t, conns[i], begin)
		}
		stop := make(chan struct{})
		go func() { // one header byte each every 300 ms
			for name == "header" {
				select {
				case <-stop:
					return
				case <-time.After(300 * time.Millisecond):
				}
				for _, c := range conns {
					_, _ = io.WriteString(c, "x") // fails once the server has ended it
				}
			}
		}()
		for range 50 {
			start := time.Now()
			res := srv.Do(formatstest.Anonymous, get("/livez"))
			if took := time.Since(start); res.Status != http.StatusOK || took > 10*time.Second {
				t.Fatalf("%s: %v after %v", name, res, took)
			}
		}
		end := time.Now().Add(time.Minute)
		for _, c := range conns {
			_ = c.SetReadDeadline(end)
			if _, err := io.Copy(io.Discard, c); isTimeout(err) {
				t.Fatalf("%s: a connection that stands still is open after a minute", name)
			}
		}
		close(stop)
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// TestSlowTransfers: a slow transfer that moves is never cut, however long it takes.
func TestSlowTransfers(t *testing.T) {
	const idle = 3 * time.Second
	srv := formatstest.NewServer(t, formatstest.Options{Local: true,
		Site: httpserver.Options{IdleTimeout: idle}, Serve: httpserver.ServeOptions{IdleTimeout: idle}, AnonymousRead: true}, newSite())
	t.Run("upload", func(t *testing.T) {
		t.Parallel()
		c := dial(t, srv)
		send(t, c, "PUT /t/sink HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n")
		for range 20 {
			time.Sleep(idle / 10)
			send(t, c, "x")
		}
		if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%v %v", res, err)
		}
	})
	t.Run("handler that works long after the body", func(t *testing.T) {
		t.Parallel()
		c := dial(t, srv)
		send(t, c, "GET /t/work?long HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
		if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%v %v", res, err)
		}
	})
	content := strings.Repeat("0123456789abcdef", 3<<18) // 12 MiB
	if err := srv.Publish("big", "1", "file", content); err != nil {
		t.Fatal(err)
	}
	request := "GET /t/file/big HTTP/1.1\r\nHost: x\r\n\r\n"
	t.Run("download", func(t *testing.T) {
		t.Parallel()
		c := dial(t, srv)
		_ = c.(*net.TCPConn).SetReadBuffer(32 << 10)
		send(t, c, request)
		r := bufio.NewReader(c)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		h, start := sha256.New(), time.Now()
		for {
			n, err := io.CopyN(h, res.Body, 512<<10)
			if n == 0 || err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("cut after %v: %v", time.Since(start), err)
			}
			time.Sleep(idle / 10)
		}
		if want := sha256.Sum256([]byte(content)); fmt.Sprintf("%x", h.Sum(nil)) != fmt.Sprintf("%x", want) {
			t.Error("the bytes are not those stored")
		}
		if took := time.Since(start); took < 2*idle {
			t.Errorf("the download took only %v and proves nothing", took)
		}
	})
	t.Run("reader that stands still", func(t *testing.T) {
		t.Parallel()
		c := dial(t, srv)
		_ = c.(*net.TCPConn).SetReadBuffer(32 << 10)
		send(t, c, request)
		end := time.Now().Add(30 * time.Second)
		for !strings.Contains(srv.Log(), "the client went away") {
			if time.Now().After(end) {
				t.Fatal("the server still waits for a reader that takes nothing")
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

// TestEarlyAnswer: a refusal reaches a client that sends its whole body before it looks, and one that waits for
// 100-continue sends nothing.
func TestEarlyAnswer(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	const size = 8 << 20
	t.Run("eager", func(t *testing.T) {
		c := dial(t, srv)
		send(t, c, fmt.Sprintf("PUT /t/refuse HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size))
		send(t, c, strings.Repeat("x", size))
		r := bufio.NewReader(c)
		for range 2 { // the connection can still be used
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != http.StatusForbidden || !contains(string(body), "not here") {
				t.Errorf("%v %q %v", res.StatusCode, body, err)
			}
			send(t, c, "PUT /t/refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		}
	})
	t.Run("expect", func(t *testing.T) {
		c := dial(t, srv)
		send(t, c, fmt.Sprintf("PUT /t/refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", size))
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.Contains(line, "403") {
			t.Errorf("%q %v, want 403 and no 100", line, err)
		}
	})
	t.Run("too long to wait for", func(t *testing.T) {
		c := dial(t, srv)
		send(t, c, "PUT /t/refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\nx")
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusForbidden || !res.Close {
			t.Errorf("%v %v, want 403 and the end of the connection", res, err)
		}
	})
}

// TestShutdown: running requests finish, requests that wait for events are told to end, hanging ones are closed, and no new
// ones are accepted.
func TestShutdown(t *testing.T) {
	const grace = 5 * time.Second
	m := newSite()
	srv := formatstest.NewServer(t, formatstest.Options{Serve: httpserver.ServeOptions{ShutdownTimeout: grace}}, m)
	var wg sync.WaitGroup
	ask := func(path string) *formatstest.Response {
		res := &formatstest.Response{}
		wg.Go(func() {
			r, err := srv.Try(formatstest.Anonymous, get(path))
			if err == nil {
				*res = r
			}
		})
		<-m.begun
		return res
	}
	wait, hang, work := ask("/t/wait"), ask("/t/hang"), ask("/t/work")
	start := time.Now()
	srv.Stop()
	took := time.Since(start)
	wg.Wait()
	if work.Status != http.StatusOK || wait.Status != http.StatusOK {
		t.Errorf("work %v, wait %v; want both answered", work, wait)
	}
	if hang.Status != 0 {
		t.Errorf("what hangs was answered: %v", hang)
	}
	if took < grace-100*time.Millisecond || took > 4*grace {
		t.Errorf("shutdown took %v", took)
	}
	if _, err := net.Dial("tcp", srv.Addr); err == nil {
		t.Error("the server still accepts connections")
	}
}
