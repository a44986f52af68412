package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"slipway/formats"
	"slipway/registry"
)

// staleTag marks a compare-and-swap that lost; it holds the tag as it is, nil when there is none.
type staleTag struct{ current *tagJSON }

func (e *staleTag) Error() string { return "the tag moved" }

// staleProblem is an RFC 9457 body with the current tag as extension member.
type staleProblem struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail"`
	RequestID string   `json:"request_id,omitempty"`
	Current   *tagJSON `json:"current"`
}

// render is formats.Problem, and shows who loses a compare-and-swap what holds.
func render(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	var stale *staleTag
	if !errors.As(e.Err, &stale) {
		formats.Problem(w, r, e)
		return
	}
	const status = http.StatusPreconditionFailed
	body, err := json.Marshal(staleProblem{
		Type: "urn:slipway:problem:precondition-failed", Title: http.StatusText(status), Status: status,
		Detail: e.Detail, RequestID: formats.RequestID(r.Context()), Current: stale.current,
	})
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	formats.ErrorHeader(w.Header(), e)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: nobody is left to tell
}
