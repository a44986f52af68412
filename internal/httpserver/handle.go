package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"syscall"

	"slipway/registry"
	"slipway/registry/access"
)

// endpoint is the http.Handler that Handle makes from a Handler; tests find its Route by walking the router.
type endpoint struct {
	server   *Server
	route    Route
	auth     Authenticator
	render   Renderer
	handle   Handler
	fallback bool // answers requests without a route
}

// Handle adapts a Handler: it authenticates the caller (Basic user:password, Basic anything:slp_token, Bearer slp_token)
// into the context, and is the one place where an error is logged, counted and rendered. Once body bytes are out it aborts
// the connection instead, so that no client takes a truncated file for a whole one. It refuses changes by anonymous
// callers, and requests that a browser sends for another site's page, before the handler reads their body.
func (s *Server) Handle(rt Route, render Renderer, h Handler) http.Handler {
	return s.HandleAs(rt, s.Authenticate, render, h)
}

// Authenticator returns a request with its caller in the context; see Server.As.
type Authenticator func(r *http.Request) (*http.Request, error)

// HandleAs is Handle for a protocol with credentials of its own.
func (s *Server) HandleAs(rt Route, auth Authenticator, render Renderer, h Handler) http.Handler {
	return &endpoint{server: s, route: rt, auth: auth, render: render, handle: h}
}

// RouteOf returns the Route of a handler that Handle made.
func RouteOf(h http.Handler) (Route, bool) {
	e, ok := h.(*endpoint)
	if !ok {
		return Route{}, false
	}
	return e.route, true
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := requestOf(r.Context())
	if q == nil { // called without NewHandler around it
		q, r = begin(w, r)
	}
	q.route = e.route
	rec := record(w)
	rec.cache = &q.cache
	err := e.run(rec, r, q)
	if err == nil {
		return
	}
	failure := classify(err)
	q.detail = failure.Detail
	e.log(r.Context(), failure, err)
	if rec.wrote {
		panic(http.ErrAbortHandler)
	}
	q.release() // nothing is kept while the client sends the rest
	e.server.drain(rec, r, q)
	plainHeader(rec.Header(), failure)
	if failure.Kind == registry.Unauthenticated || r.Method == http.MethodOptions {
		closedToPages(rec.Header())
	}
	e.render(rec, r, failure)
}

// run authenticates and calls the handler. A panic becomes an error with its stack, so that the client gets an answer.
func (e *endpoint) run(rec *recorder, r *http.Request, q *request) (err error) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
			panic(v)
		} else if v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	if err := e.server.sameSite(r); err != nil {
		return err
	}
	if unframed(r) {
		rec.Header().Set("Connection", "close") // bytes of a body may follow
		return registry.Errorf(registry.Invalid, aboutLength, "a body over HTTP/1.0 needs a Content-Length")
	}
	if !e.route.Still {
		if err := e.server.sync(r.Context()); err != nil {
			return err
		}
	}
	if !e.route.Public {
		if r, err = e.auth(r); err != nil {
			return err
		}
		if adds(r.Method) {
			if err := e.server.full(); err != nil {
				return err
			}
		}
		if access.From(r.Context()).Type == access.TypeAnonymous {
			if changes(r.Method) {
				return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to change anything here")
			}
			openToPages(rec.Header())
		}
	}
	if r.Method == http.MethodOptions {
		preflight(rec.Header())
	}
	if _, sent := r.Header[PublishHeader]; sent && changes(r.Method) && !e.route.InPublish && !e.fallback {
		return registry.Errorf(registry.Invalid, registry.AboutRequest,
			"the header %s is not possible here, and nothing was changed: only uploads of raw and Maven files can belong to a publish", PublishHeader)
	}
	if !e.route.Sums {
		if err := summed(r); err != nil {
			return err
		}
	}
	if !e.route.Public {
		if err := e.server.enterBody(r, q); err != nil {
			return err
		}
	}
	return e.handle(rec, r)
}

