package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// idleConns is how many connections wait for the next request: as many as the usual number of clients at a time. The
	// front-ends bound how many work; a limit here would let slow downloads block all requests.
	idleConns       = 256
	idleConnTime    = 90 * time.Second
	dialTimeout     = 10 * time.Second
	keepAlive       = 30 * time.Second
	bufferBytes     = 32 << 10        // of a connection, each way; the default of 4 KiB costs system calls
	writeTimeout    = time.Minute     // without a byte taken
	responseTimeout = 2 * time.Minute // without a byte given; the server copies large parts meanwhile
)

func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &stallConn{Conn: c, write: writeTimeout, read: responseTimeout}, nil
		},
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   dialTimeout,
		MaxIdleConns:          idleConns,
		MaxIdleConnsPerHost:   idleConns,
		IdleConnTimeout:       idleConnTime,
		ResponseHeaderTimeout: responseTimeout,
		WriteBufferSize:       bufferBytes,
		ReadBufferSize:        bufferBytes,
		DisableCompression:    true, // bytes as they are stored
	}
}

// stallConn ends a connection whose server stalls. A body that this process does not read does not count as a stall, and
// there is no limit for a whole request.
type stallConn struct {
	net.Conn
	write, read time.Duration // without a byte taken, or given
}

func (c *stallConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.read)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write restarts the server's time to answer: the transport has waited in Read since the connection became idle.
func (c *stallConn) Write(p []byte) (int, error) {
	now := time.Now()
	if err := errors.Join(c.SetWriteDeadline(now.Add(c.write)), c.SetReadDeadline(now.Add(c.read))); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

type answeredKey struct{}

// withAnswered makes the time of the last answer to a request of ctx, by the server's clock and to the second, appear
// in the returned variable.
func withAnswered(ctx context.Context) (context.Context, *time.Time) {
	at := new(time.Time)
	return context.WithValue(ctx, answeredKey{}, at), at
}

// attempts is the transport as minio-go sees it, one RoundTrip for each attempt.
type attempts struct {
	next  http.RoundTripper
	apart *apart
}

// RoundTrip notes the Date of the answer for withAnswered, which minio-go does not pass on, and detaches the body from an
// attempt that is over: the transport may go on reading it while the next attempt, or another user of its buffer, reads it
// too.
func (a attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		b := &attemptBody{r: r.Body}
		defer b.end()
		r = r.WithContext(r.Context())
		r.Body = b
	}
	res, err := a.next.RoundTrip(r)
	if err == nil {
		a.apart.note(res)
	}
	if at, ok := r.Context().Value(answeredKey{}).(*time.Time); ok && err == nil {
		if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
			*at = date
		}
	}
	return res, err
}

type attemptBody struct {
	mu sync.Mutex
	r  io.ReadCloser // nil when the attempt is over
}

func (b *attemptBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.r == nil {
		return 0, errors.New("the attempt is over")
	}
	return b.r.Read(p)
}

func (b *attemptBody) Close() error { return nil }

func (b *attemptBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.r = nil
}
