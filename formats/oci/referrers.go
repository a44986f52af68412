package oci

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/opencontainers/go-digest"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Bounds of one page of referrers.
const (
	maxReferrersBytes = 4 << 20  // clients read 4 MiB of it
	maxReferrersRead  = 16 << 20 // of manifests, as a filter may match few of them
	referrersRead     = 100      // versions in one query
)

// referrer is a descriptor in the list, distribution-spec "Listing Referrers".
type referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       digest.Digest     `json:"digest"`
	Size         int               `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// referrers answers an index of the manifests whose subject is the digest (end-12), in the order of their first pushes. It is
// no error if the subject, or the whole image, does not exist. The fallback tag is not read: manifests listed under it have a
// subject, so they are found here anyway.
func (h *handlers) referrers(w http.ResponseWriter, r *http.Request) error {
	at, d, err := parseBlob(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	page := referrerPage{list: []json.RawMessage{}, types: httpserver.MediaTypes(q["artifactType"])}
	if after := q.Get("after"); after != "" {
		if page.after, err = strconv.ParseInt(after, 10, 64); err != nil {
			return registry.Errorf(registry.Invalid, registry.AboutRequest, "the cursor is not one of ours")
		}
	}
	if err := h.readReferrers(r.Context(), at, d, &page); err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{2, typeIndex, page.list})
	if err != nil {
		return err
	}
	apiVersion(w)
	if page.types != nil {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	if page.more {
		next := url.Values{"after": {strconv.FormatInt(page.after, 10)}}
		if page.types != nil {
			next["artifactType"] = page.types
		}
		linkNext(w.Header(), "/v2/"+full(at)+"/referrers/"+d.String(), next)
	}
	w.Header().Set("Content-Type", typeIndex)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(body)
	return err
}

// referrerPage is one page of descriptors.
type referrerPage struct {
	types []string // artifactType of the query; nil: all
	list  []json.RawMessage
	size  int   // bytes of list
	read  int   // bytes of manifests
	after int64 // id of the last version read
	more  bool
}

// readReferrers fills a page. Manifests may have many MiB, so one at a time is in memory.
func (h *handlers) readReferrers(ctx context.Context, at registry.Name, d digest.Digest, page *referrerPage) error {
	for {
		versions, err := h.svc.Catalog.Referrers(ctx, at, d, page.after, referrersRead)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if page.read >= maxReferrersRead {
				page.more = true
				return nil
			}
			if v.Descriptor != nil { // of a registry elsewhere, whose description it is
				var ref referrer
				if err := json.Unmarshal(v.Descriptor, &ref); err != nil {
					return err
				}
				if err := page.add(ref, v.ID); err != nil || page.more {
					return err
				}
				continue
			}
			v, err := h.svc.Catalog.Resolve(ctx, at, catalog.Ref{Digest: v.Digest})
			switch {
			case registry.KindOf(err) == registry.NotFound:
				page.after = v.ID // deleted meanwhile
				continue
			case err != nil:
				return err
			}
			page.read += len(v.Descriptor)
			if err := page.add(describe(v), v.ID); err != nil || page.more {
				return err
			}
		}
		if len(versions) < referrersRead {
			return nil
		}
	}
}

// add puts a manifest into the page, or marks the page as full. id is that of its version.
func (p *referrerPage) add(ref referrer, id int64) error {
	if p.types == nil || p.types[0] == ref.ArtifactType {
		raw, err := json.Marshal(ref)
		if err != nil {
			return err
		}
		size := p.size + len(raw) + 1
		if p.more = size > maxReferrersBytes && len(p.list) > 0; p.more {
			return nil
		}
		p.list, p.size = append(p.list, raw), size
	}
	p.after = id
	return nil
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
