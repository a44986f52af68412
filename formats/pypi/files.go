package pypi

import (
	"net/http"
	"strings"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
)

// file answers GET /pypi/<repository>/files/<sha256>/<filename> and the same with .metadata (PEP 658): the bytes, never
// encoded, for the project in the file's name. With .metadata the digest in the path is still that of the distribution.
func (h *handlers) file(w http.ResponseWriter, r *http.Request, t target) error {
	if _, err := h.site.Parts.Core.Repository(r.Context(), t.repository); err != nil {
		return err
	}
	f, err := h.find(r, t)
	if err != nil {
		return err
	}
	return h.site.ServeFile(w, r, f, httpserver.FileOptions{ContentType: "application/octet-stream", CacheControl: httpserver.ImmutableCache, Redirect: true})
}

// find looks a file up in each project that its name may belong to.
func (h *handlers) find(r *http.Request, t target) (registry.File, error) {
	gone := registry.Errorf(registry.NotFound, registry.AboutFile, "there is no file %q with this sha256 here", formats.Clip(t.file))
	text, wantsMetadata := strings.CutSuffix(t.file, metadataSuffix)
	name, err := parseFilename(text)
	if err != nil {
		return registry.File{}, gone
	}
	for _, read := range name.reads {
		at, err := registry.NewName(t.repository, formatName, read.project, "")
		if err != nil {
			return registry.File{}, gone
		}
		f, err := h.site.Parts.Catalog.File(r.Context(), at.At(""), text)
		if registry.KindOf(err) == registry.NotFound && err != nil {
			continue
		}
		if err != nil {
			return f, err
		}
		if f.Blob.Digest.Encoded() != t.sha256 {
			continue
		}
		if !wantsMetadata {
			return f, nil
		}
		return h.site.Parts.Catalog.File(r.Context(), at.At(""), t.file)
	}
	return registry.File{}, gone
}
