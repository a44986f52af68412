package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"slipway/formats"
	"slipway/registry"
)

// staleTag marks a compare-and-swap that lost; it holds the tag as it is, nil when there is none.
type staleTag struct{ current *tagJSON }

func (e *staleTag) Error() string { return "the tag moved" }

// problemJSON is an RFC 9457 body, as formats.Problem writes it.
type problemJSON struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// staleProblem has the current tag as extension member.
type staleProblem struct {
	problemJSON
	Current *tagJSON `json:"current"`
}

// inUseProblem has what stands against a deletion as extension member.
type inUseProblem struct {
	problemJSON
	Uses []useJSON `json:"uses"`
}

// useJSON is a service that runs a version, or a deployment that is about to bring it.
type useJSON struct {
	Environment string `json:"environment"`
	Service     string `json:"service"`
	Deployment  string `json:"deployment"`
	Status      string `json:"status"`
	Since       string `json:"since"`
}

func usesOf(list []registry.Use) []useJSON {
	out := make([]useJSON, len(list))
	for i, u := range list {
		out[i] = useJSON{u.Environment, u.Service, strconv.FormatInt(u.Deployment, 10), string(u.Status), timeText(u.Since)}
	}
	return out
}

// render is formats.Problem, and shows who loses a compare-and-swap what holds, and who can't delete what is deployed where.
func render(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	p := problemJSON{Detail: e.Detail, RequestID: formats.RequestID(r.Context())}
	var stale *staleTag
	var used *registry.InUse
	switch {
	case errors.As(e.Err, &stale):
		p.Type, p.Status = "urn:slipway:problem:precondition-failed", http.StatusPreconditionFailed
		p.Title = http.StatusText(p.Status)
		writeProblem(w, e, p.Status, staleProblem{p, stale.current})
	case errors.As(e.Err, &used):
		p.Type, p.Status = "urn:slipway:problem:in-use", http.StatusConflict
		p.Title = http.StatusText(p.Status)
		writeProblem(w, e, p.Status, inUseProblem{p, usesOf(used.Uses)})
	default:
		formats.Problem(w, r, e)
	}
}

func writeProblem(w http.ResponseWriter, e *registry.Error, status int, problem any) {
	body, err := json.Marshal(problem)
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	formats.ErrorHeader(w.Header(), e)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: nobody is left to tell
}
