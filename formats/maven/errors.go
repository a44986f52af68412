package maven

import (
	"net/http"

	"slipway/formats"
	"slipway/registry"
)

// render answers errors as problem+json, which Maven 3.9.11 and newer print. All others show nothing but the reason phrase
// of the status line, so a refused PUT has its sentence there too (maven.md 4.5). Not 401: its client sends the file again on
// the same connection.
func render(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	if r.Method == http.MethodPut && e.Kind != registry.Unauthenticated {
		formats.ProblemWithReason(w, r, e)
		return
	}
	formats.Problem(w, r, e)
}

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, format, args...)
}

func notFound(format string, args ...any) error {
	return registry.Errorf(registry.NotFound, registry.AboutFile, format, args...)
}

// isAbsent reports whether err says that something below the repository is not there.
func isAbsent(err error) bool {
	return err != nil && registry.KindOf(err) == registry.NotFound && registry.AsError(err).Subject != registry.AboutRepository
}

// clip is formats.Clip.
func clip(s string) string { return formats.Clip(s) }
