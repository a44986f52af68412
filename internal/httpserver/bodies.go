package httpserver

import (
	"context"
	"errors"
	"net/http"

	"slipway/registry"
)

// Bodies that come in at the same time: each holds a connection, buffers and a file until its request ends.
const (
	mostBodies       = 2000
	mostClientBodies = 500
)

// enterBody waits for a place among the bodies that come in, which the request holds until it ends. A body of up to 64 KiB needs
// none. TooMany: the client has its share of places; Unavailable: all are taken. Both with a time after which to try again.
func (s *Server) enterBody(r *http.Request, q *request) error {
	if q.memory == nil || !changes(r.Method) || r.Body == nil || r.Body == http.NoBody || r.ContentLength >= 0 && r.ContentLength <= freeBytes {
		return nil
	}
	release, by, err := s.bodies.take(r.Context(), q.holder(), 1)
	switch {
	case err == nil:
		q.keep(release)
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case by == byClient:
		return &registry.Error{Kind: registry.TooMany, Subject: registry.AboutRequest, RetryAfter: holdRetry,
			Detail: "you send as many bodies at once as one client may: send fewer of them at once"}
	}
	return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutRequest, RetryAfter: holdRetry,
		Detail: "the server takes no more bodies at once: try again later"}
}
