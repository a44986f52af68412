package api

import (
	"net/http"
	"reflect"
	"time"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/maintain"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// collectionRoutes are the endpoints of the collection of unneeded bytes.
func (h *handlers) collectionRoutes() []endpoint {
	return []endpoint{
		{"POST", "/gc", "api.gc", h.collect, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "collect", Group: "Server", Summary: "Remove bytes that nothing needs",
			About:   "A run that would remove more than a fifth of all blobs is refused with 409 unless `force` is set.",
			Request: &openapi.Body{Struct: reflect.TypeFor[api.CollectionRequest](), Example: `{"grace":"24h","dry_run":true}`, Optional: true},
			Answers: success("What was removed, or would be.", api.CollectionReport{Blobs: 12, Bytes: 52_428_800, DurationMilli: 140}),
			Errors:  []int{http.StatusConflict}}},
	}
}

// defaultGrace is how long a blob that lost its last use stays, unless the request says otherwise.
const defaultGrace = 24 * time.Hour

// collect answers POST /gc {"grace","force","dry_run"}, or without a body: runs a collection and answers its report, for
// administrators of the instance.
func (h *handlers) collect(w http.ResponseWriter, r *http.Request) error {
	var body api.CollectionRequest
	if r.ContentLength != 0 {
		if err := wire.Decode(r, &body); err != nil {
			return err
		}
	}
	o := maintain.CollectOptions{Grace: defaultGrace, DeletedGrace: h.svc.Maintain.DeletedGrace(), Force: body.Force, DryRun: body.DryRun}
	for name, in := range map[string]struct {
		text string
		to   *time.Duration
	}{"grace": {body.Grace, &o.Grace}, "deleted_grace": {body.DeletedGrace, &o.DeletedGrace}} {
		if in.text == "" {
			continue
		}
		d, err := time.ParseDuration(in.text)
		if err != nil || d < 0 {
			return wire.Invalid("%s must be a duration such as 24h", name)
		}
		*in.to = d
	}
	report, err := h.svc.Maintain.RunCollect(r.Context(), o)
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, api.CollectionReport(report))
}
