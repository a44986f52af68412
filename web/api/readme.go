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

// getReadme answers GET …/versions/{version}/readme?as_of=. The format knows where the text is.
func (h *handlers) getReadme(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, when := in.coordinate(), in.asOf()
	if in.err != nil {
		return in.err
	}
	d, err := h.detail(r.Context(), at, when)
	if err != nil {
		return err
	}
	if !when.IsNow() {
		d.Package.Descriptor = nil // it has what was published last
	}
	var found registry.Readme
	if find := h.svc.Core.Rules[at.Format].Readme; find != nil {
		found = find(d.Package, d.Files)
	}
	if found.Path != "" {
		if err := h.readReadme(r, at, then(d.Files, when), &found); err != nil {
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

// readReadme reads the text out of its file, one of those that the version had then, nil: has now. Bytes that are not here, or that a rule refuses, are not
// read for it.
func (h *handlers) readReadme(r *http.Request, at registry.Coordinate, files []registry.File, found *registry.Readme) error {
	limit := cmp.Or(found.Limit, maxReadmeFileBytes)
	content, err := here{h, at, files}.Open(r.Context(), at.Version, found.Path, limit)
	if content == nil || err != nil {
		return err
	}
	defer content.Close()
	if err := httpserver.Hold(r.Context(), limit); err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(content, limit))
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
