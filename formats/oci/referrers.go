package oci

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
)

// maxReferrersBytes bounds one page of referrers: clients read 4 MiB of it.
const maxReferrersBytes = 4 << 20

// referrer is a descriptor in the list, distribution-spec "Listing Referrers".
type referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       digest.Digest     `json:"digest"`
	Size         int               `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// referrers answers an index of the manifests whose subject is the digest (end-12), in the order of their pushes. That
// nobody has pushed the subject, or anything to the image, is no error. Manifests that clients list under a fallback tag
// have a subject themselves, so they are here without it.
func (h *handlers) referrers(w http.ResponseWriter, r *http.Request) error {
	at, d, err := parseBlob(r)
	if err != nil {
		return err
	}
	versions, err := h.svc.Referrers(r.Context(), at, d)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	filter := q.Has("artifactType")
	apiVersion(w)
	if filter {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	list := make([]json.RawMessage, 0, len(versions))
	size, skip := 0, q.Get("last")
	for _, v := range versions {
		if skip != "" {
			if v.Name == skip {
				skip = ""
			}
			continue
		}
		ref := describe(v)
		if filter && ref.ArtifactType != q.Get("artifactType") {
			continue
		}
		raw, err := json.Marshal(ref)
		if err != nil {
			return err
		}
		if size += len(raw) + 1; size > maxReferrersBytes && len(list) > 0 {
			next := url.Values{"last": {lastName(list)}}
			if filter {
				next["artifactType"] = q["artifactType"]
			}
			linkNext(w.Header(), "/v2/"+full(at)+"/referrers/"+d.String(), next)
			break
		}
		list = append(list, raw)
	}
	body, err := json.Marshal(struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{2, typeIndex, list})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeIndex)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(body)
	return err
}

// lastName is the digest of the last descriptor of a page.
func lastName(list []json.RawMessage) string {
	var ref referrer
	_ = json.Unmarshal(list[len(list)-1], &ref) // we have just written it
	return ref.Digest.String()
}

// describe makes the descriptor of a stored manifest. Its type is artifactType, else that of the config.
func describe(v registry.Version) referrer {
	ref := referrer{MediaType: v.MediaType, Digest: v.Digest, Size: len(v.Descriptor)}
	o, err := parseObject(v.Descriptor)
	if err != nil {
		return ref // it was checked when it was stored
	}
	ref.ArtifactType, _ = o.text("artifactType")
	if config, err := one(o, "config"); ref.ArtifactType == "" && err == nil {
		ref.ArtifactType = config.mediaType
	}
	ref.Annotations = o.strings("annotations")
	return ref
}
