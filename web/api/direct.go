package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gorilla/mux"

	"slipway/internal/httpserver"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// maxHeld is how much of a stream is held until the caller reads it; then its handler waits for its reader.
const maxHeld = 64 << 10

// Direct is a transport that answers requests for the API within this process: no connection, no second authentication, log line or metric,
// but the same routes, checks, rights and problems. The context of a request is that of the request that is being answered, with its caller.
// The caller closes the body of an answer, which ends its handler. Mount comes before the first request.
func (a *API) Direct() http.RoundTripper {
	return &direct{routes: sync.OnceValue(func() http.Handler { return a.mounted.directRoutes() })}
}

// directRoutes are all operations, for callers that are known already.
func (h *handlers) directRoutes() http.Handler {
	known := &handlers{API: h.API, server: h.server, svc: h.svc, authenticate: wire.Renew}
	root := mux.NewRouter().UseEncodedPath().SkipClean(true)
	below := root.PathPrefix(Prefix).Subrouter()
	for _, e := range known.endpoints() {
		rt := httpserver.Route{Format: h.Name(), Name: e.name, Public: e.Public}
		handler := h.server.Direct(rt, render, e.answer)
		if e.streams() {
			handler = streamed(handler)
		}
		below.Handle(e.path, handler).Methods(e.methods()...)
	}
	h.server.Fallback(root, root, h.Name(), render)
	return h.server.Routes(root)
}

// streams reports whether an answer of the operation may be longer than what a page of a list holds, or may not end.
func (e endpoint) streams() bool {
	return slices.ContainsFunc(e.Answers, func(a openapi.Answer) bool {
		return slices.ContainsFunc(a.Content, func(c openapi.Content) bool { return c.Media != "application/json" })
	})
}

// streamed lets the handler of a stream run beside the caller, who reads what it writes.
func streamed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := w.(*directAnswer) //nolint:forcetypeassert // RoundTrip calls the routes, and nothing else does
		a.streaming = true
		a.reader, a.writer = io.Pipe()
		go a.run(h, r)
	})
}

type direct struct{ routes func() http.Handler }

// RoundTrip implements http.RoundTripper. Its errors are those of the request's context, and of an answer that was cut.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, Prefix+"/") {
		return nil, fmt.Errorf("%s is no address of the API", r.URL.Path)
	}
	inner := r.WithContext(r.Context())
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	a := &directAnswer{header: http.Header{}, ready: make(chan struct{})}
	a.run(d.routes(), inner)
	if !a.streaming {
		if err := errors.Join(a.cut, r.Context().Err()); err != nil {
			return nil, err
		}
		return a.response(r), nil
	}
	select {
	case <-a.ready:
		return a.response(r), nil
	case <-r.Context().Done():
		_ = a.reader.CloseWithError(r.Context().Err()) // never fails
		return nil, r.Context().Err()
	}
}

// directAnswer is the http.ResponseWriter of a direct request, and holds what is written. What a stream writes before the caller has the
// response is held too; the first flush, and the end of the room, hand it over, and from then on a write waits until it is read.
type directAnswer struct {
	header http.Header
	status int
	sent   http.Header // header as it was when the status was written
	held   bytes.Buffer
	cut    error // why the answer is not whole

	streaming bool
	handed    bool
	ready     chan struct{} // closed when a stream's response can be read: sent and held do not change any more
	reader    *io.PipeReader
	writer    *io.PipeWriter
}

// run lets the handler answer. One that gives up amid its answer cuts it, as it cuts a connection.
func (a *directAnswer) run(h http.Handler, r *http.Request) {
	beside := a.streaming
	defer func() {
		if v := recover(); v != nil { // httpserver makes errors of all panics but http.ErrAbortHandler
			a.cut = io.ErrUnexpectedEOF
		}
		if a.streaming && !beside { // a goroutine of its own has begun
			return
		}
		a.WriteHeader(http.StatusOK)
		if beside {
			_ = a.writer.CloseWithError(a.cut) // never fails
			a.hand()
		}
	}()
	h.ServeHTTP(a, r)
}

func (a *directAnswer) response(r *http.Request) *http.Response {
	body := struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(a.held.Bytes()), io.NopCloser(nil)}
	if a.streaming {
		body.Reader, body.Closer = io.MultiReader(body.Reader, a.reader), a.reader
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.sent, ContentLength: -1, Request: r, Body: body,
	}
}

func (a *directAnswer) hand() {
	if !a.handed {
		a.handed = true
		close(a.ready)
	}
}

func (a *directAnswer) Header() http.Header { return a.header }

func (a *directAnswer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status, a.sent = status, a.header.Clone()
	}
}

func (a *directAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if !a.streaming || !a.handed && a.held.Len()+len(p) <= maxHeld {
		return a.held.Write(p)
	}
	a.hand()
	return a.writer.Write(p)
}

// Flush implements http.Flusher.
func (a *directAnswer) Flush() {
	a.WriteHeader(http.StatusOK)
	if a.streaming {
		a.hand()
	}
}
