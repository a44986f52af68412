package npm

import (
	"net/http"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/publish"
)

// maxSmallBody bounds the bodies of everything but a publish or a change of a packument.
const maxSmallBody = 64 << 10

// done is the body of the answer to a successful change.
type done struct {
	OK any `json:"ok"`
}

// tags answers GET /-/package/<name>/dist-tags.
func (h *handlers) tags(w http.ResponseWriter, r *http.Request, t target) error {
	name, _, err := h.find(r.Context(), t)
	if err != nil {
		return err
	}
	tags, err := h.site.Parts.Catalog.Tags(r.Context(), name)
	if err != nil {
		return err
	}
	out := make(map[string]string, len(tags))
	for _, tag := range tags {
		out[tag.Name] = tag.Version
	}
	w.Header().Set("Cache-Control", httpserver.RevalidateCache(r.Context()))
	return httpserver.JSON(w, http.StatusOK, out)
}

// setTag answers PUT /-/package/<name>/dist-tags/<tag>; the body is the version as a JSON string.
func (h *handlers) setTag(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	var sent string
	if err := httpserver.DecodeJSON(r, maxSmallBody, &sent); err != nil {
		return err
	}
	version, ok := looseVersion(sent)
	if !ok {
		return registry.Errorf(registry.Invalid, registry.AboutVersion, "%q is not a version", formats.Clip(sent))
	}
	if _, err := h.site.Parts.Publisher.SetTag(r.Context(), name, t.tag, publish.TagChange{Version: version, Reason: "npm dist-tag"}); err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusCreated, done{"dist-tags updated"})
}

// removeTag answers DELETE /-/package/<name>/dist-tags/<tag>.
func (h *handlers) removeTag(w http.ResponseWriter, r *http.Request, t target) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	_, err = h.site.Parts.Publisher.RemoveTag(r.Context(), name, t.tag, publish.TagChange{Reason: "npm dist-tag"})
	if registry.KindOf(err) == registry.Conflict {
		err = registry.Errorf(registry.Invalid, registry.AboutTag, "The tag %q can be moved but not removed.", t.tag)
	}
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, done{"dist-tags updated"})
}
