package api

import (
	"net/http"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// defaultGrace is how long a blob that lost its last use stays, unless the request says otherwise.
const defaultGrace = 24 * time.Hour

// collectionRequest is the body of POST.
type collectionRequest struct {
	Grace  string `json:"grace"`
	Force  bool   `json:"force"`
	DryRun bool   `json:"dry_run"`
}

// collect answers POST /gc {"grace","force","dry_run"}, or without a body: runs a collection and answers its report, for
// administrators of the instance.
func (h *handlers) collect(w http.ResponseWriter, r *http.Request) error {
	var body collectionRequest
	if r.ContentLength != 0 {
		if err := wire.Decode(r, &body); err != nil {
			return err
		}
	}
	o := registry.CollectOptions{Grace: defaultGrace, Force: body.Force, DryRun: body.DryRun}
	if body.Grace != "" {
		d, err := time.ParseDuration(body.Grace)
		if err != nil || d < 0 {
			return wire.Invalid("grace must be a duration such as 24h")
		}
		o.Grace = d
	}
	report, err := h.svc.Collect(r.Context(), o)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, report)
}
