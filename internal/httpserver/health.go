package httpserver

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"slipway/registry"
	"slipway/registry/access"
)

const healthFormat = "health"

// readyTTL is how long an answer of the stores is reused, so that many probes cost one check of the stores.
const readyTTL = time.Second

// readyTimeout is how long the stores may take to answer.
const readyTimeout = 5 * time.Second

// readyGrace is how long a server stays ready after the last good answer of the stores: a failover of seconds takes no server out of
// its balancer. readyPatience is how long a probe waits meanwhile for the next answer; probes often have a second.
const (
	readyGrace    = 10 * time.Second
	readyPatience = 500 * time.Millisecond
)

// health remembers whether the stores answer.
type health struct {
	ready func(context.Context) error
	grace time.Duration

	mu   sync.Mutex
	look chan struct{} // closes when the look at the stores that is under way has ended; nil: none is
	at   time.Time     // of the last look's end
	good time.Time     // when the last look began that found the stores well
	err  error         // of the last look
}

// newHealth makes a health that a store's fault changes when it has lasted for a time.
func newHealth(ready func(context.Context) error, grace time.Duration) *health {
	return &health{ready: ready, grace: grace}
}

// check asks the stores at most once per readyTTL; requests that come meanwhile wait for the same answer.
func (h *health) check(ctx context.Context) error {
	look, well := h.begin()
	if look != nil {
		var patience <-chan time.Time
		if well {
			patience = time.After(readyPatience)
		}
		select {
		case <-look:
		case <-patience:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.well() {
		return nil
	}
	return h.err
}

// begin looks at the stores, unless that was done just now, and returns the look that is under way; well: the stores were well lately.
func (h *health) begin() (look <-chan struct{}, well bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.look == nil && time.Since(h.at) >= readyTTL {
		h.look = make(chan struct{})
		go h.ask()
	}
	return h.look, h.well()
}

// well reports whether the stores were well lately. h.mu is held.
func (h *health) well() bool { return !h.good.IsZero() && time.Since(h.good) < h.grace }

func (h *health) ask() {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	began := time.Now()
	err := h.ready(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at, h.err = time.Now(), err; err == nil {
		h.good = began
	}
	close(h.look)
	h.look = nil
}

// Drain makes the server not ready for good, so that balancers take it out, and asks clients that keep a connection to open another
// one. Requests are still answered.
func (s *Server) Drain() { s.draining.Store(true) }

// inService is why the server is to be left alone although its stores answer; nil: it is not. Unavailable.
func (s *Server) inService() error {
	if s.draining.Load() {
		return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutRequest, Detail: "the server is shutting down", RetryAfter: time.Second}
	}
	return nil
}

// mountHealth adds /livez (200 while the process answers), /readyz (200 when metadata and blobs answer, or did a short time ago, and the server is not about to end, with ?write=1 when they also take changes, else 503 or 507) and
// /metrics (Prometheus text).
func (s *Server) mountHealth(root *mux.Router) {
	get := func(path, name string, h Handler) {
		rt := Route{Format: healthFormat, Name: name, Public: true, Still: true}
		root.Handle(path, s.Handle(rt, Problem, h)).Methods(http.MethodGet, http.MethodHead)
	}
	get("/livez", "health.live", func(w http.ResponseWriter, _ *http.Request) error {
		writeBody(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
		return nil
	})
	if s.health != nil {
		get("/readyz", "health.ready", func(w http.ResponseWriter, r *http.Request) error {
			if err := s.inService(); err != nil {
				return err
			}
			check := s.health
			if r.URL.Query().Get("write") != "" {
				check = s.writable
				if err := s.full(); err != nil {
					return err
				}
			}
			if err := check.check(r.Context()); err != nil {
				return err
			}
			writeBody(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
			return nil
		})
	}
	if s.scrape != nil {
		h := promhttp.HandlerFor(s.scrape, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
		get("/metrics", "health.metrics", func(w http.ResponseWriter, r *http.Request) error {
			if err := s.mayScrape(r); err != nil {
				return err
			}
			h.ServeHTTP(w, r)
			return nil
		})
	}
}

// Health returns why the server is not ready, and why it takes no changes, as /readyz answers; nil: it is, it does.
func (s *Server) Health(ctx context.Context) (ready, writable error) {
	if ready = s.inService(); ready == nil && s.health != nil {
		ready = s.health.check(ctx)
	}
	if writable = s.full(); writable == nil && s.writable != nil {
		writable = s.writable.check(ctx)
	}
	return ready, writable
}

// mayScrape refuses callers who may not read the metrics. Unauthenticated, Denied.
func (s *Server) mayScrape(r *http.Request) error {
	if !s.scrapeAudit {
		return nil
	}
	r, err := s.Authenticate(r)
	if err != nil {
		return err
	}
	switch access.Decide(access.From(r.Context()), access.Audit, access.Instance) {
	case access.Allow:
		return nil
	case access.Challenge:
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to read the metrics")
	default:
		return registry.Errorf(registry.Denied, registry.AboutRequest, "the metrics need the right audit on *")
	}
}
