package httpserver

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"slipway/registry"
)

// ProblemJSON is an RFC 9457 body. Type is a stable name for programs; Detail is for people. Extension members stand beside it in
// a struct that embeds it.
type ProblemJSON struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// problemNames are the last part of a problem's type, urn:slipway:problem:<name>.
var problemNames = map[registry.Kind]string{
	registry.Internal:           "internal",
	registry.Invalid:            "invalid",
	registry.Unauthenticated:    "unauthenticated",
	registry.Denied:             "denied",
	registry.NotFound:           "not-found",
	registry.AlreadyExists:      "already-exists",
	registry.Conflict:           "conflict",
	registry.PreconditionFailed: "precondition-failed",
	registry.DigestMismatch:     "checksum-mismatch",
	registry.TooLarge:           "too-large",
	registry.RangeInvalid:       "range-not-satisfiable",
	registry.BadBody:            "bad-body",
	registry.NoSpace:            "no-space",
	registry.Unavailable:        "unavailable",
	registry.BadUpstream:        "bad-upstream",
	registry.Blocked:            "blocked",
	registry.TooMany:            "too-many-requests",
}

// problemPrefix begins the type of every problem.
const problemPrefix = "urn:slipway:problem:"

// ErrorOf is the error that a problem was made of, as far as the problem tells: kind, detail, and the subject where the status depends on it.
// retryAfter is the header's.
func ErrorOf(problemType, detail string, retryAfter time.Duration) *registry.Error {
	e := &registry.Error{Kind: registry.Internal, Subject: registry.AboutRequest, Detail: detail, RetryAfter: retryAfter}
	name := strings.TrimPrefix(problemType, problemPrefix)
	for kind, n := range problemNames {
		if n == name {
			e.Kind = kind
		}
	}
	switch name {
	case "method-not-allowed":
		e.Kind, e.Subject = registry.Invalid, aboutMethod
	case "in-use":
		e.Kind = registry.Conflict
	}
	return e
}

// basicChallenge is the challenge to which curl, wget, Maven and browsers respond with a user name and password, or with a
// token in place of the password.
const basicChallenge = `Basic realm="Slipway", charset="UTF-8"`

// Problem renders an error as application/problem+json (RFC 9457), with WWW-Authenticate on 401 and Retry-After where
// waiting helps.
func Problem(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	WriteProblem(w, e, ProblemOf(r, e))
}

// WriteProblem is Problem with another body than ProblemOf, one that can always be marshalled.
func WriteProblem(w http.ResponseWriter, e *registry.Error, body any) {
	ErrorHeader(w.Header(), e)
	writeJSON(w, StatusOf(e), problemType, body)
}

const problemType = "application/problem+json"

// ProblemOf returns the body that Problem writes for an error.
func ProblemOf(r *http.Request, e *registry.Error) ProblemJSON {
	status := StatusOf(e)
	p := ProblemJSON{
		Type: problemPrefix + problemNames[e.Kind], Title: http.StatusText(status), Status: status,
		Detail: e.Detail, RequestID: RequestID(r.Context()),
	}
	switch status {
	case http.StatusMethodNotAllowed:
		p.Type = problemPrefix + "method-not-allowed"
	case http.StatusLoopDetected:
		p.Type = problemPrefix + "loop-detected"
	}
	return p
}

// ErrorHeader sets the headers that go with an error in every protocol: a Basic challenge on 401 unless the front-end
// has set its own, Retry-After where the error names a time, and no caching.
func ErrorHeader(h http.Header, e *registry.Error) {
	h.Set("Cache-Control", "no-store")
	if e.Kind == registry.Unauthenticated && h.Get("Www-Authenticate") == "" {
		h.Set("Www-Authenticate", basicChallenge)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
}
