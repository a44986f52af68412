package raw

import (
	"net/http"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// render answers errors as problem+json with the default status of each kind: 400 for a wrong path or checksum, 409 for other
// bytes at an existing path, 412 for a condition that does not hold. The 404 of a read is plain text: a raw folder may be a
// client's Maven repository, and Maven's resolver takes a 404 in problem+json for another failure than "not found". A refused PUT or DELETE
// has its sentence in the status line too, which is all that wget and those clients print.
func render(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && httpserver.StatusOf(e) == http.StatusNotFound {
		httpserver.PlainError(w, r, e)
		return
	}
	changes := (r.Method == http.MethodPut || r.Method == http.MethodDelete) && e.Kind != registry.Unauthenticated
	if changes || e.Kind == registry.Blocked || e.Kind == registry.Unavailable || e.Kind == registry.BadUpstream {
		httpserver.ProblemWithReason(w, r, e)
		return
	}
	httpserver.Problem(w, r, e)
}

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, format, args...)
}

func isNotFound(err error, about registry.Subject) bool {
	return err != nil && registry.KindOf(err) == registry.NotFound && registry.AsError(err).Subject == about
}
