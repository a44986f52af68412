package ui

import (
	"fmt"
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
	newestLimit   = 10  // versions on the first page
	maxTags       = 200
)

// packageTabs are the parts of a package's page, by the last segment of their paths; "" is the page itself.
var packageTabs = []struct{ tab, text string }{{"", "Overview"}, {"versions", "Versions"}, {"tags", "Tags"}, {"dependencies", "Dependencies"}, {"activity", "Activity"}, {"origin", "Where it comes from"}, {"settings", "Settings"}}

func (u *Pages) packagePages() []page {
	return []page{
		{path: packageRoute + "/-/tags", name: "web.package.tags", show: u.packageTags, act: u.moveTag},
		{path: packageRoute + "/-/dependencies", name: "web.package.dependencies", show: u.packageDependencies},
		{path: packageRoute + "/-/activity", name: "web.package.activity", show: u.packageActivity, past: true},
		{path: packageRoute + "/-/versions", name: "web.package.versions", show: u.packageVersions, past: true},
		{path: packageRoute, name: "web.package", show: u.pkg, past: true},
	}
}

// packageFrame is what the pages of a package begin with.
type packageFrame struct {
	*frame
	At      client.Package
	Package api.Package
	Tabs    []link
	Kind    string // what it is, for people: "npm package"
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
	v.Kind = u.guide.Kind(v.At.Format)
	path := packagePath(v.At.Repository, v.At.Format, v.At.Name)
	v.crumb(v.At.Repository, repositoryPath(v.At.Repository))
	for _, t := range packageTabs {
		if t.tab == "settings" && !versionRightsOf(r, v.At.Repository).Any() {
			continue
		}
		to := path
		if t.tab != "" {
			to += "/-/" + t.tab
		}
		v.Tabs = append(v.Tabs, link{Text: t.text, Link: v.Link(to), Current: t.tab == tab})
	}
	v.about(v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name)
	return v, nil
}

// packageView has the values of the pages with a package's versions.
type packageView struct {
	packageFrame
	Tags     []api.Tag
	Versions []api.VersionSummary
	TagsOf   map[string][]string // by version
	Next     string
	All      string // address of the page with all versions; "": they are here
	Shown    string // the version of the install commands
	Install  []setup.Client
	Readme   *readmeView
	Gone     *goneVersion // nil: there are versions, or there never were
}

// goneVersion is the version of a package without versions that was deleted last, as far as the page lists them.
type goneVersion struct {
	Version string
	api.Deletion
}

// pkg answers GET /r/{repository}/{format}/{package}: its readme, how to install it, its tags and its newest versions.
func (u *Pages) pkg(w http.ResponseWriter, r *http.Request) error {
	about, err := u.aboutPackage(r, "")
	if err != nil {
		return err
	}
	v := packageView{packageFrame: about}
	page := client.Page{Limit: newestLimit}
	if err := u.listVersions(r, &v, &page); err != nil {
		return err
	}
	if page.Next != "" {
		v.All = v.Link(packagePath(v.At.Repository, v.At.Format, v.At.Name) + "/-/versions")
	}
	if err := u.choose(r, &v); err != nil {
		return err
	}
	status := http.StatusOK
	if v.Shown == "" && len(v.Versions) > 0 && v.Package.Versions == 0 && v.AsOf == "" {
		status = http.StatusGone
		if v.Gone, err = u.lastDeletion(r, v); err != nil {
			return err
		}
	}
	return write(w, r, status, "package", v)
}

// lastDeletion finds out how the last version of a package went.
func (u *Pages) lastDeletion(r *http.Request, v packageView) (last *goneVersion, err error) {
	for _, version := range v.Versions {
		d, err := u.deletion(u.api.VersionDeletion(r.Context(), v.At, version.Version))
		if err != nil {
			return nil, err
		}
		if d != nil && (last == nil || d.Seq > last.Seq) {
			last = &goneVersion{version.Version, *d}
		}
	}
	return last, nil
}

// packageVersions answers GET /r/{repository}/{format}/{package}/-/versions?after=: all versions, page by page.
func (u *Pages) packageVersions(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	about, err := u.aboutPackage(r, "versions")
	if err != nil {
		return err
	}
	v := packageView{packageFrame: about}
	page, err := pageOf(q, versionsLimit)
	if err != nil {
		return err
	}
	if err := u.listVersions(r, &v, &page); err != nil {
		return err
	}
	v.Next = v.next(page)
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.about("Versions of "+v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "versions")
	return write(w, r, http.StatusOK, "versions", v)
}

// listVersions reads a page of the versions, the newest first, and the tags; of a past moment, the versions that were there then, those
// published last first.
func (u *Pages) listVersions(r *http.Request, v *packageView, page *client.Page) (err error) {
	if v.Tags, err = u.tags(r, v.At); err != nil {
		return err
	}
	v.TagsOf = map[string][]string{}
	for _, t := range v.Tags {
		v.TagsOf[t.Version] = append(v.TagsOf[t.Version], t.Tag)
	}
	if v.AsOf == "" {
		for version, err := range u.api.Versions(client.OnePage(r.Context(), page), v.At, client.VersionFilter{Deleted: true}) {
			if err != nil {
				return err
			}
			v.Versions = append(v.Versions, version)
		}
		return nil
	}
	query := fmt.Sprintf("repo:%q format:%q name:%q", v.At.Repository, v.At.Format, v.At.Name)
	for hit, err := range u.api.Search(client.OnePage(r.Context(), page), query, v.AsOf) {
		if err != nil {
			return err
		}
		v.Versions = append(v.Versions, api.VersionSummary{PURL: hit.PURL, Format: hit.Format, Name: hit.Name, Version: hit.Version, State: hit.State, Digest: hit.Digest,
			Size: hit.Size, PublishedAt: hit.PublishedAt, PublishedBy: hit.PublishedBy, Seq: hit.Seq})
	}
	return nil
}

// tags returns the tags of a package, as many as a page shows.
func (u *Pages) tags(r *http.Request, at client.Package) (out []api.Tag, err error) {
	page := client.Page{Limit: maxTags}
	for t, err := range u.api.TagsAt(client.OnePage(r.Context(), &page), at, frameOf(r).AsOf) {
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// choose sets the version that the page is about besides the list: the newest release, else the newest of all.
func (u *Pages) choose(r *http.Request, v *packageView) error {
	if v.AsOf == "" {
		v.Shown = v.Package.Latest
	}
	if v.Shown == "" {
		i := slices.IndexFunc(v.Versions, func(s api.VersionSummary) bool { return s.State != string(registry.Deleted) })
		if i < 0 {
			return nil
		}
		v.Shown = v.Versions[i].Version
	}
	shown, err := u.api.VersionAt(r.Context(), v.At, v.Shown, v.AsOf)
	if err != nil {
		return err
	}
	v.Install = u.install(v.Base, v.At, v.Shown, shown.Tags, shown.Files)
	v.Readme, err = u.readme(r, v.At, v.Shown)
	return err
}
