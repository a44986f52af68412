package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Bounds of an answer with referrers.
const (
	maxReferrers      = 200 // all levels together
	maxReferrerLevels = 4
	maxReferrerBytes  = 16 << 20 // of descriptors that are read for it
)

var referrersExample = api.Referrers{Items: []api.Referrer{{Kind: registry.AttachedSBOM, ArtifactType: "application/spdx+json", VersionSummary: api.VersionSummary{
	PURL: "pkg:oci/app@sha256%3Aed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", Format: "oci", Name: "app", Version: digestExample,
	State: string(registry.Published), Digest: digestExample, Size: 20_480, Attached: true, PublishedAt: momentExample, PublishedBy: "token ci of user jane", Seq: 42,
}}}}

// getReferrers answers GET …/versions/{version}/referrers?as_of=: what belongs to a version, of what is here, as a tree.
func (h *handlers) getReferrers(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, when := in.coordinate(), in.asOf()
	if in.err != nil {
		return in.err
	}
	d, err := h.detail(r.Context(), at, when)
	if err != nil {
		return err
	}
	out := api.Referrers{Items: []api.Referrer{}}
	if rules := h.svc.Core.Rules[at.Format]; rules.Attached != nil {
		t := referrerTree{h: h, rules: rules, pkg: d.Package, at: at.Name, when: when, seen: map[digest.Digest]bool{d.Version.Digest: true}}
		if out.Items, err = t.of(r.Context(), d.Version, 1); err != nil {
			return err
		}
		out.Cut = t.cut
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// referrerTree gathers what belongs to a version. Referrers can't make a circle, as a digest can't be known before what it is of; the tags of cosign
// can.
type referrerTree struct {
	h     *handlers
	rules registry.Rules
	pkg   registry.Package
	at    registry.Name
	when  registry.AsOf
	seen  map[digest.Digest]bool
	read  int // bytes of descriptors
	cut   bool
}

// of returns what belongs to v, by its subject and by tags.
func (t *referrerTree) of(ctx context.Context, v registry.Version, level int) ([]api.Referrer, error) {
	out := []api.Referrer{}
	for after := int64(0); ; {
		page, err := t.page(ctx, v.Digest, after)
		if err != nil {
			return nil, err
		}
		for _, ref := range page {
			after = ref.ID
			if out, err = t.add(ctx, out, ref, "", level); err != nil {
				return nil, err
			}
		}
		if len(page) < maxReferrers || t.cut {
			break
		}
	}
	if t.rules.AttachedTags == nil {
		return out, nil
	}
	for _, tag := range t.rules.AttachedTags(v.Name) {
		ref, err := t.tagged(ctx, tag)
		if err != nil && registry.KindOf(err) == registry.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if out, err = t.add(ctx, out, ref, tag, level); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// page is a page of the referrers of a digest.
func (t *referrerTree) page(ctx context.Context, d digest.Digest, after int64) ([]registry.Version, error) {
	if !t.when.IsNow() {
		return t.h.svc.History.ReferrersAt(ctx, t.at, d, t.when, after, maxReferrers)
	}
	return t.h.svc.Everything.ReferrersHere(ctx, t.at, d, after, maxReferrers)
}

// tagged is the version that a tag names. NotFound.
func (t *referrerTree) tagged(ctx context.Context, tag string) (registry.Version, error) {
	if t.when.IsNow() {
		return t.h.svc.Everything.ResolveHere(ctx, t.at, catalog.Ref{Tag: tag})
	}
	named, err := t.h.svc.Catalog.TagAt(ctx, t.at, tag, t.when)
	if err != nil {
		return registry.Version{}, err
	}
	d, err := t.h.svc.History.VersionDetailAt(ctx, t.at.At(named.Version), t.when)
	return d.Version, err
}

// add adds a referrer with what belongs to it.
func (t *referrerTree) add(ctx context.Context, list []api.Referrer, v registry.Version, tag string, level int) ([]api.Referrer, error) {
	if t.seen[v.Digest] {
		return list, nil
	}
	if t.cut = t.cut || len(t.seen) > maxReferrers || t.read > maxReferrerBytes || level > maxReferrerLevels; t.cut {
		return list, nil
	}
	t.seen[v.Digest] = true
	if v.Descriptor == nil {
		d, err := t.h.detail(ctx, t.at.At(v.Name), t.when)
		if err != nil && registry.KindOf(err) == registry.NotFound {
			return list, nil // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		v = d.Version
	}
	t.read += len(v.Descriptor)
	what := t.rules.Attached(v)
	bounded := registry.Description{Properties: what.Annotations, License: what.ArtifactType}
	bounded.Bound()
	ref := api.Referrer{VersionSummary: versionOf(t.pkg, v), Kind: what.Kind, ArtifactType: bounded.License, Tag: tag, Annotations: each(bounded.Properties, propertyOf)}
	below, err := t.of(ctx, v, level+1)
	if err != nil {
		return nil, err
	}
	ref.Referrers = slices.Clip(below)
	return append(list, ref), nil
}
