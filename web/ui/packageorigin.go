package ui

import (
	"net/http"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

const managedLimit = 50 // versions of a page with forms

// originPath is the path of the page that says where a package comes from.
func originPath(repository, format, name string) string {
	return packagePath(repository, format, name) + "/-/origin"
}

// managePath is the path of the page with the forms that change a version.
func managePath(repository, format, name, version string) string {
	return versionPath(repository, format, name, version) + "/-/manage"
}

func (u *Pages) packageSettingPages() []page {
	return []page{
		{path: packageRoute + "/v/{version}/-/manage", name: "web.version.manage", show: u.manage, act: u.changeVersion},
		{path: packageRoute + "/-/origin", name: "web.package.origin", show: u.origin, act: u.changeOrigin},
		{path: packageRoute + "/-/settings", name: "web.package.settings", show: u.packageSettings},
	}
}

// placeItem is a place of a package with why it does not answer, in words.
type placeItem struct {
	api.Place
	Words string
}

// placeWords say why a place does not answer.
var placeWords = map[string]string{
	"narrowed": "the formats or patterns of an upstream on the way leave the name out", "absent": "it does not have it, or was not asked for it yet", "emptied": "all that it had is deleted",
	"shadowed": "an earlier place answers alone", "published": "the name is published here", "claimed": "a claim reserves the name", "owned": "a registry that owns names has it",
	"elsewhere": "the name stays with the registry that it first came from", "origin": "an administrator has it come from somewhere else", "silent": "it does not answer now",
}

// originForm is what the form of an origin says.
type originForm struct{ Origin, Upstream, Reason, Expires string }

// originView has the values of the page that says where a package comes from.
type originView struct {
	packageFrame
	Resolution api.Resolution
	Places     []placeItem
	Version    string // ?version=
	Admin      bool
	Form       originForm
	Origins    []choice
	Refreshed  bool
	Error      string
}

var origins = []choice{{Value: "published", Text: "published: what is published here only"}, {Value: "upstream", Text: "upstream: from registries elsewhere only"}, {Value: "both", Text: "both together"}}

// origin answers GET /r/{repository}/{format}/{package}/-/origin?version=: which places answer for the package, and why others do not.
func (u *Pages) origin(w http.ResponseWriter, r *http.Request) error {
	return u.writeOrigin(w, r, http.StatusOK, originView{})
}

func (u *Pages) writeOrigin(w http.ResponseWriter, r *http.Request, status int, v originView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	if v.packageFrame, err = u.aboutPackage(r, "origin"); err != nil {
		return err
	}
	if v.Version, err = q.Text("version"); err != nil {
		return err
	}
	if v.Resolution, err = u.api.Resolution(r.Context(), v.At, v.Version); err != nil {
		return err
	}
	for _, p := range v.Resolution.Places {
		v.Places = append(v.Places, placeItem{p, placeWords[p.Why]})
	}
	v.Admin, v.Origins = administers(r, v.At.Repository), chosen(origins, v.Form.Origin)
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.about("Where "+v.At.Name+" comes from", "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "resolution")
	return write(w, r, status, "origin", v)
}

// changeOrigin answers POST of the same page: it says where the package may come from, or lets registries elsewhere be asked for it anew.
func (u *Pages) changeOrigin(w http.ResponseWriter, r *http.Request) error {
	at, err := packageAt(r)
	if err != nil {
		return err
	}
	v, text := originView{}, posted(r)
	switch text("do") {
	case "set":
		v.Form = originForm{Origin: text("origin"), Upstream: text("upstream"), Reason: text("reason"), Expires: text("expires")}
		change := api.OriginChange{Origin: v.Form.Origin, Upstream: v.Form.Upstream, Reason: v.Form.Reason}
		if change.ExpiresAt, err = momentField("when it ends", v.Form.Expires); err == nil {
			err = u.api.SetOrigin(r.Context(), at, change)
		}
	case "clear":
		err = u.api.ClearOrigin(r.Context(), at)
	case "refresh":
		if _, err = u.api.Refresh(r.Context(), at.Repository, at.Format, at.Name); err == nil {
			v.Refreshed = true
			return u.writeOrigin(w, r, http.StatusOK, v)
		}
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		v.Error = detail
		return u.writeOrigin(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, originPath(at.Repository, at.Format, at.Name))
}

// packageSettings answers GET /r/{repository}/{format}/{package}/-/settings?after=: its versions, also deleted ones, with ways to change them.
func (u *Pages) packageSettings(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	about, err := u.aboutPackage(r, "settings")
	if err != nil {
		return err
	}
	v := struct {
		packageFrame
		Versions []api.VersionSummary
		Next     string
		Origin   *api.Origin
		Rights   versionRights
	}{packageFrame: about, Rights: versionRightsOf(r, about.At.Repository)}
	page, err := pageOf(q, managedLimit)
	if err != nil {
		return err
	}
	for version, err := range u.api.Versions(client.OnePage(r.Context(), &page), v.At, client.VersionFilter{Deleted: true, Attached: true}) {
		if err != nil {
			return err
		}
		v.Versions = append(v.Versions, version)
	}
	v.Next = v.next(page)
	resolution, err := u.api.Resolution(r.Context(), v.At, "")
	if err != nil {
		return err
	}
	v.Origin = resolution.Origin
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.about("Settings of "+v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "versions")
	return write(w, r, http.StatusOK, "package-settings", v)
}

// versionRights are what a visitor may do with the versions of a repository.
type versionRights struct{ Publish, Delete, Restore, Promote bool }

// Any reports whether there is anything.
func (v versionRights) Any() bool { return v.Publish || v.Delete || v.Restore }

func versionRightsOf(r *http.Request, repository string) versionRights {
	actor := access.From(r.Context())
	may := func(a access.Action) bool { return access.Decide(actor, a, repository) == access.Allow }
	return versionRights{Publish: may(access.Publish), Delete: may(access.Delete), Restore: may(access.Publish) && may(access.Delete), Promote: actor.UserID != 0}
}
