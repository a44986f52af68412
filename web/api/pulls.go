package api

import (
	"net/http"

	"slipway/api"
	"slipway/registry"
)

var pullExample = api.Pull{Repository: "main", Format: "npm", Name: "@acme/web", Version: "1.4.2", By: "token ci of user jane", FirstAt: momentExample, LastAt: laterExample}

// listPulls answers GET …/versions/{version}/pulls: who downloaded the version.
func (h *handlers) listPulls(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, page := in.coordinate(), in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Pull, error) {
		return h.svc.Pulls.Of(r.Context(), at, p)
	}, func(p registry.Pull) string { return p.Caller }, func(p registry.Pull) api.Pull {
		return api.Pull{Repository: at.Repository, Format: at.Format, Name: at.Package, Version: at.Version, By: p.Caller, FirstAt: timeText(p.FirstAt), LastAt: timeText(p.LastAt)}
	})
}
