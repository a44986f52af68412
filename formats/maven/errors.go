package maven

import (
	"net/http"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// render answers errors as problem+json, whose sentence Maven 3.9.11 and newer print. All others show only the reason phrase
// of the status line, so a refused PUT has its sentence there too (maven.md 4.5). A 401 has not, because its client sends the
// file again on the same connection. The 404 of a read is plain text: Maven's resolver (1.9.24 and newer, 2.0.2 and newer)
// turns any problem+json into an error of its own kind, which it does not take for "not found". Then a first deploy fails,
// because it reads metadata that does not exist yet, and so does a look-up in several repositories.
func render(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	switch {
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && httpserver.StatusOf(e) == http.StatusNotFound:
		httpserver.PlainError(w, r, e)
	case r.Method == http.MethodPut && e.Kind != registry.Unauthenticated || e.Kind == registry.Blocked || e.Kind == registry.Unavailable || e.Kind == registry.BadUpstream:
		httpserver.ProblemWithReason(w, r, e)
	default:
		httpserver.Problem(w, r, e)
	}
}

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, format, args...)
}

func notFound(format string, args ...any) error {
	return registry.Errorf(registry.NotFound, registry.AboutFile, format, args...)
}

// isAbsent reports whether err is a NotFound about something below the repository.
func isAbsent(err error) bool {
	return err != nil && registry.KindOf(err) == registry.NotFound && registry.AsError(err).Subject != registry.AboutRepository
}
