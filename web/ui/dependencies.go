package ui

import (
	"net/http"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// dependentsLimit is how many dependents a page has.
const dependentsLimit = 50

// dependenciesView has the values of the page of what a package needs and of who needs it.
type dependenciesView struct {
	packageFrame
	Version    string // whose dependencies are shown; "": there is none
	Said       *describedView
	Dependents []api.Dependent
	Next       string
}

// packageDependencies answers GET /r/{repository}/{format}/{package}/-/dependencies?after=: what the newest version needs, and the packages of this
// server that need the package.
func (u *Pages) packageDependencies(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	about, err := u.aboutPackage(r, "dependencies")
	if err != nil {
		return err
	}
	v := dependenciesView{packageFrame: about}
	page, err := pageOf(q, dependentsLimit)
	if err != nil {
		return err
	}
	for d, err := range u.api.Dependents(client.OnePage(r.Context(), &page), v.At) {
		if err != nil {
			return err
		}
		v.Dependents = append(v.Dependents, d)
	}
	v.Next = v.next(page)
	if v.Version = v.Package.Latest; v.Version != "" {
		version, err := u.api.Version(r.Context(), v.At, v.Version)
		if err != nil && !client.IsStatus(err, http.StatusNotFound) {
			return err
		}
		if err == nil {
			if v.Said, err = u.describe(r, v.At, version, nil); err != nil {
				return err
			}
		}
	}
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.about("Dependencies of "+v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "dependents")
	return write(w, r, http.StatusOK, "dependencies", v)
}
