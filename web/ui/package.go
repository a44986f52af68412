package ui

import (
	"net/http"
	"slices"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// Bounds of a package's pages.
const (
	versionsLimit = 100 // of a page
	maxTags       = 200
	historyLimit  = 50
)

// packageTabs are the parts of a package's page, by the last segment of their paths; "" is the page itself.
var packageTabs = []struct{ tab, text string }{{"", "Versions"}, {"tags", "Tags"}}

func (u *Pages) packagePages() []page {
	return []page{
		{path: packageRoute + "/-/tags", name: "web.package.tags", show: u.packageTags},
		{path: packageRoute, name: "web.package", show: u.pkg},
	}
}

// packageFrame is what the pages of a package begin with.
type packageFrame struct {
	*frame
	At      client.Package
	Package api.Package
	Tabs    []link
}

// aboutPackage reads the package of a request, and begins its page. tab is the part that is shown.
func (u *Pages) aboutPackage(r *http.Request, tab string) (v packageFrame, err error) {
	v.frame = frameOf(r)
	if v.At, err = packageAt(r); err != nil {
		return v, err
	}
	if v.Package, err = u.api.Package(r.Context(), v.At); err != nil {
		return v, err
	}
	path := packagePath(v.At.Repository, v.At.Format, v.At.Name)
	v.crumb(v.At.Repository, repositoryPath(v.At.Repository))
	for _, t := range packageTabs {
		to := path
		if t.tab != "" {
			to += "/-/" + t.tab
		}
		v.Tabs = append(v.Tabs, link{Text: t.text, Link: v.Link(to), Current: t.tab == tab})
	}
	v.about(v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name)
	return v, nil
}

// packageView has the values of a package's page.
type packageView struct {
	packageFrame
	Tags     []api.Tag
	Versions []api.VersionSummary
	TagsOf   map[string][]string // by version
	Next     string
	Shown    string // the version of the install commands
	Install  []setup.Client
}

// pkg answers GET /r/{repository}/{format}/{package}?after=: how to install it, its tags and its versions.
func (u *Pages) pkg(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	about, err := u.aboutPackage(r, "")
	if err != nil {
		return err
	}
	v := packageView{packageFrame: about, TagsOf: map[string][]string{}}
	if v.Tags, err = u.tags(r, v.At); err != nil {
		return err
	}
	for _, t := range v.Tags {
		v.TagsOf[t.Version] = append(v.TagsOf[t.Version], t.Tag)
	}
	page, err := pageOf(q, versionsLimit)
	if err != nil {
		return err
	}
	for version, err := range u.api.Versions(client.OnePage(r.Context(), &page), v.At, client.VersionFilter{Deleted: true}) {
		if err != nil {
			return err
		}
		v.Versions = append(v.Versions, version)
	}
	v.Next = v.next(page)
	if err := u.choose(r, &v); err != nil {
		return err
	}
	return write(w, r, http.StatusOK, "package", v)
}

// tags returns the tags of a package, as many as a page shows.
func (u *Pages) tags(r *http.Request, at client.Package) (out []api.Tag, err error) {
	page := client.Page{Limit: maxTags}
	for t, err := range u.api.Tags(client.OnePage(r.Context(), &page), at) {
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// choose sets the version that the page is about besides the list: the newest release, else the newest of all.
func (u *Pages) choose(r *http.Request, v *packageView) error {
	v.Shown = v.Package.Latest
	if v.Shown == "" {
		i := slices.IndexFunc(v.Versions, func(s api.VersionSummary) bool { return s.State != string(registry.Deleted) })
		if i < 0 {
			return nil
		}
		v.Shown = v.Versions[i].Version
	}
	shown, err := u.api.Version(r.Context(), v.At, v.Shown)
	if err == nil {
		v.Install = u.install(v.Base, v.At, v.Shown, shown.Tags, shown.Files)
	}
	return err
}

// tagHistory is a tag with what it named, the newest first.
type tagHistory struct {
	Tag     string
	Current bool // it is there
	Moves   []api.Tag
}

// packageTags answers GET /r/{repository}/{format}/{package}/-/tags?tag=: the tags, and the history of one of them.
func (u *Pages) packageTags(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	about, err := u.aboutPackage(r, "tags")
	if err != nil {
		return err
	}
	v := struct {
		packageFrame
		Tags  []api.Tag
		Shown tagHistory
		Next  string
	}{packageFrame: about}
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	if v.Tags, err = u.tags(r, v.At); err != nil {
		return err
	}
	if v.Shown.Tag, err = q.Text("tag"); err != nil {
		return err
	}
	if v.Shown.Tag == "" && len(v.Tags) > 0 {
		v.Shown.Tag = v.Tags[0].Tag
	}
	if v.Shown.Tag != "" {
		page, err := pageOf(q, historyLimit)
		if err != nil {
			return err
		}
		for move, err := range u.api.TagHistory(client.OnePage(r.Context(), &page), v.At, v.Shown.Tag) {
			if err != nil {
				return err
			}
			v.Shown.Moves = append(v.Shown.Moves, move)
		}
		v.Next = v.next(page)
	}
	v.about("Tags of "+v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "tags")
	return write(w, r, http.StatusOK, "tags", v)
}
