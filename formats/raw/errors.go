package raw

import (
	"slipway/internal/httpserver"
	"slipway/registry"
)

// render answers errors as problem+json with the default status of each kind: 400 for a wrong path or checksum, 409 for other
// bytes at an existing path, 412 for a condition that does not hold.
var render httpserver.Renderer = httpserver.Problem

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, format, args...)
}

func isNotFound(err error, about registry.Subject) bool {
	return err != nil && registry.KindOf(err) == registry.NotFound && registry.AsError(err).Subject == about
}
