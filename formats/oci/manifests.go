package oci

import (
	"context"
	"net/http"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/publish"
)

// getManifest answers GET and HEAD of a manifest by tag or digest (end-3) with the bytes and the type that were pushed,
// whatever Accept says: another type would have another digest. The blob store is not used.
func (h *handlers) getManifest(w http.ResponseWriter, r *http.Request) error {
	at, ref, err := parseReference(r)
	if err != nil {
		return err
	}
	v, err := h.svc.Catalog.Resolve(lookContext(r), at, ref.query())
	if err != nil {
		return err
	}
	apiVersion(w)
	head := w.Header()
	tag := `"` + v.Digest.String() + `"`
	head.Set("Docker-Content-Digest", v.Digest.String())
	head.Set("Etag", tag)
	head.Set("Cache-Control", httpserver.RevalidateCache(r.Context()))
	if ref.digest != "" {
		head.Set("Cache-Control", httpserver.ImmutableCache)
	}
	head.Set("X-Content-Type-Options", "nosniff")
	if httpserver.MatchesETag(r.Header.Values("If-None-Match"), tag, true) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	head.Set("Content-Type", v.MediaType)
	size, body := len(v.Descriptor), v.Descriptor
	if v.ID == 0 { // of a HEAD; a registry elsewhere has it
		size = int(v.Size)
	}
	if size > heldManifestBytes {
		body = nil // it is read again once there is memory for it
	}
	if r.Method == http.MethodGet {
		h.svc.Pulls.Note(r.Context(), v.ID)
	}
	return h.site.ServeShared(w, r, v.Digest.String(), size, func(ctx context.Context) ([]byte, error) {
		if body != nil {
			return body, nil
		}
		v, err := h.svc.Catalog.Resolve(ctx, at, catalog.Ref{Digest: v.Digest})
		return v.Descriptor, err
	})
}

// heldManifestBytes is the size above which a manifest does not stay in memory while its request waits.
const heldManifestBytes = 64 << 10

// deleteManifest removes a manifest with all its tags, by digest, or one tag alone (end-9). Referrers of it stay, and so do
// the parts of an index.
func (h *handlers) deleteManifest(w http.ResponseWriter, r *http.Request) error {
	at, ref, err := parseReference(r)
	if err != nil {
		return err
	}
	if ref.tag != "" {
		_, err = h.svc.Publisher.RemoveTag(r.Context(), at, ref.tag, publish.TagChange{Reason: "deleted by an OCI client"})
	} else {
		var lacking []registry.Tag
		lacking, err = h.svc.Publisher.Remove(r.Context(), at.At(ref.digest.String()), "deleted by an OCI client")
		if len(lacking) > 0 && err == nil {
			httpserver.Warn(w.Header(), "the "+publish.TagNames(lacking)+" can't be pulled for every platform any more: the deleted image is a part")
		}
	}
	if err != nil {
		return err
	}
	return empty(w, http.StatusAccepted)
}
