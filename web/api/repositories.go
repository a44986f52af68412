package api

import (
	"encoding/json"
	"net/http"

	"slipway/formats"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// listRepositories answers GET /repositories: those that the caller may read.
func (h *handlers) listRepositories(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	repos, next, err := h.svc.Repositories(r.Context(), page)
	if err != nil {
		return err
	}
	out := list[repositoryJSON]{Items: make([]repositoryJSON, len(repos)), Next: next}
	for i, repo := range repos {
		out.Items[i] = repositoryOf(repo)
	}
	return formats.JSON(w, http.StatusOK, out)
}

// repositoryChange is the body of POST and PATCH. Absent fields keep what is there.
type repositoryChange struct {
	Name        string          `json:"name"`
	Description *string         `json:"description"`
	Upstreams   []string        `json:"upstreams"`
	Settings    json.RawMessage `json:"settings"`
}

// change merges the settings that are named into those that hold.
func (c repositoryChange) change() registry.RepositoryChange {
	out := registry.RepositoryChange{Description: c.Description, Upstreams: c.Upstreams}
	if c.Settings != nil {
		out.Settings = func(now *registry.RepositorySettings) error {
			settings := settingsJSON(*now)
			err := wire.DecodeObject(c.Settings, &settings)
			*now = registry.RepositorySettings(settings)
			return err
		}
	}
	return out
}

// createRepository answers POST /repositories {"name","description","settings"}: 201 with the repository.
func (h *handlers) createRepository(w http.ResponseWriter, r *http.Request) error {
	var body repositoryChange
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	repo, err := h.svc.CreateRepository(r.Context(), body.Name, body.change())
	if err != nil {
		return err
	}
	h.location(w, r, "repositories", repo.Name)
	return formats.JSON(w, http.StatusCreated, repositoryOf(repo))
}

// getRepository answers GET /repositories/{repository}.
func (h *handlers) getRepository(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	repo, err := h.svc.Repository(r.Context(), name)
	return writeOne(w, http.StatusOK, repo, err, repositoryOf)
}

// changeRepository answers PATCH /repositories/{repository}: 200 with the repository. A name can't change.
func (h *handlers) changeRepository(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	var body repositoryChange
	in.body(&body)
	in.unchanged(body.Name, name, "a repository")
	if in.err != nil {
		return in.err
	}
	repo, err := h.svc.UpdateRepository(r.Context(), name, body.change())
	return writeOne(w, http.StatusOK, repo, err, repositoryOf)
}

// deleteRepository answers DELETE /repositories/{repository}: 204; 409 while it holds versions.
func (h *handlers) deleteRepository(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.DeleteRepository(r.Context(), name))
}
