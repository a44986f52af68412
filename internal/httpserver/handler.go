package httpserver

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"slipway/internal/origin"
	"slipway/registry"
)

// NewHandler mounts everything on one router, with health and metrics, and adds what every request needs: an id, the access
// log, metrics, idle timeouts.
func NewHandler(s *Server, mounts ...Mounter) http.Handler {
	root := NewRouter(s, mounts...)
	return s.edge(s.Routes(root))
}

// NewRouter is the router inside of NewHandler, for tests that walk over the routes.
func NewRouter(s *Server, mounts ...Mounter) *mux.Router {
	root := mux.NewRouter().UseEncodedPath().SkipClean(true)
	s.mountHealth(root)
	for _, m := range mounts {
		m.Mount(root, s)
	}
	s.Fallback(root, root, unrouted.Format, s.unrouted)
	return root
}

// Unrouted sets how an error about a path that belongs to no format and no other part of the server is written; Problem, unless a
// Mounter sets another when it is mounted.
func (s *Server) Unrouted(render Renderer) { s.unrouted = render }

// Fallback makes a (sub)router answer unknown paths with 404, and known paths with a method they do not have with 405
// and Allow, in the shape of the format that the router belongs to. OPTIONS of a known path is answered with its methods.
func (s *Server) Fallback(root, router *mux.Router, format string, render Renderer) {
	h := &endpoint{server: s, route: Route{Format: format, Name: format + ".unknown", Public: true, Still: true}, render: render, fallback: true}
	h.handle = func(w http.ResponseWriter, r *http.Request) error {
		// mux's own method check is not used: a route tried after the path's route makes mux forget the mismatch.
		if allow := s.routesOf(root).methods(r); len(allow) > 0 {
			if r.Method == http.MethodOptions {
				return options(w, allow)
			}
			return MethodNotAllowed(w, r, allow...)
		}
		return registry.Errorf(registry.NotFound, registry.AboutRequest, "there is nothing at this path")
	}
	router.NotFoundHandler, router.MethodNotAllowedHandler = h, h
}

// MethodNotAllowed sets Allow and returns the error that StatusOf maps to 405.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request, allow ...string) error {
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return registry.Errorf(registry.Invalid, aboutMethod, "%s is not possible here", r.Method)
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// edge is the outermost handler.
func (s *Server) edge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dropUnderscores(r.Header)
		dropDots(r.URL)
		endChunked(w, r)
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		q, r := begin(w, r)
		q.body = watch(w, r, s.idle)
		q.memory, q.client = s.memory, func() netip.Addr { return s.ClientIP(r) }
		rec := record(w)
		rec.conn = connOf(r.Context())
		s.metrics.inFlight.Inc()
		defer func() { // also when a handler aborts the connection
			q.release()
			s.metrics.inFlight.Dec()
			s.metrics.done(q, rec)
			s.access(r, q, rec)
			s.note(r, q, rec)
		}()
		if r.Header.Get(origin.ViaHeader) != "" {
			if origin.Loops(r.Header, s.instance) {
				Problem(rec, r, registry.Errorf(registry.Invalid, aboutLoop, "the request has passed this server before: an upstream leads back to it"))
				return
			}
			r = r.WithContext(origin.WithVia(r.Context(), origin.Via(r.Header)))
		}
		next.ServeHTTP(rec, r)
	})
}

// dropUnderscores removes headers whose name has one: some proxies and gateways treat "Remote_User" as "Remote-User", which
// would turn a header that any client may send into a trusted header.
func dropUnderscores(h http.Header) {
	for name := range h {
		if strings.Contains(name, "_") {
			delete(h, name)
		}
	}
}

// endChunked ends the connection after a request with Transfer-Encoding. One that has Content-Length too may end elsewhere for a
// proxy in front, and a server must close the connection after it, so that what follows can't be taken for a request (RFC 9112,
// 6.1). net/http removes Content-Length before any handler sees it, so every such request is treated like that; a new connection
// for the next one costs little beside a body that is streamed.
func endChunked(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
	}
}

// access writes the line of a request. The query is left out: it may hold secrets of the client.
func (s *Server) access(r *http.Request, q *request, rec *recorder) {
	level := slog.LevelInfo
	if q.route.Format == healthFormat {
		level = slog.LevelDebug
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", Clip(r.Method, maxLoggedBytes)), slog.String("path", Clip(cmp.Or(q.path, r.URL.Path), maxLoggedBytes)),
		slog.Int("status", rec.code()), slog.Int64("bytes", rec.bytes), slog.Int64("received", q.body.read),
		slog.Duration("duration", time.Since(q.start)),
		slog.String("actor", q.actor.ID), slog.String("format", q.route.Format), slog.String("route", q.route.Name),
		slog.String("client", s.ClientIP(r).String()), slog.String("user_agent", Clip(r.UserAgent(), maxLoggedBytes)),
	}
	if q.detail != "" {
		attrs = append(attrs, slog.String("error", q.detail))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}
