package api

import (
	"context"
	"encoding/json"
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// repositoryRoutes are the endpoints of repositories.
func (h *handlers) repositoryRoutes() []endpoint {
	repositoryExample := h.repositoryExample()
	return []endpoint{
		{"GET", "/repositories", "api.repositories.list", h.listRepositories, openapi.Operation{
			Rights: anyCaller, ID: "listRepositories", Group: "Repositories", Summary: "List the repositories that you may read",
			Query: paged(), Answers: success("The repositories, by name.", api.List[api.Repository]{Items: []api.Repository{repositoryExample}, Next: "main"})}},
		{"POST", "/repositories", "api.repositories.create", h.createRepository, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "createRepository", Group: "Repositories", Summary: "Make a repository",
			Request: openapi.Takes[api.NewRepository](`{"name":"team-a","description":"what team A builds","settings":{"allow_reuse":true}}`, "name"),
			Answers: created("The repository.", repositoryExample, locationOf), Errors: []int{http.StatusConflict}}},
		{"GET", repositoryPath, "api.repositories.get", h.getRepository, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getRepository", Group: "Repositories", Summary: "Show a repository", Answers: success("The repository.", repositoryExample)}},
		{"PATCH", repositoryPath, "api.repositories.change", h.changeRepository, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "changeRepository", Group: "Repositories", Summary: "Change a repository",
			About:   "What the body does not name stays, also within `settings`; `upstreams` replace all that there are. A name can't change.",
			Request: openapi.Takes[api.RepositoryChange](`{"settings":{"allow_reuse":true}}`),
			Answers: success("The repository.", repositoryExample)}},
		{"DELETE", repositoryPath, "api.repositories.delete", h.deleteRepository, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "deleteRepository", Group: "Repositories", Summary: "Delete a repository",
			About: "Refused with 409 while it holds versions.", Answers: empty("It is gone."), Errors: []int{http.StatusConflict}}},
		{"POST", repositoryPath + "/restore", "api.repositories.restore", h.restoreRepository, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "restoreRepository", Group: "Repositories", Summary: "Restore a deleted repository",
			About:   "It comes back with its settings and without versions, which can be restored one by one. 404 where none of the name was deleted in the time for which versions are kept, 409 where another has the name.",
			Answers: success("The repository.", h.repositoryExample()), Errors: []int{http.StatusConflict}}},
	}
}

// repositoryExample has the settings of the formats that are served.
func (h *handlers) repositoryExample() api.Repository {
	repo := registry.Repository{Name: "main", Description: "everything we release"}
	out := h.repositoryWith(repo, []api.Upstream{upstreamExample})
	out.Settings[registry.AllowReuse.Name] = true
	out.CreatedAt = momentExample
	return out
}

func (h *handlers) repositoryWith(r registry.Repository, list []api.Upstream) api.Repository {
	return api.Repository{
		Name: r.Name, Description: r.Description, Upstreams: list,
		Settings: h.svc.Core.Rules.SettingsIn(r), CreatedAt: timeText(r.CreatedAt),
	}
}

// repositoryOf is a repository with those of its upstreams that the caller may see.
func (h *handlers) repositoryOf(ctx context.Context, r registry.Repository) (api.Repository, error) {
	list, err := h.upstreamsOf(ctx, r.Name)
	if registry.KindOf(err) == registry.NotFound {
		err = nil // deleted a moment ago
	}
	return h.repositoryWith(r, list), err
}

// writeRepository answers with a repository, unless there was an error.
func (h *handlers) writeRepository(w http.ResponseWriter, r *http.Request, status int, repo registry.Repository, err error) error {
	if err != nil {
		return err
	}
	out, err := h.repositoryOf(r.Context(), repo)
	if err != nil {
		return err
	}
	return httpserver.JSON(w, status, out)
}

// listRepositories answers GET /repositories: those that the caller may read.
func (h *handlers) listRepositories(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	repos, next, err := h.svc.Core.Repositories(r.Context(), page)
	if err != nil {
		return err
	}
	out := api.List[api.Repository]{Items: make([]api.Repository, len(repos)), Next: next}
	for i, repo := range repos {
		if out.Items[i], err = h.repositoryOf(r.Context(), repo); err != nil {
			return err
		}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// repositoryChangeOf leaves the values of the settings to the core, which knows their types. Invalid.
func (h *handlers) repositoryChangeOf(ctx context.Context, c api.RepositoryChange) (registry.RepositoryChange, error) {
	out := registry.RepositoryChange{Description: c.Description}
	if c.Upstreams != nil {
		list, err := h.upstreamListOf(c.Upstreams)
		if err != nil {
			return out, err
		}
		out.Also = h.svc.Upstreams.Replacing(ctx, list)
	}
	if c.Settings == nil {
		return out, nil
	}
	var settings map[string]json.RawMessage
	if err := wire.DecodeObject(c.Settings, &settings); err != nil {
		return out, err
	}
	out.Settings = map[string]any{}
	for name, value := range settings {
		out.Settings[name] = value
	}
	return out, nil
}

// createRepository answers POST /repositories {"name","description","settings","upstreams"}: 201 with the repository.
func (h *handlers) createRepository(w http.ResponseWriter, r *http.Request) error {
	var body api.NewRepository
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	change, err := h.repositoryChangeOf(r.Context(), api.RepositoryChange(body))
	if err != nil {
		return err
	}
	repo, err := h.svc.Core.CreateRepository(r.Context(), body.Name, change)
	if err != nil {
		return err
	}
	h.location(w, r, "repositories", repo.Name)
	return h.writeRepository(w, r, http.StatusCreated, repo, nil)
}

// getRepository answers GET /repositories/{repository}.
func (h *handlers) getRepository(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	repo, err := h.svc.Core.Repository(r.Context(), name)
	return h.writeRepository(w, r, http.StatusOK, repo, err)
}

// changeRepository answers PATCH /repositories/{repository}: 200 with the repository. A name can't change.
func (h *handlers) changeRepository(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	var body api.RepositoryChange
	in.body(&body)
	in.unchanged(body.Name, name, "a repository")
	if in.err != nil {
		return in.err
	}
	change, err := h.repositoryChangeOf(r.Context(), body)
	if err != nil {
		return err
	}
	repo, err := h.svc.Core.UpdateRepository(r.Context(), name, change)
	return h.writeRepository(w, r, http.StatusOK, repo, err)
}

// deleteRepository answers DELETE /repositories/{repository}: 204; 409 while it holds versions.
func (h *handlers) deleteRepository(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Maintain.DeleteRepository(r.Context(), name))
}

// restoreRepository answers POST /repositories/{repository}/restore: 200 with the repository.
func (h *handlers) restoreRepository(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	repo, err := h.svc.Maintain.RestoreRepository(r.Context(), name)
	return h.writeRepository(w, r, http.StatusOK, repo, err)
}
