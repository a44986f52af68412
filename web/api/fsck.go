package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/maintain"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// checkRoutes are the endpoints of the check of everything.
func (h *handlers) checkRoutes() []endpoint {
	return []endpoint{
		{"POST", "/fsck", "api.fsck", h.check, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "check", Group: "Server", Summary: "Check that log, tables and bytes agree",
			About: "As `slipway fsck` does, beside the running server; nothing is changed. The answer is a stream of lines, each a JSON object: findings as they are found, now and then " +
				"the progress, and at the end the summary. Without the last line the check was cut off. There is one check at a time (409).",
			Request: &openapi.Body{Struct: reflect.TypeFor[api.CheckRequest](), Example: `{"quick":true}`, Optional: true},
			Answers: []openapi.Answer{{Status: http.StatusOK, About: "The report, as it is written.", Content: []openapi.Content{{Media: checkType,
				Example: api.CheckReport{Summary: &api.CheckSummary{Entries: 43, Packages: 2, Versions: 3, Files: 3, Blobs: 3, Bytes: 1_048_576}}}}}},
			Errors: []int{http.StatusConflict}}},
	}
}

const checkType = "application/jsonl"

// checkPause is how often the progress of a check is written, so that proxies do not take the connection for dead.
const checkPause = 5 * time.Second

// check answers POST /fsck {"quick"}, or without a body: the findings of a check, line by line, for administrators of the
// instance. It ends with the request.
func (h *handlers) check(w http.ResponseWriter, r *http.Request) error {
	var body api.CheckRequest
	if r.ContentLength != 0 {
		if err := wire.Decode(r, &body); err != nil {
			return err
		}
	}
	check, err := h.svc.Maintain.BeginCheck(r.Context())
	if err != nil {
		return err
	}
	ctx, stop := untilStopping(r.Context())
	defer stop()
	w.Header().Set("Content-Type", checkType)
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the lines back
	lines, flush := json.NewEncoder(w), http.NewResponseController(w)
	var failed error
	latest := time.Now()
	write := func(line api.CheckReport) {
		if failed == nil {
			failed = lines.Encode(line)
		}
		if failed == nil {
			failed = flush.Flush()
		}
		if failed != nil {
			stop() // the client went away
		}
		latest = time.Now()
	}
	sum, err := check(ctx, maintain.FsckOptions{Quick: body.Quick, Progress: func(s maintain.FsckSummary) {
		if time.Since(latest) >= checkPause {
			write(api.CheckReport{Progress: (*api.CheckSummary)(&s)})
		}
	}}, func(f maintain.Finding) { write(api.CheckReport{Finding: (*api.CheckFinding)(&f)}) })
	if err != nil {
		write(api.CheckReport{Error: registry.AsError(err).Detail})
		return nil // the status was sent
	}
	write(api.CheckReport{Summary: (*api.CheckSummary)(&sum)})
	return nil
}
