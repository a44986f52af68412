package serve

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// debugServer serves profiles on a listener of its own, separate from the listener for clients.
type debugServer struct {
	ln   net.Listener
	srv  *http.Server
	done chan struct{}
}

// openDebug listens on the address of --debug-listen; nil without one. It asks for no credentials, so an address that other
// machines can reach is worth a warning.
func openDebug(ctx context.Context, address string, logger *slog.Logger) (*debugServer, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // off is no error
	}
	ln, err := listen("--debug-listen", address)
	if err != nil {
		return nil, err
	}
	level, message := slog.LevelInfo, "profiles"
	if host, _, err := net.SplitHostPort(ln.Addr().String()); err != nil || !net.ParseIP(host).IsLoopback() {
		level, message = slog.LevelWarn, "profiles, without credentials, on an address that other machines may reach"
	}
	logger.LogAttrs(ctx, level, message, slog.String("listen", ln.Addr().String()))
	d := &debugServer{ln: ln, done: make(chan struct{}), srv: &http.Server{
		Handler: debugHandler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}}
	go func() {
		defer close(d.done)
		_ = d.srv.Serve(ln) // it ends only by close
	}()
	return d, nil
}

// close drops running requests: a shutdown does not wait for a profile.
func (d *debugServer) close() error {
	if d == nil {
		return nil
	}
	err := d.srv.Close()
	<-d.done
	return err
}

// debugHandler is net/http/pprof without the command line, which may hold a password in the URL of a store.
func debugHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.Handle("GET /debug/pprof/cmdline", http.NotFoundHandler())
	return mux
}
