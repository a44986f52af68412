package api

import (
	"context"
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/staging"
	"slipway/web/openapi"
)

// publishRoutes are the endpoints of publishes. A publish is the files staged with the header X-Slipway-Publish: <id>. It is ended by who staged
// it, by the user whose token has, and by administrators of its repository. ?repository= selects one of several repositories that hold a
// publish of that id.
func (h *handlers) publishRoutes() []endpoint {
	return []endpoint{
		{"GET", "/publishes", "api.publishes.list", h.listPublishes, openapi.Operation{
			Rights: anyCaller, ID: "listPublishes", Group: "Publishes", Summary: "List what you have sent and others do not see yet",
			About: "Publishes, and versions whose clients have not sent everything (Maven). Of a user, those of the user's tokens too. The least recently changed first, at most 100.",
			Query: []openapi.Param{{Name: "all", About: "Those of all users, for auditors of the server.", Of: openapi.Object{"type": "boolean", "default": false}},
				{Name: "repository", About: "Those in this repository; for its administrators, of all users.", Example: "main"}},
			Answers: success("What waits.", api.List[api.WaitingPublish]{Items: []api.WaitingPublish{waitingExample}}), Errors: []int{http.StatusForbidden, http.StatusNotFound}}},
		{"GET", "/publishes/{id}", "api.publishes.get", h.getPublish, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "getPublish", Group: "Publishes", Summary: "Show what is staged",
			Query: publishOf, Answers: success("What waits for the commit.", publishExample)}},
		{"DELETE", "/publishes/{id}", "api.publishes.drop", h.dropPublish, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "dropPublish", Group: "Publishes", Summary: "Give up what is staged",
			Query: publishOf, Answers: empty("Nothing of it was ever visible.")}},
		{"POST", "/publishes/{id}/commit", "api.publishes.commit", h.commitPublish, openapi.Operation{
			Rights: needs(scopeRepository, access.Publish), ID: "commitPublish", Group: "Publishes", Summary: "Show everything that is staged, at one moment",
			About: "All versions appear, or with an error none does. Who asks again within a day gets the same answer.", Query: publishOf, Errors: []int{http.StatusConflict},
			Answers: success("The versions.", api.List[api.PublishedVersion]{Items: []api.PublishedVersion{{PURL: versionExample.PURL, Format: "npm", Name: "@acme/web", Version: "1.4.2",
				Digest: digestExample, Created: true}}})}},
	}
}

var publishOf = []openapi.Param{{Name: "repository", About: "The repository, where several hold a publish of this id, or it is not yours."},
	{Name: "owner", About: "Id of the user or the token that staged it, where that is not you: the user whose token it is and administrators of the repository end it too. " +
		"Its versions are then published by you.", Example: "token:7"},
	{Name: "area", About: "The id is the `area` of a version that its format makes visible; it can be committed where nothing is missing.", Of: openapi.Object{"type": "boolean", "default": false}}}

// which reads the publish that a request names.
func which(in *input) staging.Which {
	return staging.Which{ID: in.segment("id"), Repository: in.text("repository"), Owner: in.text("owner"), Area: in.flag("area")}
}

var publishExample = api.Publish{
	ID: "release-7", Repository: "main", CreatedAt: momentExample, UpdatedAt: laterExample,
	Files: []api.StagedFile{{Format: "raw", Package: "tool", Version: "1.2.0", Path: "tool.tar.gz", Size: 20_480,
		SHA256: digestExample[len("sha256:"):], AddedAt: momentExample}},
}

var waitingExample = api.WaitingPublish{
	Area: "maven/com.acme:lib:1.4.2", Owner: "token:7", MayEnd: true, Repository: "main", Format: "maven", Package: "com.acme:lib", Version: "1.4.2", Files: 2, By: "token ci of user jane", CreatedAt: momentExample, UpdatedAt: laterExample,
	WaitsFor: "the POM", EndsAt: laterExample,
}

// listPublishes answers GET /publishes?all=&repository=: what the caller has under way, or all users have.
func (h *handlers) listPublishes(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	list := h.svc.Staging.Waiting
	if in.flag("all") {
		list = h.svc.Staging.AllWaiting
	}
	if repository := in.text("repository"); repository != "" {
		list = func(ctx context.Context) ([]staging.Waiting, error) { return h.svc.Staging.WaitingIn(ctx, repository) }
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
		out.Items[i] = api.WaitingPublish{ID: p.Publish, Area: p.Area, Owner: p.OwnerID, MayEnd: p.May, Repository: p.At.Repository, Format: p.At.Format, Package: p.At.Display, Version: p.At.Version, Files: p.Files, By: p.Owner,
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
	publish := which(in)
	if in.err != nil {
		return in.err
	}
	published, err := h.svc.Staging.CommitPublish(r.Context(), publish)
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
	publish := which(in)
	if in.err != nil {
		return in.err
	}
	key, set, files, err := h.svc.Staging.StagedPublish(r.Context(), publish)
	if err != nil {
		return err
	}
	out := api.Publish{ID: publish.ID, Repository: key.Repository, CreatedAt: timeText(set.CreatedAt), UpdatedAt: timeText(set.UpdatedAt),
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
	publish := which(in)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Staging.DropPublish(r.Context(), publish))
}
