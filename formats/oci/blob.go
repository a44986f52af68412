package oci

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// getBlob answers GET and HEAD of a blob (end-2), with ranges. A blob that only other images hold is 404.
func (h *handlers) getBlob(w http.ResponseWriter, r *http.Request) error {
	at, d, err := parseBlob(r)
	if err != nil {
		return err
	}
	look := h.svc.Content.Blob
	if r.Method == http.MethodHead {
		look = h.svc.Content.StoredBlob // clients do not send a blob that they find here
	}
	b, err := look(lookContext(r), at, d)
	f := registry.File{Path: d.String(), AddedAt: b.CreatedAt, Blob: b}
	pushes := mayPush(r, at)
	if isNotFound(err) && pushes && h.adopt(at)(r.Context(), d) == nil { // the image holds it from now on, so the caller need not send it
		f.Blob, err = look(lookContext(r), at, d)
	}
	if isNotFound(err) {
		// Of another place that the repository answers from. Where none has it, the image itself says what is missing. A caller who could
		// push the blob must do so, unless the image comes from a registry elsewhere, and nobody pushes to it.
		other, more := h.svc.Catalog.Blob(lookContext(r), at, d)
		if (!pushes || other.Arriving != nil) && !isNotFound(more) {
			f, err = other, more
		}
	}
	if err != nil {
		return err
	}
	apiVersion(w)
	w.Header().Set("Docker-Content-Digest", d.String())
	if backwards(r) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", f.Blob.Size))
		return registry.Errorf(registry.RangeInvalid, registry.AboutFile, "the range ends before it begins")
	}
	return h.site.ServeFile(w, r, f, httpserver.FileOptions{ContentType: "application/octet-stream", CacheControl: httpserver.ImmutableCache, Redirect: true})
}

// adopt returns what lets an image hold a blob that another place of its repository has, if the caller may read it there and push the
// image. NotFound.
func (h *handlers) adopt(at registry.Name) func(ctx context.Context, d digest.Digest) error {
	return func(ctx context.Context, d digest.Digest) error {
		from, err := h.svc.Catalog.Elsewhere(ctx, at, d)
		if err == nil {
			_, err = h.svc.Content.Adopt(ctx, from, at, d)
		}
		return err
	}
}

// lookContext is the context of look-ups: for a HEAD, nothing is fetched from a registry elsewhere.
func lookContext(r *http.Request) context.Context {
	if r.Method == http.MethodHead {
		return catalog.Look(r.Context())
	}
	return r.Context()
}

// mayPush reports whether a request asks whether it must send a blob.
func mayPush(r *http.Request, at registry.Name) bool {
	return r.Method == http.MethodHead && access.Decide(access.From(r.Context()), access.Publish, at.Repository) == access.Allow
}

// backwards reports whether a single range ends before it begins. HTTP says to ignore it, the conformance suite wants 416.
func backwards(r *http.Request) bool {
	spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if !ok || r.Method != http.MethodGet || r.Header.Get("If-Range") != "" {
		return false
	}
	first, last, ok := strings.Cut(spec, "-")
	from, err1 := strconv.ParseUint(first, 10, 63)
	to, err2 := strconv.ParseUint(last, 10, 63)
	return ok && err1 == nil && err2 == nil && to < from
}

// deleteBlob takes a blob from the image (end-10); 403 for a blob that a manifest needs.
func (h *handlers) deleteBlob(w http.ResponseWriter, r *http.Request) error {
	at, d, err := parseBlob(r)
	if err != nil {
		return err
	}
	if err := h.svc.Content.ForgetBlob(r.Context(), at, d); err != nil {
		return err
	}
	return empty(w, http.StatusAccepted)
}
