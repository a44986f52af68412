package api

import (
	"errors"
	"net/http"
	"strings"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/web/openapi"
)

// staleTag marks a failed compare-and-swap; it holds the current tag, nil when there is none.
type staleTag struct{ current *api.Tag }

func (e *staleTag) Error() string { return "the tag moved" }

// render is httpserver.Problem with three additions: the current tag for a failed compare-and-swap; the uses of a version that
// can't be deleted; and, for a path below a package that is none, how a slash in a name is written.
func render(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	var stale *staleTag
	var used *registry.InUse
	p := api.Problem(httpserver.ProblemOf(r, e))
	switch {
	case errors.As(e.Err, &stale):
		httpserver.WriteProblem(w, e, api.TagProblem{Problem: p, Current: stale.current})
	case errors.As(e.Err, &used):
		p.Type = "urn:slipway:problem:in-use"
		httpserver.WriteProblem(w, e, api.InUseProblem{Problem: p, Uses: usesOf(used.Uses)})
	case e.Kind == registry.NotFound && e.Subject == registry.AboutRequest && strings.Contains(r.URL.Path, "/packages/"):
		p.Detail += "; a slash in the name of a package, version or tag is written %2F"
		fallthrough
	default:
		httpserver.WriteProblem(w, e, p)
	}
}

func usesOf(list []registry.Use) []api.Use {
	out := make([]api.Use, len(list))
	for i, u := range list {
		out[i] = api.Use{Environment: u.Environment, Service: u.Service, Deployment: numberText(u.Deployment), Status: string(u.Status), Since: timeText(u.Since)}
	}
	return out
}

// problems are the answers of failures, by status; 0 is any other status.
var problems = map[int]openapi.Problem{
	0: {Name: "Problem", About: "Any other failure: 405, 500, 507; 429 and 503 with `Retry-After`.",
		Example: problemExample(503, "unavailable", "the database can't be reached")},
	400: {Name: "Invalid", About: "The request can't be understood, or a value is outside of its grammar.",
		Example: problemExample(400, "invalid", "limit must be a number from 1 to 1000")},
	401: {Name: "Unauthenticated", About: "No credentials, or wrong ones; `WWW-Authenticate` says which are taken.",
		Example: problemExample(401, "unauthenticated", "log in to see this")},
	403: {Name: "Denied", About: "You are known and may not do this.",
		Example: problemExample(403, "denied", `token "ci" may not tag in repository "main"`)},
	404: {Name: "NotFound", About: "It is not there, or you may not know that it is.",
		Example: problemExample(404, "not-found", `there is no repository "main"`)},
	409: {Name: "Conflict", About: "What is there stands in the way; `detail` says how.",
		Example: problemExample(409, "already-exists", `there is a repository "main" already`), Or: api.InUseProblem{}},
	412: {Name: "TagMoved", About: "The tag is not in the generation of `If-Match`; `current` is what holds, null when there is no tag.",
		Example: api.TagProblem{Problem: problemExample(412, "precondition-failed", "the tag is in generation 3"), Current: &tagExample}},
	413: {Name: "TooLarge", About: "The body is larger than 256 KiB.",
		Example: problemExample(413, "too-large", "the body is larger than the limit of 262144 bytes")},
	416: {Name: "RangeNotSatisfiable", About: "The range begins behind the end; `Content-Range` has the length.",
		Example: problemExample(416, "range-not-satisfiable", "the range begins behind the end")},
}

func problemExample(status int, kind, detail string) api.Problem {
	return api.Problem{Type: "urn:slipway:problem:" + kind, Title: http.StatusText(status), Status: status, Detail: detail, RequestID: "ci-run-4711.2"}
}
