package s3

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slipway/storage"
)

// TestAttempt: when an attempt is over, nothing of its body is read any more.
func TestAttempt(t *testing.T) {
	read := make(chan int, 1)
	var sent io.Reader
	a := attempts{apart: &apart{}, next: roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Body // as a transport that is still sending when the answer is here
		n, _ := r.Body.Read(make([]byte, 2))
		read <- n
		return &http.Response{Header: http.Header{"Date": {"Sun, 06 Nov 1994 08:49:37 GMT"}}}, nil
	})}
	body := bytes.NewReader([]byte("body"))
	ctx, answered := withAnswered(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://host", body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.RoundTrip(req); err != nil || <-read != 2 {
		t.Fatal(err)
	}
	if n, err := sent.Read(make([]byte, 2)); n != 0 || err == nil || body.Len() != 2 {
		t.Errorf("read %d bytes, %v, after the attempt", n, err)
	}
	if !answered.Equal(time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)) {
		t.Errorf("answered at %v", answered)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTLS: no version below 1.2, and no server whose certificate is not signed by a trusted authority.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	transport := newTransport()
	defer transport.CloseIdleConnections()
	for _, c := range []struct {
		trust bool
		want  string
	}{{false, "protocol version"}, {true, "protocol version"}} {
		transport.TLSClientConfig.InsecureSkipVerify = c.trust
		_, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("TLS 1.1: %v", err)
		}
	}
}

// TestStall: a server may take its time to answer from the last byte that it was sent, however long the connection was idle
// and the body under way before. A connection whose server then stalls is closed.
func TestStall(t *testing.T) {
	const limit = time.Second // far below the transport's own
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		wait, _ := time.ParseDuration(r.URL.Query().Get("wait")) // an absent parameter is 0
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
		}
	})
	for name, c := range map[string]struct {
		idle, body, wait time.Duration
		cut              bool
	}{
		"idle, then a slow answer": {idle: limit * 7 / 10, wait: limit * 6 / 10},
		"a body that moves":        {body: 2 * limit},
		"no answer":                {wait: 20 * limit, cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a fake clock, so that the test takes no time and no machine is too slow for it
				listener := pipes{make(chan net.Conn), make(chan struct{})}
				server := &http.Server{Handler: handler}
				served := make(chan error)
				go func() { served <- server.Serve(listener) }()
				transport := newTransport()
				dials := 0
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					dials++
					ours, theirs := net.Pipe()
					listener.conns <- theirs
					return &stallConn{Conn: ours, write: limit, read: limit}, nil
				}
				put := func(wait, body time.Duration) error {
					const parts = 20
					r, w := io.Pipe()
					var sending sync.WaitGroup
					defer sending.Wait()
					sending.Go(func() {
						for range parts {
							time.Sleep(body / parts)
							_, _ = w.Write(make([]byte, bufferBytes)) // the request's end closes r
						}
						_ = w.Close()
					})
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://server/?wait="+wait.String(), r)
					if err != nil {
						return err
					}
					req.ContentLength = parts * bufferBytes
					res, err := transport.RoundTrip(req)
					if err == nil {
						_ = res.Body.Close()
					}
					return err
				}
				if err := put(0, 0); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.idle)
				if err := put(c.wait, c.body); (err != nil) != c.cut || dials != 1 {
					t.Errorf("%v, on connection %d", err, dials)
				}
				transport.CloseIdleConnections()
				_ = server.Close() // a connection may be broken
				<-served
			})
		})
	}
}

// pipes listens for connections that stay in the process.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.ended)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestClean: an error of the server is never taken for an error of the client, whose body may have broken off as well.
func TestClean(t *testing.T) {
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if got := clean(err); errors.Is(got, err) {
			t.Errorf("clean(%v) = %v, which still is one", err, got)
		}
	}
	if got := clean(context.Canceled); !errors.Is(got, context.Canceled) {
		t.Errorf("clean(context.Canceled) = %v", got)
	}
	if got := clean(context.DeadlineExceeded); !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("clean(context.DeadlineExceeded) = %v", got)
	}
	if got := wrapMissing("stat", errors.New("other")); errors.Is(got, storage.ErrNotExist) {
		t.Errorf("wrapMissing = %v", got)
	}
}
