package httpserver

import (
	"net/http"

	"slipway/registry"
)

// statuses is the default mapping of kinds; a protocol with other rules has its own table.
var statuses = map[registry.Kind]int{
	registry.Internal:           http.StatusInternalServerError,
	registry.Invalid:            http.StatusBadRequest,
	registry.Unauthenticated:    http.StatusUnauthorized,
	registry.Denied:             http.StatusForbidden,
	registry.NotFound:           http.StatusNotFound,
	registry.AlreadyExists:      http.StatusConflict,
	registry.Conflict:           http.StatusConflict,
	registry.PreconditionFailed: http.StatusPreconditionFailed,
	registry.DigestMismatch:     http.StatusBadRequest,
	registry.TooLarge:           http.StatusRequestEntityTooLarge,
	registry.RangeInvalid:       http.StatusRequestedRangeNotSatisfiable,
	registry.BadBody:            http.StatusBadRequest,
	registry.NoSpace:            http.StatusInsufficientStorage,
	registry.Unavailable:        http.StatusServiceUnavailable,
	registry.BadUpstream:        http.StatusBadGateway,
	registry.Blocked:            http.StatusForbidden,
	registry.TooMany:            http.StatusTooManyRequests,
}

// StatusOf returns the HTTP status of an error's kind: RFC 9110 section 15, 429 of RFC 6585, 507 of RFC 4918. A wrong
// method travels as Invalid about the method and is 405.
func StatusOf(e *registry.Error) int {
	switch e.Subject {
	case aboutMethod:
		return http.StatusMethodNotAllowed
	case aboutLength:
		return http.StatusLengthRequired
	case aboutLoop:
		return http.StatusLoopDetected
	}
	if s, ok := statuses[e.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// aboutLength marks the error of a request that may have a body whose length is not said; StatusOf maps it to 411.
const aboutLength registry.Subject = "length"

// aboutLoop marks the error of a request that an instance of Slipway passed on, and that has come back here; StatusOf maps it to 508.
const aboutLoop registry.Subject = "loop"

// aboutMethod marks the error of a path that exists, asked with a method that it does not have.
const aboutMethod registry.Subject = "method"
