package httpserver

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Bounds of the HTTP server.
const (
	readHeaderTimeout = 10 * time.Second
	keepAliveTimeout  = 120 * time.Second // above the 60 s after which common proxies drop idle connections themselves
	maxHeaderBytes    = 64 << 10
	shutdownTimeout   = 30 * time.Second
	abortTimeout      = 2 * time.Second // time for handlers to notice that their connection is closed
)

// ServeOptions configure Serve; zero values are the defaults above.
type ServeOptions struct {
	ReadHeaderTimeout time.Duration
	IdleTimeout       time.Duration // per write; reads have Options.IdleTimeout
	ShutdownTimeout   time.Duration
	Logger            *slog.Logger // nil: slog.Default
}

func (o ServeOptions) defaults() ServeOptions {
	o.ReadHeaderTimeout = cmp.Or(o.ReadHeaderTimeout, readHeaderTimeout)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, defaultIdleTimeout)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, shutdownTimeout)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Serve answers on ln until ctx ends. Then it accepts no more connections, gives running requests 30 s to finish, closes
// the other connections and returns nil. A returned error is the listener's. There is no limit on the duration of a request
// or an answer, only on stalls.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, o ServeOptions) error {
	o = o.defaults()
	stopping := make(chan struct{})
	var running atomic.Int64
	srv := newHTTPServer(counted(h, &running), o)
	srv.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, (<-chan struct{})(stopping))
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(&idleListener{Listener: ln, idle: o.IdleTimeout}) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	close(stopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.ShutdownTimeout)
	defer cancel()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
		wait(&running, abortTimeout)
	}
	return err
}

// newHTTPServer has no ReadTimeout and no WriteTimeout: those count a whole request and a whole answer.
func newHTTPServer(h http.Handler, o ServeOptions) *http.Server {
	return &http.Server{
		Handler:           h,
		ConnContext:       withConn,
		ReadHeaderTimeout: o.ReadHeaderTimeout,
		IdleTimeout:       keepAliveTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
}

type stoppingKey struct{}

// Stopping returns a channel that closes when the server begins to shut down; nil outside of Serve. A handler that waits
// for an event ends then, so that the shutdown does not wait for it.
func Stopping(ctx context.Context) <-chan struct{} {
	ch, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return ch
}

// counted lets Serve wait for handlers whose connection it closed.
func counted(h http.Handler, running *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Add(-1)
		h.ServeHTTP(w, r)
	})
}

func wait(running *atomic.Int64, most time.Duration) {
	const look = 10 * time.Millisecond
	for end := time.Now().Add(most); running.Load() > 0 && time.Now().Before(end); {
		time.Sleep(look)
	}
}
