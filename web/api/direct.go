package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/mux"

	"slipway/internal/httpserver"
	"slipway/web/internal/wire"
)

// maxHeld is how much of an answer is held until the caller reads it: nearly every JSON answer is smaller. The handler of a longer one waits
// for its reader.
const maxHeld = 1 << 20

// Direct is a transport that answers requests for the API within this process: no connection, no second authentication, log line or metric,
// but the same routes, checks, rights and problems. The context of a request is that of the request that is being answered, with its caller.
// The caller closes the body of an answer, which ends its handler. Mount comes before the first request.
func (a *API) Direct() http.RoundTripper {
	return &direct{routes: sync.OnceValue(func() *mux.Router { return a.mounted.directRoutes() })}
}

// directRoutes are all operations, for callers that are known already.
func (h *handlers) directRoutes() *mux.Router {
	known := &handlers{API: h.API, server: h.server, svc: h.svc, authenticate: wire.Renew}
	root := mux.NewRouter().UseEncodedPath().SkipClean(true)
	below := root.PathPrefix(Prefix).Subrouter()
	for _, e := range known.endpoints() {
		rt := httpserver.Route{Format: h.Name(), Name: e.name, Public: e.Public}
		below.Handle(e.path, h.server.Direct(rt, render, e.answer)).Methods(e.methods()...)
	}
	h.server.Fallback(root, root, h.Name(), render)
	return root
}

type direct struct{ routes func() *mux.Router }

// RoundTrip implements http.RoundTripper. Its errors are those of the request's context.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, Prefix+"/") {
		return nil, fmt.Errorf("%s is no address of the API", r.URL.Path)
	}
	inner := r.WithContext(r.Context())
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	a := newDirectAnswer()
	go a.run(d.routes(), inner)
	select {
	case <-a.ready:
		return a.response(r), nil
	case <-r.Context().Done():
		_ = a.reader.CloseWithError(r.Context().Err()) // never fails
		return nil, r.Context().Err()
	}
}

// directAnswer is the http.ResponseWriter of a direct request. What is written before the caller has the response is held; the first flush,
// and the end of the room, hand it over, and from then on a write waits until it is read.
type directAnswer struct {
	header http.Header
	status int
	held   bytes.Buffer
	handed bool
	ready  chan struct{} // closed when the response can be read: its header and held do not change any more

	reader *io.PipeReader
	writer *io.PipeWriter
	sent   http.Header // header as it was when the status was written
}

func newDirectAnswer() *directAnswer {
	a := &directAnswer{header: http.Header{}, ready: make(chan struct{})}
	a.reader, a.writer = io.Pipe()
	return a
}

// run lets the handler answer. One that gives up amid its answer cuts it, as it cuts a connection.
func (a *directAnswer) run(h http.Handler, r *http.Request) {
	defer func() {
		var cut error
		if v := recover(); v != nil { // httpserver makes errors of all panics but http.ErrAbortHandler
			cut = io.ErrUnexpectedEOF
		}
		a.WriteHeader(http.StatusOK)
		_ = a.writer.CloseWithError(cut) // never fails
		a.hand()
	}()
	h.ServeHTTP(a, r)
}

func (a *directAnswer) response(r *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.sent, ContentLength: -1, Request: r,
		Body: struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(a.held.Bytes()), a.reader), a.reader},
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
	if !a.handed && a.held.Len()+len(p) <= maxHeld {
		return a.held.Write(p)
	}
	a.hand()
	return a.writer.Write(p)
}

// Flush implements http.Flusher.
func (a *directAnswer) Flush() {
	a.WriteHeader(http.StatusOK)
	a.hand()
}
