package api

import (
	"net/http"

	"slipway/formats"
)

// getFile answers GET …/versions/{version}/files/{path}: the bytes of one file of a version of any format, with ranges and
// conditions as everywhere. The path may hold slashes, escaped or not. It is where deploy systems pull from that speak no
// package manager's protocol.
func (h *handlers) getFile(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, path := in.coordinate(), in.segment("path")
	if in.err != nil {
		return in.err
	}
	f, _, err := h.svc.FileAt(r.Context(), at, path)
	if err != nil {
		return err
	}
	// A browser must not take what somebody published for a page of this server.
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	w.Header().Set("Content-Disposition", "attachment")
	return h.site.ServeFile(w, r, f, formats.FileOptions{})
}
