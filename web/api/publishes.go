package api

import (
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/web/openapi"
)

// publishRoutes are the endpoints of publishes. A publish is the files staged with the header X-Slipway-Publish: <id>. Only
// the user who staged it sees it. ?repository= selects one of several repositories that hold a publish of that id.
func (h *handlers) publishRoutes() []endpoint {
	return []endpoint{
		{"GET", "/publishes", "api.publishes.list", h.listPublishes, openapi.Operation{
			Rights: anyCaller, ID: "listPublishes", Group: "Publishes", Summary: "List what you have sent and others do not see yet",
			About:   "Publishes, and versions whose clients have not sent everything (Maven). Of a user, those of the user's tokens too. The least recently changed first, at most 100.",
			Query:   []openapi.Param{{Name: "all", About: "Those of all users, for auditors of the server.", Of: openapi.Object{"type": "boolean", "default": false}}},
			Answers: success("What waits.", api.List[api.WaitingPublish]{Items: []api.WaitingPublish{waitingExample}}), Errors: []int{http.StatusForbidden}}},
		{"GET", "/publishes/{id}", "api.publishes.get", h.getPublish, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "getPublish", Group: "Publishes", Summary: "Show what is staged",
			Query: []openapi.Param{publishIn}, Answers: success("What waits for the commit.", publishExample)}},
		{"DELETE", "/publishes/{id}", "api.publishes.drop", h.dropPublish, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "dropPublish", Group: "Publishes", Summary: "Give up what is staged",
			Query: []openapi.Param{publishIn}, Answers: empty("Nothing of it was ever visible.")}},
		{"POST", "/publishes/{id}/commit", "api.publishes.commit", h.commitPublish, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "commitPublish", Group: "Publishes", Summary: "Show everything that is staged, at one moment",
			About: "All versions appear, or with an error none does. Who asks again within a day gets the same answer.", Query: []openapi.Param{publishIn}, Errors: []int{http.StatusConflict},
			Answers: success("The versions.", api.List[api.PublishedVersion]{Items: []api.PublishedVersion{{PURL: versionExample.PURL, Format: "npm", Name: "@acme/web", Version: "1.4.2",
				Digest: digestExample, Created: true}}})}},
	}
}

var publishIn = openapi.Param{Name: "repository", About: "The repository, where several hold a publish of this id."}

var publishExample = api.Publish{
	ID: "release-7", Repository: "main", CreatedAt: momentExample, UpdatedAt: laterExample,
	Files: []api.StagedFile{{Format: "raw", Package: "tool", Version: "1.2.0", Path: "tool.tar.gz", Size: 20_480,
		SHA256: digestExample[len("sha256:"):], AddedAt: momentExample}},
}

var waitingExample = api.WaitingPublish{
	Repository: "main", Format: "maven", Package: "com.acme:lib", Version: "1.4.2", Files: 2, By: "token ci of user jane", CreatedAt: momentExample, UpdatedAt: laterExample,
	WaitsFor: "the POM", EndsAt: laterExample,
}

// listPublishes answers GET /publishes?all=: what the caller has under way, or all users have.
func (h *handlers) listPublishes(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	list := h.svc.Staging.Waiting
	if in.flag("all") {
		list = h.svc.Staging.AllWaiting
	}
	if in.err != nil {
		return in.err
	}
	waiting, err := list(r.Context())
	if err != nil {
		return err
	}
	out := api.List[api.WaitingPublish]{Items: make([]api.WaitingPublish, len(waiting))}
	for i, p := range waiting {
		out.Items[i] = api.WaitingPublish{ID: p.Publish, Repository: p.At.Repository, Format: p.At.Format, Package: p.At.Display, Version: p.At.Version, Files: p.Files, By: p.Owner,
			CreatedAt: timeText(p.CreatedAt), UpdatedAt: timeText(p.UpdatedAt), WaitsFor: p.For, EndsAt: timeText(p.EndsAt)}
		if !p.VisibleAt.IsZero() {
			out.Items[i].VisibleAt = timeText(p.VisibleAt)
		}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// commitPublish answers POST /publishes/{id}/commit: 200 with the versions, which became visible together, or an error and no
// change.
func (h *handlers) commitPublish(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, repository := in.segment("id"), in.text("repository")
	if in.err != nil {
		return in.err
	}
	published, err := h.svc.Staging.CommitPublish(r.Context(), repository, id)
	if err != nil {
		return err
	}
	out := api.List[api.PublishedVersion]{Items: make([]api.PublishedVersion, len(published))}
	for i, p := range published {
		out.Items[i] = api.PublishedVersion{PURL: p.Version.PURL, Format: p.At.Format, Name: p.At.Display, Version: p.At.Version,
			Digest: api.Digest(p.Version.Digest), Created: p.Created}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// getPublish answers GET /publishes/{id}: what is staged.
func (h *handlers) getPublish(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, repository := in.segment("id"), in.text("repository")
	if in.err != nil {
		return in.err
	}
	key, set, files, err := h.svc.Staging.StagedPublish(r.Context(), repository, id)
	if err != nil {
		return err
	}
	out := api.Publish{ID: id, Repository: key.Repository, CreatedAt: timeText(set.CreatedAt), UpdatedAt: timeText(set.UpdatedAt),
		Files: make([]api.StagedFile, len(files))}
	for i, f := range files {
		out.Files[i] = api.StagedFile{Format: f.Format, Package: f.Display, Version: f.Version, Path: f.Path, Size: f.Blob.Size,
			SHA256: f.Blob.Digest.Encoded(), AddedAt: timeText(f.AddedAt)}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// dropPublish answers DELETE /publishes/{id}: 204, and nothing of it was ever visible.
func (h *handlers) dropPublish(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, repository := in.segment("id"), in.text("repository")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Staging.DropPublish(r.Context(), repository, id))
}
