package oci

import (
	"errors"
	"net/http"

	"github.com/opencontainers/go-digest"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// Subjects that only this protocol distinguishes.
const (
	aboutManifest     registry.Subject = "manifest"
	aboutManifestBlob registry.Subject = "manifest blob" // a blob that a manifest names and the image lacks
	aboutSize         registry.Subject = "size"
	aboutPage         registry.Subject = "page"
	aboutURI          registry.Subject = "uri"
)

type problem struct {
	kind    registry.Kind
	subject registry.Subject
}

type code struct {
	name   string
	status int // 0: the default of the kind
}

// codes are distribution-spec's error codes, and those that its first implementation added. Refusals by a policy are DENIED,
// because some clients answer MANIFEST_INVALID and TAG_INVALID by trying again with other types.
var codes = map[problem]code{
	{registry.NotFound, registry.AboutRepository}: {"NAME_UNKNOWN", 404},
	{registry.NotFound, registry.AboutPackage}:    {"NAME_UNKNOWN", 404},
	{registry.NotFound, registry.AboutVersion}:    {"MANIFEST_UNKNOWN", 404},
	{registry.NotFound, registry.AboutTag}:        {"MANIFEST_UNKNOWN", 404},
	{registry.NotFound, registry.AboutBlob}:       {"BLOB_UNKNOWN", 404},
	{registry.NotFound, registry.AboutUpload}:     {"BLOB_UPLOAD_UNKNOWN", 404},
	{registry.NotFound, aboutManifestBlob}:        {"MANIFEST_BLOB_UNKNOWN", 400},
	{registry.Invalid, registry.AboutPackage}:     {"NAME_INVALID", 400},
	{registry.Invalid, registry.AboutBlob}:        {"DIGEST_INVALID", 400},
	{registry.Invalid, registry.AboutTag}:         {"TAG_INVALID", 400},
	{registry.Invalid, aboutManifest}:             {"MANIFEST_INVALID", 400},
	{registry.Invalid, aboutSize}:                 {"SIZE_INVALID", 400},
	{registry.Invalid, aboutPage}:                 {"PAGINATION_NUMBER_INVALID", 400},
	{registry.Invalid, aboutURI}:                  {"TAG_INVALID", 414},
	{registry.RangeInvalid, registry.AboutUpload}: {"BLOB_UPLOAD_INVALID", 416},
}

// kinds are the codes of kinds that do not depend on the subject.
var kinds = map[registry.Kind]code{
	registry.Internal:           {"UNKNOWN", 0},
	registry.Invalid:            {"UNSUPPORTED", 0},
	registry.Unauthenticated:    {"UNAUTHORIZED", 0},
	registry.Denied:             {"DENIED", 0},
	registry.NotFound:           {"NAME_UNKNOWN", 0},
	registry.AlreadyExists:      {"DENIED", 403},
	registry.Conflict:           {"DENIED", 403},
	registry.PreconditionFailed: {"DENIED", 0},
	registry.DigestMismatch:     {"DIGEST_INVALID", 0},
	registry.TooLarge:           {"SIZE_INVALID", 0},
	registry.RangeInvalid:       {"RANGE_INVALID", 0},
	registry.BadBody:            {"BLOB_UPLOAD_INVALID", 0},
	registry.NoSpace:            {"UNAVAILABLE", 0},
	registry.Unavailable:        {"UNAVAILABLE", 0},
	registry.BadUpstream:        {"UNAVAILABLE", 0},
	registry.Blocked:            {"DENIED", 0},
	registry.TooMany:            {"TOOMANYREQUESTS", 0},
}

func codeOf(e *registry.Error) code {
	c, ok := codes[problem{e.Kind, e.Subject}]
	if !ok {
		c = kinds[e.Kind]
	}
	if c.status == 0 {
		c.status = httpserver.StatusOf(e)
	}
	if c.status == http.StatusMethodNotAllowed {
		c.name = "UNSUPPORTED"
	}
	return c
}

// wireError is one entry of the body of every error, distribution-spec "Error Codes".
type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail,omitempty"`
}

type wireErrors struct {
	Errors []wireError `json:"errors"`
}

// renderer answers errors on routes that need an action, which is the scope of a 401's challenge.
func (h *handlers) renderer(need action) httpserver.Renderer {
	return func(w http.ResponseWriter, r *http.Request, e *registry.Error) {
		c := codeOf(e)
		apiVersion(w)
		if e.Kind == registry.Unauthenticated && need != login {
			w.Header().Set("Www-Authenticate", h.challenge(r, need, e))
		}
		var at *uploadState
		if errors.As(e.Err, &at) {
			at.header(w)
		}
		httpserver.ErrorHeader(w.Header(), e)
		body := wireErrors{Errors: []wireError{{Code: c.name, Message: e.Detail}}}
		var missing *missingBlobs
		if errors.As(e.Err, &missing) {
			body.Errors = nil
			for _, d := range missing.digests {
				body.Errors = append(body.Errors, wireError{c.name, "the image has no blob or manifest " + d.String(), map[string]string{"digest": d.String()}})
			}
		}
		if httpserver.WithReason(w, r, e, c.status, "application/json", body) {
			return
		}
		_ = httpserver.JSON(w, c.status, body) // strings always encode
	}
}

// missingBlobs are the blobs that a manifest names and its image lacks.
type missingBlobs struct{ digests []digest.Digest }

func (m *missingBlobs) Error() string { return "blobs are missing" }

func apiVersion(w http.ResponseWriter) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
}

func isNotFound(err error) bool { return err != nil && registry.KindOf(err) == registry.NotFound }

// empty answers without a body.
func empty(w http.ResponseWriter, status int) error {
	apiVersion(w)
	if status != http.StatusNoContent {
		w.Header().Set("Content-Length", "0")
	}
	w.WriteHeader(status)
	return nil
}
