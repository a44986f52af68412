package api

import (
	"net/http"

	"slipway/api"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/web/openapi"
)

// deletionRoutes are the endpoints of what is not there any more.
func (h *handlers) deletionRoutes() []endpoint {
	return []endpoint{
		{"GET", versionPath + "/deletion", "api.versions.deletion", h.getVersionDeletion, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getVersionDeletion", Group: "Versions", Summary: "Show who deleted a version, when and why",
			About: "404 where it was never there, and where it is there.", Answers: success("How it was deleted.", deletionExample)}},
		{"GET", repositoryPath + "/deletion", "api.repositories.deletion", h.getRepositoryDeletion, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getRepositoryDeletion", Group: "Repositories", Summary: "Show who deleted a repository, when and why",
			About: "404 where there was never one of the name, and where it is there.", Answers: success("How it was deleted.", deletionExample)}},
	}
}

var deletionExample = api.Deletion{Seq: 97, At: laterExample, By: "user jane", Reason: "leaked a key", Restorable: true, RestorableUntil: "2026-01-16T10:00:00.000000Z"}

func (h *handlers) deletionOf(d catalog.Deletion) api.Deletion {
	out := api.Deletion{Seq: d.Seq, By: d.By, Reason: d.Reason, Restorable: d.Kept}
	if !d.At.IsZero() {
		out.At = timeText(d.At)
	}
	if until := d.Since.Add(h.svc.Maintain.DeletedGrace()); d.Kept && !d.Since.IsZero() && h.svc.Core.Now().Before(until) {
		out.RestorableUntil = timeText(until)
	}
	return out
}

// getVersionDeletion answers GET …/versions/{version}/deletion.
func (h *handlers) getVersionDeletion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.History.VersionDeletion(r.Context(), at)
	return writeOne(w, http.StatusOK, d, err, h.deletionOf) // until a collection takes the files, also after the time
}

// getRepositoryDeletion answers GET /repositories/{repository}/deletion.
func (h *handlers) getRepositoryDeletion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.History.RepositoryDeletion(r.Context(), name)
	return writeOne(w, http.StatusOK, d, err, func(d catalog.Deletion) api.Deletion {
		out := h.deletionOf(d)
		out.Restorable = out.RestorableUntil != ""
		return out
	})
}
