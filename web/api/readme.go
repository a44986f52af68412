package api

import (
	"cmp"
	"io"
	"net/http"
	"strings"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
)

// Bounds of a readme: of the text that is sent, and of the file that it is looked for in.
const (
	maxReadmeBytes     = 256 << 10
	maxReadmeFileBytes = 1 << 20
)

var readmeExample = api.Readme{Text: "# web\n\nThe shop.", MediaType: "text/markdown"}

// getReadme answers GET …/versions/{version}/readme. The format knows where the text is.
func (h *handlers) getReadme(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Everything.VersionDetail(r.Context(), at)
	if err != nil {
		return err
	}
	var found registry.Readme
	if find := h.svc.Core.Rules[at.Format].Readme; find != nil {
		found = find(d.Package, d.Files)
	}
	if found.Path != "" {
		if err := h.readReadme(r, at, &found); err != nil {
			return err
		}
	}
	if strings.TrimSpace(found.Text) == "" {
		return registry.Errorf(registry.NotFound, registry.AboutFile, "version %q has no readme", registry.Clip(at.Version))
	}
	out := api.Readme{Text: strings.ToValidUTF8(found.Text, "\ufffd"), MediaType: cmp.Or(found.MediaType, "text/plain"), Path: found.Path}
	if len(out.Text) > maxReadmeBytes {
		out.Text, out.Cut = strings.ToValidUTF8(out.Text[:maxReadmeBytes], ""), true
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// readReadme reads the text out of its file. Bytes that a rule refuses, or that only a registry elsewhere has, are not read for it.
func (h *handlers) readReadme(r *http.Request, at registry.Coordinate, found *registry.Readme) error {
	f, err := h.svc.Reader.File(r.Context(), at, found.Path)
	if err != nil {
		return err
	}
	if f.Blob.ID == 0 {
		return nil
	}
	if err := httpserver.Hold(r.Context(), min(f.Blob.Size, maxReadmeFileBytes)); err != nil {
		return err
	}
	content, err := h.svc.Reader.Open(r.Context(), f, 0, min(f.Blob.Size, maxReadmeFileBytes))
	if err != nil {
		return err
	}
	defer content.Close()
	raw, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if found.Parse == nil {
		found.Text = string(raw)
		return nil
	}
	text, mediaType := found.Parse(raw)
	found.Text, found.MediaType = text, cmp.Or(mediaType, found.MediaType)
	return nil
}
