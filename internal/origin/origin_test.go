package origin

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/outbound"
)

// canary is in every secret, host and query of these tests, and in no error.
const canary = "canary"

// upstream is a server that records every request.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func serve(t testing.TB, handler http.HandlerFunc) *upstream {
	t.Helper()
	u := unstarted(t, handler)
	u.Start()
	return u
}

func unstarted(t testing.TB, handler http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.seen = append(u.seen, r.Clone(context.Background()))
		u.mu.Unlock()
		handler(w, r)
	}))
	u.Config.ErrorLog = quiet
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) requests() []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen
}

// at is the server's URL under another name.
func (u *upstream) at(host string) string {
	scheme, rest, _ := strings.Cut(u.URL, "://")
	_, port, _ := net.SplitHostPort(rest)
	return scheme + "://" + net.JoinHostPort(host, port)
}

// setup is what a test changes of a client.
type setup struct {
	Settings
	Environment
}

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func client(t testing.TB, base string, change func(*setup)) *Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	allow, err := outbound.ParseAllow([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	s := &setup{Settings: Settings{Name: "up", URL: u}, Environment: Environment{
		Outbound: outbound.Options{Allow: allow, Setting: "--upstream-allow", Resolver: loopbackResolver(t)}, Version: "1.2", Instance: "me",
		Sleep: func(context.Context, time.Duration) {},
	}}
	if change != nil {
		change(s)
	}
	c, err := New(s.Settings, s.Environment)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// read asks and reads all of the answer.
func read(t testing.TB, c *Client, r Request) (*Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	res, err := c.Do(ctx, r)
	if err != nil {
		noCanary(t, err)
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	noCanary(t, err)
	return res, string(b), err
}

func noCanary(t testing.TB, err error) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "127.0.0.") || strings.Contains(err.Error(), "://")) {
		t.Errorf("the error tells too much: %v", err)
	}
}

// want checks the class and text of a fault.
func want(t testing.TB, err error, class Class, text string) {
	t.Helper()
	if !Is(err, class) || !strings.Contains(err.Error(), text) {
		t.Errorf("%v (%s), want %s with %q", err, ClassOf(err), class, text)
	}
}

// loopbackResolver finds every name at 127.0.0.1, but those that begin with "none".
func loopbackResolver(t testing.TB) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := conn.WriteTo(dnsAnswer(buf[:n]), from); err != nil {
				return
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// dnsAnswer answers a query with one question (RFC 1035, 4.1).
func dnsAnswer(query []byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	out := append([]byte(nil), query[:end+5]...)
	binary.BigEndian.PutUint16(out[2:], 0x8180)
	copy(out[4:], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	switch {
	case strings.HasPrefix(string(query[13:]), "none"):
		binary.BigEndian.PutUint16(out[2:], 0x8183) // no such name
	case kind == 1:
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
	}
	return out
}
