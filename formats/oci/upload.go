package oci

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/content"
)

// uploadState accompanies an error after which the upload can continue: clients resume from it.
type uploadState struct {
	at     registry.Name
	upload content.Upload
}

func (s *uploadState) Error() string { return "the upload goes on" }

func (s *uploadState) header(w http.ResponseWriter) { uploadHeader(w.Header(), s.at, s.upload) }

// parseUpload returns image and id of a request about an upload.
func parseUpload(r *http.Request) (registry.Name, string, error) {
	at, err := parseName(r)
	return at, variable(r, "upload"), err
}

// uploadStatus answers with an upload's offset (end-13).
func (h *handlers) uploadStatus(w http.ResponseWriter, r *http.Request) error {
	at, id, err := parseUpload(r)
	if err != nil {
		return err
	}
	u, err := h.svc.Content.Upload(r.Context(), at, id)
	if err != nil {
		return err
	}
	uploadHeader(w.Header(), at, u)
	return empty(w, http.StatusNoContent)
}

// appendUpload adds the body to an upload (end-5): a chunk with Content-Range at its offset, or a stream without one at the
// end. 416 has the upload's offset, and the upload can continue.
func (h *handlers) appendUpload(w http.ResponseWriter, r *http.Request) error {
	at, id, err := parseUpload(r)
	if err != nil {
		return err
	}
	u, err := h.appendBody(r, at, id)
	if err != nil {
		return err
	}
	uploadHeader(w.Header(), at, u)
	return empty(w, http.StatusAccepted)
}

func (h *handlers) appendBody(r *http.Request, at registry.Name, id string) (content.Upload, error) {
	offset, err := parseContentRange(r)
	if err != nil {
		return content.Upload{}, err
	}
	u, err := h.svc.Content.AppendUpload(r.Context(), at, id, offset, r.Body, -1)
	return u, withState(err, at, u)
}

// finishBody ends an upload with the bytes of the request, which may be the whole upload.
func (h *handlers) finishBody(r *http.Request, at registry.Name, id string, body io.Reader, d digest.Digest) error {
	offset, err := parseContentRange(r)
	if err != nil {
		return err
	}
	u, err := h.svc.Content.FinishUploadWith(r.Context(), at, id, offset, body, d)
	return withState(err, at, u)
}

// withState adds the upload's offset to the refusal of a chunk.
func withState(err error, at registry.Name, u content.Upload) error {
	if err != nil && registry.KindOf(err) == registry.RangeInvalid {
		return &registry.Error{Kind: registry.RangeInvalid, Subject: registry.AboutUpload, Detail: registry.AsError(err).Detail, Err: &uploadState{at, u}}
	}
	return err
}

// parseContentRange returns the offset of a chunk, -1 where the request has none. The specification writes "0-99", HTTP "bytes
// 0-99/*". Invalid.
func parseContentRange(r *http.Request) (int64, error) {
	text := r.Header.Get("Content-Range")
	if text == "" {
		return -1, nil
	}
	span := strings.TrimSpace(strings.TrimPrefix(text, "bytes"))
	span, _, _ = strings.Cut(span, "/")
	first, last, _ := strings.Cut(span, "-")
	from, err1 := strconv.ParseUint(first, 10, 62)
	to, err2 := strconv.ParseUint(last, 10, 62)
	switch {
	case err1 != nil || err2 != nil || to < from:
		return 0, registry.Errorf(registry.Invalid, aboutSize, "the Content-Range %q is not of the form <first>-<last>", formats.Clip(text))
	case r.ContentLength >= 0 && int64(to-from)+1 != r.ContentLength:
		return 0, registry.Errorf(registry.Invalid, aboutSize, "the Content-Range %q is of %d bytes, the body of %d", formats.Clip(text), to-from+1, r.ContentLength)
	}
	return int64(from), nil
}

// finishUpload ends an upload (end-6); the body may have its last bytes, or all of them. 201 when the bytes have the digest,
// else DIGEST_INVALID and the upload is gone.
func (h *handlers) finishUpload(w http.ResponseWriter, r *http.Request) error {
	at, id, err := parseUpload(r)
	if err != nil {
		return err
	}
	d, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	if body, some := peek(r); some {
		err = h.finishBody(r, at, id, body, d)
	} else {
		_, err = h.svc.Content.FinishUpload(r.Context(), at, id, d)
	}
	if isNotFound(err) && registry.AsError(err).Subject == registry.AboutUpload {
		// The answer to the same request may have been lost.
		if _, known := h.svc.Content.StoredBlob(r.Context(), at, d); known == nil {
			err = nil
		}
	}
	return created(w, blobPath(at, d), d, err)
}

// cancelUpload drops an upload (end-14). The right to push is enough: clients cancel the upload that a failed mount began.
func (h *handlers) cancelUpload(w http.ResponseWriter, r *http.Request) error {
	at, id, err := parseUpload(r)
	if err != nil {
		return err
	}
	if err := h.svc.Content.CancelUpload(r.Context(), at, id); err != nil {
		return err
	}
	return empty(w, http.StatusNoContent)
}
