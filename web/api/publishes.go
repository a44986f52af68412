package api

import (
	"net/http"

	"slipway/formats"
)

// A publish is what clients staged with the header X-Slipway-Publish: <id>. Only who staged it sees it. ?repository= names
// the repository where several hold a publish of that id.

type publishJSON struct {
	ID         string           `json:"id"`
	Repository string           `json:"repository"`
	CreatedAt  string           `json:"created_at"`
	UpdatedAt  string           `json:"updated_at"`
	Files      []stagedFileJSON `json:"files"`
}

type stagedFileJSON struct {
	Format  string `json:"format"`
	Package string `json:"package"`
	Version string `json:"version"`
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	AddedAt string `json:"added_at"`
}

// publishedJSON is a version as the commit of a publish left it. Created is false where the very same content was there.
type publishedJSON struct {
	PURL    string `json:"purl"`
	Format  string `json:"format"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest,omitempty"` // absent where it is left out until someone asks for the version
	Created bool   `json:"created"`
}

// commitPublish answers POST /publishes/{id}/commit: 200 with the versions, which all appeared at one moment, or an error
// and nothing changed.
func (h *handlers) commitPublish(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, repository := in.segment("id"), in.text("repository")
	if in.err != nil {
		return in.err
	}
	published, err := h.svc.CommitPublish(r.Context(), repository, id)
	if err != nil {
		return err
	}
	out := list[publishedJSON]{Items: make([]publishedJSON, len(published))}
	for i, p := range published {
		out.Items[i] = publishedJSON{PURL: p.Version.PURL, Format: p.At.Format, Name: p.At.Display, Version: p.At.Version,
			Digest: p.Version.Digest.String(), Created: p.Created}
	}
	return formats.JSON(w, http.StatusOK, out)
}

// getPublish answers GET /publishes/{id}: what is staged.
func (h *handlers) getPublish(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, repository := in.segment("id"), in.text("repository")
	if in.err != nil {
		return in.err
	}
	key, set, files, err := h.svc.StagedPublish(r.Context(), repository, id)
	if err != nil {
		return err
	}
	out := publishJSON{ID: id, Repository: key.Repository, CreatedAt: timeText(set.CreatedAt), UpdatedAt: timeText(set.UpdatedAt),
		Files: make([]stagedFileJSON, len(files))}
	for i, f := range files {
		out.Files[i] = stagedFileJSON{Format: f.Format, Package: f.Display, Version: f.Version, Path: f.Path, Size: f.Blob.Size,
			SHA256: f.Blob.Digest.Encoded(), AddedAt: timeText(f.AddedAt)}
	}
	return formats.JSON(w, http.StatusOK, out)
}

// dropPublish answers DELETE /publishes/{id}: 204, and nothing of it was ever visible.
func (h *handlers) dropPublish(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, repository := in.segment("id"), in.text("repository")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.DropPublish(r.Context(), repository, id))
}
