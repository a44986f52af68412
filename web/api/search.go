package api

import (
	"net/http"

	"slipway/registry"
)

// hitJSON is a version that a query found.
type hitJSON struct {
	PURL        string `json:"purl"`
	Repository  string `json:"repository"`
	Format      string `json:"format"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	State       string `json:"state"`
	Digest      string `json:"digest,omitempty"`
	Size        int64  `json:"size"`
	PublishedAt string `json:"published_at"`
	PublishedBy string `json:"published_by"`
	Seq         int64  `json:"seq"`
}

func hitOf(h registry.Hit) hitJSON {
	v := h.Version
	return hitJSON{PURL: v.PURL, Repository: h.Repository, Format: h.Format, Name: h.Package, Version: v.Name, State: string(v.State),
		Digest: v.Digest.String(), Size: v.Size, PublishedAt: timeText(v.PublishedAt), PublishedBy: v.PublishedBy, Seq: v.Seq}
}

// search answers GET /versions?q=&as_of=: the auditors' query, newest first. The language is that of registry.ParseQuery.
func (h *handlers) search(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	s := registry.VersionSearch{Query: in.text("q"), AsOf: in.asOf()}
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Hit, error) {
		s.After, s.Limit = p.After, p.Limit
		return h.svc.Search(r.Context(), s)
	}, func(h registry.Hit) string { return numberText(h.Version.Seq) }, hitOf)
}
