package httpserver

import (
	"net/http"
	"runtime/debug"

	"slipway/registry"
	"slipway/registry/access"
)

// Direct adapts a Handler for requests that this process makes of itself, as a page does that asks the API. Their context is that of the
// request that is being answered: its caller, its id and its share of memory. So there is no second authentication, log line or metric; what
// the server refuses to callers without credentials, and while its disk is full, is refused here too. A panic of the handler becomes an error.
func (s *Server) Direct(rt Route, render Renderer, h Handler) http.Handler {
	e := &endpoint{server: s, route: rt, render: render, handle: h}
	return http.HandlerFunc(e.direct)
}

func (e *endpoint) direct(w http.ResponseWriter, r *http.Request) {
	rec := record(w)
	err := e.runDirect(rec, r)
	if err == nil {
		return
	}
	failure := classify(err)
	e.log(r.Context(), failure, err)
	if rec.wrote {
		panic(http.ErrAbortHandler)
	}
	plainHeader(rec.Header(), failure)
	e.render(rec, r, failure)
}

func (e *endpoint) runDirect(rec *recorder, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
			panic(v)
		} else if v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	if !e.route.Public {
		if adds(r.Method) {
			if err := e.server.full(); err != nil {
				return err
			}
		}
		if changes(r.Method) && access.From(r.Context()).Type == access.TypeAnonymous {
			return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to change anything here")
		}
	}
	return e.handle(rec, r)
}
