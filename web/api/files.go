package api

import (
	"net/http"

	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/web/openapi"
)

// fileRoutes are the endpoints of a version's files.
func (h *handlers) fileRoutes() []endpoint {
	return []endpoint{
		{"GET", versionPath + "/files/{path:.+}", "api.versions.file", h.getFile, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getFile", Group: "Versions", Summary: "Download a file of a version",
			About: "With ranges and conditions (RFC 9110), in the file's own media type. This is where deploy systems pull from that speak no package manager's protocol.",
			Header: []openapi.Param{{Name: "Range", About: "The part that is wanted.", Example: "bytes=0-1023"},
				{Name: "If-None-Match", About: "The `ETag` of what you have."}},
			Answers: []openapi.Answer{
				{Status: http.StatusOK, About: "The bytes.", Header: fileHeaders, Content: raw()},
				{Status: http.StatusPartialContent, About: "The part, or several as `multipart/byteranges`.", Header: fileHeaders, Content: raw()},
				{Status: http.StatusNotModified, About: "You have it."},
			}, Errors: []int{http.StatusRequestedRangeNotSatisfiable}}},
	}
}

var fileHeaders = []openapi.Param{
	{Name: "ETag", About: "The file's SHA-256, in quotes."},
	{Name: "X-Checksum-Sha256", About: "The file's SHA-256 in hex."},
}

// getFile answers GET …/versions/{version}/files/{path}: the bytes of one file of a version of any format, with ranges and
// conditions as everywhere. The path may hold slashes, escaped or not. It serves deploy systems that speak no package
// manager's protocol.
func (h *handlers) getFile(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, path := in.coordinate(), in.segment("path")
	if in.err != nil {
		return in.err
	}
	ctx := r.Context()
	switch {
	case r.Header.Get("If-Match") != "" || r.Header.Get("If-Range") != "":
		ctx = catalog.Whole(ctx) // the condition is on its sum
	case r.Method == http.MethodHead:
		ctx = catalog.Look(ctx) // no registry elsewhere need send it
	}
	f, err := h.svc.Reader.File(ctx, at, path)
	if err != nil {
		return err
	}
	// A browser must not take a published file for a page of this server.
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	w.Header().Set("Content-Disposition", "attachment")
	return h.server.ServeStored(w, r, f, h.svc.Pulls.Noting(h.svc.Reader), httpserver.FileOptions{})
}
