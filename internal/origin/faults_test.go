package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

var quiet = log.New(io.Discard, "", 0)

// TestStatus: what each status becomes, how often it is asked for, and what it does to the breaker.
func TestStatus(t *testing.T) {
	for _, c := range []struct {
		status int
		header string // Name: value
		change func(*setup)
		class  Class
		text   string
		tries  int
		failed bool
	}{
		{status: 404, class: Absent, text: "answered 404", tries: 1},
		{status: 410, class: Absent, text: "answered 410", tries: 1},
		{status: 403, class: Absent, text: "answered 403", tries: 1, change: func(s *setup) { s.ForbiddenIsMissing = true }},
		{status: 401, class: Refused, text: "asks for credentials", tries: 1},
		{status: 401, class: Refused, text: "refuses our credentials", tries: 1, change: func(s *setup) {
			s.Auth = Auth{Kind: AuthBearer, Secret: StaticSecret(canary)}
		}},
		{status: 403, class: Refused, text: "refuses access", tries: 1},
		{status: 407, class: Refused, text: "the proxy refuses our credentials", tries: 1},
		{status: 408, class: Busy, text: "answered 408", tries: 1},
		{status: 425, class: Busy, text: "answered 425", tries: 1},
		{status: 429, class: Busy, text: "asks to wait", tries: 1},
		{status: 503, header: "Retry-After: 20", class: Busy, text: "answered 503 and asks to wait", tries: 1},
		{status: 503, class: Down, text: "answered 503", tries: 3, failed: true},
		{status: 500, class: Down, text: "answered 500", tries: 1, failed: true},
		{status: 502, class: Down, text: "answered 502", tries: 3, failed: true},
		{status: 504, header: "Retry-After: 7", class: Down, text: "answered 504", tries: 3, failed: true},
		{status: 599, class: Down, text: "answered 599", tries: 1, failed: true},
		{status: 508, class: Bad, text: "508", tries: 1},
		{status: 451, class: Legal, text: "legal reasons", tries: 1},
		{status: 204, class: Bad, text: "answered 204", tries: 1},
		{status: 206, class: Bad, text: "answered 206 to a request for all", tries: 1},
		{status: 304, class: Bad, text: "answered 304", tries: 1},
		{status: 300, class: Bad, text: "answered 300", tries: 1},
		{status: 302, class: Bad, text: "without a Location", tries: 1},
		{status: 400, class: Bad, text: "answered 400", tries: 1},
		{status: 418, class: Bad, text: "answered 418", tries: 1},
	} {
		up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			name, value, _ := strings.Cut(c.header, ": ")
			if name != "" {
				w.Header().Set(name, value)
			}
			w.WriteHeader(c.status)
		})
		var outcome string
		cl := client(t, up.URL, func(s *setup) {
			s.Observe = func(_ context.Context, o Observation) { outcome += o.Outcome }
			if c.change != nil {
				c.change(s)
			}
		})
		_, _, err := read(t, cl, Request{URL: "x"})
		want(t, err, c.class, c.text)
		if n := len(up.requests()); n != c.tries {
			t.Errorf("%d: asked %d times, want %d", c.status, n, c.tries)
		}
		if got := cl.State()[0]; (got.LastFault != "") != c.failed {
			t.Errorf("%d: last fault %q", c.status, got.LastFault)
		}
		if outcome != c.class.String() {
			t.Errorf("%d: outcome %s", c.status, outcome)
		}
		var f *Fault
		if errors.As(err, &f); f != nil && f.Status != c.status {
			t.Errorf("%d: status %d", c.status, f.Status)
		}
	}
}

// raw is a server that answers each connection with text.
func raw(t *testing.T, answer string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, answer)
				_ = c.Close()
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// TestConnectionFaults: each class of fault has its words.
func TestConnectionFaults(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + closed.Addr().String()
	_ = closed.Close()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	secure := unstarted(t, func(http.ResponseWriter, *http.Request) {})
	secure.StartTLS()
	for _, c := range []struct {
		url   string
		class Class
		text  string
		tries bool // again
	}{
		{refused, Down, "connection refused", true},
		{"http://none." + canary + ".example", Down, "its host name has no address", false},
		{secure.URL, Down, "certificate not trusted: it is signed by an unknown authority", false},
		{strings.Replace(plain.URL, "http:", "https:", 1), Down, "does not speak TLS", false},
		{raw(t, ""), Down, "closed the connection without an answer", true},
		{raw(t, canary+" what is this"), Bad, "malformed", false},
		{raw(t, "HTTP/1.1 200 OK\r\n"+canary+"\r\n\r\n"), Bad, "malformed", false},
		{raw(t, "HTTP/1.1 200 OK\r\nContent-Length: "+canary+"\r\n\r\n"), Bad, "malformed", false},
		{raw(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 100<<10)+"\r\n\r\n"), Bad, "too large", false},
		{raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), Down, "cut short", false},
		{raw(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"), Down, "cut short", false},
	} {
		waits := 0
		cl := client(t, c.url, func(s *setup) { s.Sleep = func(context.Context, time.Duration) { waits++ } })
		_, _, err := read(t, cl, Request{URL: "x?token=" + canary})
		want(t, err, c.class, c.text)
		if (waits == 2) != c.tries || waits == 1 {
			t.Errorf("%s: %d retries", c.text, waits)
		}
	}
}

