package raw

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"

	"slipway/formats"
	"slipway/formats/version"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
)

// put stores a file: one atomic append to its version, which the first file makes.
// PUT /raw/<repository>/<package>/<version>/<file…>: 201 for a new path, 200 for the same bytes again and for other
// bytes where the repository allows them; else 409.
func (h *handlers) put(w http.ResponseWriter, r *http.Request) error {
	req, err := parsePut(r)
	if err != nil {
		return err
	}
	pub, err := h.svc.Publisher.Begin(r.Context(), req.at.Name)
	if err != nil {
		return err
	}
	defer pub.Abort()
	req.redeploy = redeploy.In(pub.Repository())
	if done, err := h.before(w, r, pub, &req); done || err != nil {
		return err
	}
	if req.publish != "" {
		return h.stage(w, r, req)
	}
	staged, err := pub.Stage(r.Context(), content.StageFile{Path: req.path, MediaType: req.mediaType, Want: req.want}, req.body)
	if err != nil {
		return err
	}
	there := false
	_, err = pub.Commit(r.Context(), req.release(func(have publish.Existing) (err error) {
		there, err = req.cond.hold(have, req.path)
		return err
	}))
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if there {
		status = http.StatusOK
	}
	return h.stored(w, r, req, staged, status)
}

// putRequest is a parsed PUT.
type putRequest struct {
	loc       location
	at        registry.Coordinate
	path      string
	mediaType string
	want      content.Sums
	cond      condition
	body      io.Reader
	size      int64 // -1: chunked
	redeploy  bool
	publish   string // id of the publish that the file waits for; "": it is visible at once
}

func parsePut(r *http.Request) (putRequest, error) {
	req := putRequest{body: r.Body, size: r.ContentLength}
	var err error
	if req.loc, err = written(r.URL.EscapedPath()); err != nil {
		return req, err
	}
	if req.at, req.path, err = req.loc.file(); err != nil {
		return req, err
	}
	if err := formats.RefuseUnheard(r.Header); err != nil {
		return req, err
	}
	req.cond = parseCondition(r.Header)
	if req.publish, err = formats.PublishID(r.Header); err != nil {
		return req, err
	}
	req.mediaType = mediaType(r.Header.Get("Content-Type"), req.path)
	sums, err := httpserver.AnnouncedSums(r.Header)
	req.want = content.Sums(sums)
	return req, err
}

// before handles what needs no bytes to be stored: it compares a sidecar, and refuses a PUT that can't succeed before its body
// is read. Commit decides again, in its transaction.
func (h *handlers) before(w http.ResponseWriter, r *http.Request, pub *publish.Publish, req *putRequest) (done bool, err error) {
	old, err := pub.File(r.Context(), req.at.Version, req.path)
	if registry.KindOf(err) == registry.NotFound {
		if alg, of, ok := sidecar(req.path); ok {
			if base, err := pub.File(r.Context(), req.at.Version, of); err == nil {
				if done, err := h.compare(w, r, req, alg, base); done || err != nil {
					return done, err
				}
			}
		}
		return false, req.cond.check(nil, req.path)
	}
	if err != nil {
		return false, err
	}
	if err := req.cond.check(&old, req.path); err != nil {
		return false, err
	}
	announced := req.want.SHA256 != nil && !bytes.Equal(req.want.SHA256, algSHA256.stored(old.Blob))
	if !req.redeploy && (announced || req.size >= 0 && req.size != old.Blob.Size) {
		return false, registry.Errorf(registry.AlreadyExists, registry.AboutFile, "%q exists already in %s %s with other content (sha256 %s)",
			formats.Clip(req.path), req.at.Package, req.at.Version, old.Blob.Digest.Encoded())
	}
	return false, nil
}

func (req putRequest) release(cond func(publish.Existing) error) publish.Release {
	rel := release(req.at, req.redeploy)
	rel.If = cond
	return rel
}

// release is the release of a PUT, or of a publish of several files.
func release(at registry.Coordinate, redeploy bool) publish.Release {
	rel := publish.Release{Version: at.Version, PURL: purl(at), Mode: publish.Append}
	rel.SortKey, rel.Prerelease = version.Key(at.Version)
	if redeploy {
		rel.Mode = publish.Replace
	}
	return rel
}

// storedFile is the JSON answer to a PUT.
type storedFile struct {
	Repository  string `json:"repository"`
	Package     string `json:"package"`
	Version     string `json:"version"`
	Path        string `json:"path"`
	PURL        string `json:"purl"`
	Size        int64  `json:"size"`
	MediaType   string `json:"media_type"`
	SHA256      string `json:"sha256"`
	SHA512      string `json:"sha512,omitempty"`
	SHA1        string `json:"sha1,omitempty"`
	MD5         string `json:"md5,omitempty"`
	DownloadURL string `json:"download_url"`
}

// stored answers a PUT: Location, ETag, the sums, and a body for clients that ask for JSON.
func (h *handlers) stored(w http.ResponseWriter, r *http.Request, req putRequest, st publish.Staged, status int) error {
	url := h.site.BaseURL(r) + req.loc.href()
	w.Header().Set("Location", url)
	w.Header().Set("Etag", httpserver.ETag(registry.File{Blob: st.Blob}))
	digestHeaders(w.Header(), st.Blob)
	if httpserver.Accepts(r.Header, "application/json") > 0 {
		return httpserver.JSON(w, status, storedFile{
			Repository: req.at.Repository, Package: req.at.Package, Version: req.at.Version, Path: req.path, PURL: purl(req.at),
			Size: st.Blob.Size, MediaType: req.mediaType, SHA256: st.Blob.Digest.Encoded(), SHA512: hex.EncodeToString(st.Blob.SHA512),
			SHA1: hex.EncodeToString(st.Blob.SHA1), MD5: hex.EncodeToString(st.Blob.MD5), DownloadURL: url,
		})
	}
	empty(w, status)
	return nil
}

func empty(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// compare answers the PUT of a sidecar: 201 when it holds the sum of its file. Then it is not stored, as GET makes it. done is
// false for a body without a sum of the file, which is to be stored like any other; the body can be read again.
func (h *handlers) compare(w http.ResponseWriter, r *http.Request, req *putRequest, alg *algorithm, base registry.File) (done bool, err error) {
	body, err := readSidecar(r.Body)
	if err != nil {
		return true, err
	}
	sum, err := h.sums.sum(r.Context(), h.svc, base, alg)
	if err != nil {
		return true, err
	}
	switch v, other := judge(body, alg, base.Path, sum); v {
	case saysNothing:
		req.body = bytes.NewReader(body)
		return false, nil
	case differs:
		return true, &registry.Error{Kind: registry.DigestMismatch, Subject: registry.AboutFile, Detail: fmt.Sprintf(
			"%s of %q is %x, but the sidecar says %x", alg.suffix, formats.Clip(base.Path), sum, other)}
	}
	w.Header().Set("Location", h.site.BaseURL(r)+req.loc.href())
	empty(w, http.StatusCreated)
	return true, nil
}
