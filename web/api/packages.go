package api

import (
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// packageRoutes are the endpoints of a repository's packages.
func (h *handlers) packageRoutes() []endpoint {
	return []endpoint{
		{"GET", repositoryPath + "/packages", "api.packages.list", h.listPackages, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "listPackages", Group: "Versions", Summary: "List the packages of a repository",
			Query: paged(openapi.Param{Name: "format", About: "Packages of this format only."},
				openapi.Param{Name: "q", About: "Packages whose name contains this text; a page may then have few items or none although there is a `next`."},
				openapi.Param{Name: "sort", About: "By what: `name`, also if absent; `newest`, those first that changed last; or `size`, the largest first, as they were counted last. With the last two only packages of the repository itself, and no `q`.",
					Of: openapi.Object{"type": "string", "enum": []string{"name", sortNewest, sortSize}}}, asOfParam),
			About:   "With `as_of`, the packages that the repository itself had then, by name: how many versions they had, the newest of them, and when the last was published; a page may then have few items or none although there is a `next`.",
			Answers: success("The packages, by format and name or as `sort` says.", api.List[api.Package]{Items: []api.Package{packageExample}})}},
		{"GET", packagePath, "api.packages.get", h.getPackage, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getPackage", Group: "Versions", Summary: "Show a package", Answers: success("The package.", packageExample)}},
	}
}

var packageExample = api.Package{Format: "npm", Name: "@acme/web", Latest: "1.4.2", Versions: 3, CreatedAt: momentExample, UpdatedAt: laterExample}

func packageOf(p registry.Package) api.Package {
	return api.Package{Format: p.Format, Name: p.Name, Latest: p.Latest, Versions: p.VersionCount - p.Attached, Attached: p.Attached, Size: p.Size,
		CreatedAt: timeText(p.CreatedAt), UpdatedAt: timeText(p.UpdatedAt)}
}

// getPackage answers GET …/packages/{format}/{package}.
func (h *handlers) getPackage(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.name()
	if in.err != nil {
		return in.err
	}
	p, err := h.svc.Everything.Package(r.Context(), at)
	return writeOne(w, http.StatusOK, p, err, packageOf)
}

// Orders of packages, beside that of their names.
const (
	sortNewest = "newest"
	sortSize   = "size"
)

// sortedPackages answers listPackages in another order than that of the names.
func (h *handlers) sortedPackages(w http.ResponseWriter, r *http.Request, repository, sort string, pq catalog.PackageQuery) error {
	by, ok := map[string]string{sortNewest: catalog.Newest, sortSize: catalog.Largest}[sort]
	if !ok {
		return wire.Invalid("sort is name, %s or %s, not %.40q", sortNewest, sortSize, sort)
	}
	list, next, err := h.svc.Catalog.PackagesBy(r.Context(), repository, by, pq)
	if err != nil {
		return err
	}
	out := api.List[api.Package]{Items: make([]api.Package, len(list)), Next: next}
	for i, p := range list {
		out.Items[i] = packageOf(p)
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// foundPackages answers listPackages where packages are looked for by a part of their names, or at a past moment.
func (h *handlers) foundPackages(w http.ResponseWriter, r *http.Request, repository, part string, pq catalog.PackageQuery, when registry.AsOf) (err error) {
	var found []registry.Package
	var next string
	if when.IsNow() {
		found, next, err = h.svc.Everything.FindPackages(r.Context(), repository, part, pq)
	} else {
		found, next, err = h.svc.History.PackagesThen(r.Context(), repository, part, pq, when)
	}
	if err != nil {
		return err
	}
	out := api.List[api.Package]{Items: make([]api.Package, len(found)), Next: next}
	for i, p := range found {
		out.Items[i] = packageOf(p)
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// listPackages answers GET /repositories/{repository}/packages?format=&q=&sort=: q is a literal part of the name, and then a page
// may be short although there is a next one.
func (h *handlers) listPackages(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, page := in.segment("repository"), in.page()
	pq := catalog.PackageQuery{Format: in.text("format")}
	part, sort, when := in.text("q"), in.text("sort"), in.asOf()
	if sort != "" && sort != "name" && part != "" && in.err == nil {
		in.err = wire.Invalid("q goes with the order of names")
	}
	if !when.IsNow() && sort != "" && sort != "name" && in.err == nil {
		in.err = wire.Invalid("as_of goes with the order of names")
	}
	if in.err != nil {
		return in.err
	}
	if !when.IsNow() || part != "" {
		pq.After, pq.Limit = page.After, page.Limit
		return h.foundPackages(w, r, repository, part, pq, when)
	}
	if sort != "" && sort != "name" {
		pq.After, pq.Limit = page.After, page.Limit
		return h.sortedPackages(w, r, repository, sort, pq)
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Package, error) {
		pq.After, pq.Limit = p.After, p.Limit
		return h.svc.Everything.Packages(r.Context(), repository, pq)
	}, func(p registry.Package) string { return p.Format + "/" + p.Key }, packageOf)
}
