package api

import (
	"net/http"
	"strconv"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/dependents"
	"slipway/web/openapi"
)

// dependentRoutes are the endpoints of who needs what.
func (h *handlers) dependentRoutes() []endpoint {
	return []endpoint{
		{"GET", packagePath + "/dependents", "api.packages.dependents", h.listDependents, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "listDependents", Group: "Versions", Summary: "List the packages of this server that need a package",
			About: "In all repositories that you may read, by what their versions declare; of each, the version that was published last among those that need it. The package itself need not be here. " +
				"Declarations are read behind the log: of a version that was published within the last minute, or while many were, they may be missing. npm, PyPI and Maven packages declare what they need.",
			Query: paged(), Answers: success("The packages.", api.List[api.Dependent]{Items: []api.Dependent{dependentExample}})}},
	}
}

var dependentExample = api.Dependent{Repository: "main", Format: "npm", Name: "@acme/shop", Version: "2.0.0", PublishedAt: momentExample, Requirement: "^1.4.0", Scope: "development"}

// listDependents answers GET …/packages/{format}/{package}/dependents.
func (h *handlers) listDependents(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, page := in.name(), in.numbered()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]dependents.Dependent, error) {
		after, _ := strconv.ParseInt(p.After, 10, 64) // numbered has read it; "" is 0
		return h.svc.Dependents.Of(r.Context(), at, after, p.Limit)
	}, func(d dependents.Dependent) string { return numberText(d.Package.ID) }, dependentOf)
}

func dependentOf(d dependents.Dependent) api.Dependent {
	return api.Dependent{Repository: d.Package.Repository, Format: d.Package.Format, Name: d.Package.Name, Version: d.Version.Name, PublishedAt: timeText(d.Version.PublishedAt),
		Requirement: d.Requirement, Scope: d.Scope}
}
