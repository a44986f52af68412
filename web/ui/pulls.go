package ui

import (
	"net/http"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

const pullsLimit = 100 // callers of a page

// pullsPath is the path of the page that lists who downloaded a version.
func pullsPath(repository, format, name, version string) string {
	return versionPath(repository, format, name, version) + "/-/downloads"
}

func (u *Pages) pullPages() []page {
	return []page{{path: packageRoute + "/v/{version}/-/downloads", name: "web.version.downloads", show: u.pulls}}
}

// pullsView has the values of the page that lists who downloaded a version.
type pullsView struct {
	*frame
	At      client.Package
	Version string
	Pulls   []api.Pull
	Next    string
}

// mayAudit reports whether the visitor may see who downloaded the versions of a repository.
func mayAudit(r *http.Request, repository string) bool {
	return access.Decide(access.From(r.Context()), access.Audit, repository) == access.Allow
}

// pulls answers GET /r/{repository}/{format}/{package}/v/{version}/-/downloads: who downloaded a version, by name.
func (u *Pages) pulls(w http.ResponseWriter, r *http.Request) error {
	at, err := packageAt(r)
	if err != nil {
		return err
	}
	name, err := wire.Segment(r, "version")
	if err != nil {
		return err
	}
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, pullsLimit)
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := pullsView{frame: f, At: at, Version: name}
	for p, err := range u.api.Pulls(client.OnePage(r.Context(), &page), at, name) {
		if err != nil {
			return err
		}
		v.Pulls = append(v.Pulls, p)
	}
	v.Next = f.next(page)
	f.crumb(at.Repository, repositoryPath(at.Repository))
	f.crumb(at.Name, packagePath(at.Repository, at.Format, at.Name))
	f.crumb(versionName(name), versionPath(at.Repository, at.Format, at.Name, name))
	f.about("Downloads of "+at.Name+" "+versionName(name), "repositories", at.Repository, "packages", at.Format, at.Name, "versions", name, "pulls")
	return write(w, r, http.StatusOK, "pulls", v)
}
