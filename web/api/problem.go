package api

import (
	"errors"
	"net/http"
	"strconv"

	"slipway/formats"
	"slipway/registry"
)

// staleTag marks a compare-and-swap that lost; it holds the tag as it is, nil when there is none.
type staleTag struct{ current *tagJSON }

func (e *staleTag) Error() string { return "the tag moved" }

type problemJSON = formats.ProblemJSON

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
	var stale *staleTag
	var used *registry.InUse
	p := formats.ProblemOf(r, e)
	switch {
	case errors.As(e.Err, &stale):
		formats.WriteProblem(w, e, staleProblem{p, stale.current})
	case errors.As(e.Err, &used):
		p.Type = "urn:slipway:problem:in-use"
		formats.WriteProblem(w, e, inUseProblem{p, usesOf(used.Uses)})
	default:
		formats.WriteProblem(w, e, p)
	}
}
