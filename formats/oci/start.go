package oci

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/content"
)

// startUpload begins an upload (end-4a): 202 and a Location that stays the same to its end. With mount= the image gets a blob
// of another image (end-11), with digest= and a body the blob is stored at once (end-4b): both 201. A mount that is not
// possible is no error, but begins an upload.
func (h *handlers) startUpload(w http.ResponseWriter, r *http.Request) error {
	at, err := parseName(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if algorithm := q.Get("digest-algorithm"); algorithm != "" && algorithm != string(digest.SHA256) && algorithm != string(digest.SHA512) {
		return registry.Errorf(registry.Invalid, registry.AboutBlob, "the digest algorithm %q is not supported: sha256 or sha512", formats.Clip(algorithm))
	}
	if q.Has("mount") {
		if d, err := parseDigest(q.Get("mount")); err == nil {
			err := h.mountBlob(r.Context(), at, d, q.Has("from"), q.Get("from"))
			if !isNotFound(err) {
				return created(w, blobPath(at, d), d, err)
			}
		}
	}
	if q.Has("digest") {
		d, err := parseDigest(q.Get("digest"))
		if err != nil {
			return err
		}
		if body, some := peek(r); some || d == d.Algorithm().FromBytes(nil) {
			_, err := h.svc.Content.PutBlob(r.Context(), at, d, body, -1)
			return created(w, blobPath(at, d), d, err)
		}
	}
	u, err := h.svc.Content.StartUpload(r.Context(), at)
	if err != nil {
		return err
	}
	uploadHeader(w.Header(), at, u)
	return empty(w, http.StatusAccepted)
}

// mountBlob lets the image hold a blob of another image that the caller may read: the named source, or any image. NotFound
// reveals neither whether the blob exists nor whether the caller lacks the right. The caller's rights decide, not the scopes
// of its session token: some clients request the target's scope only, and a client that names no source can't know which scope
// to request.
func (h *handlers) mountBlob(ctx context.Context, to registry.Name, d digest.Digest, named bool, source string) error {
	if !named {
		_, err := h.svc.Content.MountAnyBlob(ctx, to, d)
		return err
	}
	from, err := splitName(source)
	if err != nil {
		return registry.Errorf(registry.NotFound, registry.AboutBlob, "there is no blob to mount")
	}
	if _, err = h.svc.Content.MountBlob(ctx, from, to, d); !isNotFound(err) {
		return err
	}
	if from, err = h.svc.Catalog.Elsewhere(catalog.Whole(ctx), from, d); err == nil {
		_, err = h.svc.Content.Adopt(ctx, from, to, d)
	}
	return err
}

// peek returns the body and whether it has any byte.
func peek(r *http.Request) (io.Reader, bool) {
	if r.ContentLength >= 0 {
		return r.Body, r.ContentLength > 0
	}
	b := bufio.NewReader(r.Body)
	_, err := b.Peek(1)
	return b, !errors.Is(err, io.EOF)
}

// created answers 201 unless there is an error.
func created(w http.ResponseWriter, path string, d digest.Digest, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Location", path)
	w.Header().Set("Docker-Content-Digest", d.String())
	return empty(w, http.StatusCreated)
}

// uploadHeader sets an upload's Location and Range. Range is inclusive and can't express an empty upload: docker reads "0-0"
// only.
func uploadHeader(h http.Header, at registry.Name, u content.Upload) {
	h.Set("Location", uploadPath(at, u.ID))
	h.Set("Range", "0-"+strconv.FormatInt(max(u.Offset-1, 0), 10))
	h.Set("Docker-Upload-Uuid", u.ID)
}