// sameSite refuses requests that a browser sends for another site's page: they would carry the password that the browser
// remembers, and a form can be a whole upload. Other clients send neither Sec-Fetch-Site nor Origin. Denied.
func (s *Server) sameSite(r *http.Request) error {
	if err := s.crossOrigin.Check(r); err != nil {
		return &registry.Error{Kind: registry.Denied, Subject: registry.AboutRequest, Err: err,
			Detail: "a page of another site may not send this request"}
	}
	return nil
}

// unframed reports whether a request of HTTP/1.0 stores a body whose end is not known: there is no Transfer-Encoding in it,
// which net/http therefore removes and ignores. A POST is not meant: proxies send one without a body, and without its length.
func unframed(r *http.Request) bool {
	store := r.Method == http.MethodPut || r.Method == http.MethodPatch
	return store && !r.ProtoAtLeast(1, 1) && len(r.Header["Content-Length"]) == 0
}

// adds reports whether requests of a method may need room on the disk: all changes but deletions, which make room.
func adds(method string) bool { return changes(method) && method != http.MethodDelete }

// changes reports whether only callers with credentials may use a method: anonymous callers may only read.
func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// Authenticate returns r with its caller in the context. Unauthenticated. Handle has done it for every route that is
// not Public.
func (s *Server) Authenticate(r *http.Request) (*http.Request, error) {
	c := Credentials(r)
	ctx := r.Context()
	if !c.Empty() {
		ctx = s.From(r)
	}
	actor, err := s.authenticate(ctx, c)
	if err != nil {
		return r, err
	}
	return r.WithContext(s.As(ctx, actor)), nil
}

// From returns the request's context with the address of its client, by which logins are throttled. Front-ends that read
// credentials themselves authenticate with it. What a request asks for within this process has the address of that request.
func (s *Server) From(r *http.Request) context.Context {
	if access.Address(r.Context()) != "" {
		return r.Context()
	}
	return access.WithAddress(r.Context(), s.ClientIP(r))
}

// As returns a context whose caller is a; the access log names it. For front-ends that read credentials themselves.
func (s *Server) As(ctx context.Context, a access.Actor) context.Context {
	if q := requestOf(ctx); q != nil {
		q.actor = a
	}
	return access.With(ctx, a)
}

// classify is registry.AsError with the errors of connections, which the core does not know: an answer that could not be
// written is no fault of the server. The connection to a database or a store that is away is known to the core.
func classify(err error) *registry.Error {
	failure := registry.AsError(err)
	var network *net.OpError
	if failure.Kind == registry.Internal && errors.As(err, &network) && !errors.Is(err, syscall.EIO) {
		return &registry.Error{Kind: registry.BadBody, Subject: registry.AboutRequest, Detail: "the client went away", Err: err}
	}
	return failure
}

// log writes a line for errors that an operator should look into. Errors of clients are in the access log only.
func (e *endpoint) log(ctx context.Context, failure *registry.Error, err error) {
	attrs := []slog.Attr{slog.String("route", e.route.Name), slog.String("error", err.Error())}
	if p, ok := err.(*panicError); ok { //nolint:errorlint // run returns it unwrapped
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	level := slog.LevelDebug
	switch failure.Kind {
	case registry.Internal:
		level = slog.LevelError
	case registry.NoSpace, registry.Unavailable:
		level = slog.LevelWarn
	}
	e.server.log.LogAttrs(ctx, level, "request failed", attrs...)
}

type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// plainHeader removes the headers that a handler had set for a body that will not be sent. Content-Range stays on 416,
// where it tells the length (RFC 9110 section 15.5.17).
func plainHeader(h http.Header, e *registry.Error) {
	for _, name := range []string{
		"Content-Length", "Content-Encoding", "Content-Disposition", "Content-Security-Policy", "Etag", "Last-Modified",
		"Accept-Ranges", "Repr-Digest", "Location", "X-Checksum-Sha256", "X-Checksum-Sha512", "X-Checksum-Sha1", "X-Checksum-Md5",
	} {
		h.Del(name)
	}
	if e.Kind != registry.RangeInvalid {
		h.Del("Content-Range")
	}
}
