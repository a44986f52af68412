package formats

import (
	"context"
	"net/http"
	"time"

	"slipway/registry"
	"slipway/registry/catalog"
)

// FileContext returns the context in which a file is looked up for a GET or HEAD. sums: the answer is made of the file's sums. Then, and
// where the request's condition is on them, a file that is on its way from a registry elsewhere is waited for. Any other HEAD has no file
// fetched.
func FileContext(r *http.Request, sums bool) context.Context {
	if sums || r.Header.Get("If-Match") != "" || r.Header.Get("If-Range") != "" {
		return catalog.Whole(r.Context())
	}
	if r.Method == http.MethodHead {
		return catalog.Look(r.Context())
	}
	return r.Context()
}

// OnItsWay is the error for the sums of a file whose bytes are not all here. Clients take a 404 for "there are none", so it is none.
func OnItsWay(path string) error {
	return &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutFile, RetryAfter: time.Second,
		Detail: "the checksums of " + Clip(path) + " are not known until it has arrived; try again soon"}
}