// TestTimeouts: a header that does not come, a body that stops, a document without an end, and an answer after too many tries.
func TestTimeouts(t *testing.T) {
	const short = 40 * time.Millisecond
	stop := make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/header":
			<-stop
		case "/hung":
			_, _ = io.WriteString(w, "abc")
			_ = http.NewResponseController(w).Flush()
			<-stop
		case "/trickle":
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "a")
				_ = http.NewResponseController(w).Flush()
			}
		}
	})
	defer close(stop)
	for _, c := range []struct {
		path     string
		kind     Kind
		timeouts Timeouts
		text     string
	}{
		{"header", Document, Timeouts{Document: short}, "no answer within 40ms"},
		{"header", File, Timeouts{File: short}, "no answer within 40ms"},
		{"header", Document, Timeouts{Answer: short}, "no answer within 40ms"},
		{"hung", File, Timeouts{Idle: short}, "no bytes came within 40ms"},
		{"trickle", Document, Timeouts{Total: short}, "not complete within 40ms"},
	} {
		cl := client(t, up.URL, func(s *setup) { s.Timeouts = c.timeouts })
		_, _, err := read(t, cl, Request{URL: c.path, Kind: c.kind})
		want(t, err, Down, c.text)
		if s := cl.State()[0]; s.LastFault == "" || s.UnderWay != 0 {
			t.Errorf("%s: state %+v", c.path, s)
		}
	}
}

// TestCaller: the end of the caller's context is its own error, and says nothing about the upstream.
func TestCaller(t *testing.T) {
	arrived := make(chan struct{})
	stop := make(chan struct{})
	up := serve(t, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-stop
	})
	defer close(stop)
	var outcome string
	cl := client(t, up.URL, func(s *setup) { s.Observe = func(_ context.Context, o Observation) { outcome = o.Outcome } })
	gone := errors.New("the client left")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(gone)
	}()
	if _, err := cl.Do(ctx, Request{}); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	if s := cl.State()[0]; s.LastFault != "" || s.UnderWay != 0 || outcome != "cancelled" {
		t.Errorf("%+v, outcome %s", s, outcome)
	}
}

// TestRetries: a fault that passes is not seen; the pauses are 250 ms and 1 s with a quarter of jitter.
func TestRetries(t *testing.T) {
	var n int
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, "here")
	})
	var slept []time.Duration
	cl := client(t, up.URL, func(s *setup) { s.Sleep = func(_ context.Context, d time.Duration) { slept = append(slept, d) } })
	if _, body, err := read(t, cl, Request{}); err != nil || body != "here" {
		t.Errorf("%q, %v", body, err)
	}
	for i, base := range pauses {
		if len(slept) != 2 || slept[i] < base*3/4 || slept[i] > base*5/4 {
			t.Errorf("pauses %v", slept)
		}
	}
}

// TestOffline: nothing is opened.
func TestOffline(t *testing.T) {
	up := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, change := range []func(*setup){func(s *setup) { s.Settings.Offline = true }, func(s *setup) { s.Environment.Offline = true }} {
		_, _, err := read(t, client(t, up.URL, change), Request{})
		want(t, err, Open, "offline")
	}
	if len(up.requests()) != 0 {
		t.Error("asked")
	}
}

// TestBusyPauses: after a 429 or a 503 with Retry-After nothing goes out until that is over, at most 15 minutes.
func TestBusyPauses(t *testing.T) {
	for _, c := range []struct {
		status int
		after  string
		want   time.Duration
	}{{429, "20", 20 * time.Second}, {503, "20", 20 * time.Second}, {429, "86400", 15 * time.Minute}, {429, "Wed, 02 Jan 2030 03:05:05 GMT", time.Minute}} {
		var mu sync.Mutex
		status := c.status
		up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			w.Header()["Date"] = nil
			w.Header().Set("Retry-After", c.after)
			w.WriteHeader(status)
		})
		clk := newClock()
		cl := client(t, up.URL, func(s *setup) { s.Now = clk.now })
		_, _, err := read(t, cl, Request{})
		want(t, err, Busy, "asks to wait")
		var f *Fault
		if errors.As(err, &f); f == nil || f.RetryAfter != c.want {
			t.Fatalf("%s: %+v", c.after, f)
		}
		clk.advance(c.want - 6*time.Second)
		_, _, err = read(t, cl, Request{})
		want(t, err, Open, "asked to wait")
		if errors.As(err, &f); f.RetryAfter != 6*time.Second || len(up.requests()) != 1 {
			t.Errorf("%s: %+v after %d requests", c.after, f, len(up.requests()))
		}
		if s := cl.State()[0]; !s.PausedUntil.Equal(clk.now().Add(6*time.Second)) || s.Breaker != Closed {
			t.Errorf("%+v", s)
		}
		mu.Lock()
		status = http.StatusOK
		mu.Unlock()
		clk.advance(6 * time.Second)
		if _, _, err = read(t, cl, Request{}); err != nil {
			t.Errorf("%s: %v", c.after, err)
		}
	}
}

// TestHTTP2 is spoken where it is offered.
func TestHTTP2(t *testing.T) {
	up := unstarted(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Ratelimit-Remaining", "76;w=21600")
		w.Header().Set("Ratelimit-Limit", "100;w=21600")
		if r.URL.Path == "/reset" {
			panic(http.ErrAbortHandler)
		}
		_, _ = fmt.Fprint(w, r.Proto)
		if r.URL.Path == "/cut" {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	up.EnableHTTP2 = true
	up.StartTLS()
	cl := client(t, up.URL, func(s *setup) { s.TLS.CA = pemOf(up.Certificate().Raw) })
	res, body, err := read(t, cl, Request{})
	if err != nil || body != "HTTP/2.0" || !res.Framed {
		t.Fatalf("%q, %v", body, err)
	}
	if s := cl.State()[0]; s.LimitRemaining != 76 || s.Limit != 100 {
		t.Errorf("%+v", s)
	}
	_, _, err = read(t, cl, Request{URL: "/reset"})
	want(t, err, Down, "")
	_, _, err = read(t, cl, Request{URL: "/cut", Kind: File})
	want(t, err, Down, "cut short")
}
