package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// Bounds of a package's pages.
const (
	versionsLimit = 50 // of a page
	newestLimit   = 10 // versions on the first page
	maxTags       = 200

	maxEnvironmentChoices = 100
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
	Versions []versionItem
	Filter   *versionFilter // nil: the page has none
	Next     string
	All      string // address of the page with all versions; "": they are here
	Shown    string // the version of the install commands
	Install  []setup.Client
	Readme   *readmeView
	Gone     *goneVersion // nil: there are versions, or there never were
}

// versionItem is a version in a list.
type versionItem struct {
	api.VersionSummary
	Tags       []string
	Runs       []api.RunsIn
	Evidence   []string // in words
	Commit     string
	CommitLink string // "": there is no page of it
	Parts      int64  // of an index
}

// versionItemOf shows a version with its tags, as far as the page knows them.
func versionItemOf(v api.VersionSummary, tags []string) versionItem {
	item := versionItem{VersionSummary: v, Tags: tags}
	o := v.Overview
	if o == nil {
		return item
	}
	if len(tags) == 0 {
		item.Tags = o.Tags
	}
	item.Runs, item.Commit, item.CommitLink, item.Parts = o.Runs, o.Commit, commitLink(o.Source, o.Commit), o.Parts
	for _, kind := range o.Evidence {
		item.Evidence = append(item.Evidence, kindTexts[kind])
	}
	return item
}

// versionFilter narrows the list of versions.
type versionFilter struct {
	Name, State, Environment, Has string
	States, Environments, Known   []choice
	Wrong                         string // what of it can't be
}

// query is the filter in the language of searches; "": all versions.
func (f *versionFilter) query() string {
	if f == nil {
		return ""
	}
	var terms []string
	if f.Name != "" {
		name := strings.ReplaceAll(f.Name, `"`, "")
		terms = append(terms, fmt.Sprintf(`(version:"*%s*" OR tag:"%s")`, name, name))
	}
	for field, value := range map[string]string{"state": f.State, "env": f.Environment, "has": f.Has} {
		if value != "" {
			terms = append(terms, fmt.Sprintf("%s:%q", field, value))
		}
	}
	slices.Sort(terms)
	return strings.Join(terms, " ")
}

// Narrows reports whether the filter leaves versions out.
func (f *versionFilter) Narrows() bool { return f.query() != "" }

// filterOf reads the filter of a request, with what can be chosen.
func (u *Pages) filterOf(r *http.Request, q wire.Query) (*versionFilter, error) {
	f := &versionFilter{}
	if err := texts(q, map[string]*string{"name": &f.Name, "state": &f.State, "env": &f.Environment, "has": &f.Has}); err != nil {
		return nil, err
	}
	add := func(to *[]choice, chosen, value, text string) {
		*to = append(*to, choice{Value: value, Text: text, Chosen: value == chosen})
	}
	add(&f.States, f.State, "", "any")
	for _, state := range []registry.State{registry.Published, registry.Deprecated, registry.Yanked, registry.Deleted} {
		add(&f.States, f.State, string(state), string(state))
	}
	add(&f.Known, f.Has, "", "anything")
	for _, known := range [][2]string{{"commit", "a commit"}, {"build", "a build"}, {"provenance", "provenance"}, {"sbom", "an SBOM"}} {
		add(&f.Known, f.Has, known[0], known[1])
	}
	add(&f.Environments, f.Environment, "", "anywhere or not")
	page := client.Page{Limit: maxEnvironmentChoices}
	for e, err := range u.api.Environments(client.OnePage(r.Context(), &page), frameOf(r).AsOf) {
		if client.IsStatus(err, http.StatusUnauthorized) || client.IsStatus(err, http.StatusForbidden) {
			break
		}
		if err != nil {
			return nil, err
		}
		add(&f.Environments, f.Environment, e.Name, e.Name)
	}
	if f.Environment != "" && !slices.ContainsFunc(f.Environments, func(c choice) bool { return c.Chosen }) {
		add(&f.Environments, f.Environment, f.Environment, f.Environment)
	}
	return f, nil
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
	if v.Filter, err = u.filterOf(r, q); err != nil {
		return err
	}
	status := http.StatusOK
	err = u.listVersions(r, &v, &page)
	if detail, code, ok := wrongInput(err); ok && v.Filter.query() != "" {
		v.Filter.Wrong, status = detail, code
	} else if err != nil {
		return err
	}
	v.Next = v.next(page)
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.about("Versions of "+v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "versions")
	if query := v.Filter.query(); query != "" {
		_, after, _ := strings.Cut(v.JSON, "?")
		v.JSON += joiner(after) + "q=" + url.QueryEscape(query)
	}
	return write(w, r, status, "versions", v)
}

// listVersions reads a page of the versions that the filter selects, the newest first, and the tags. Of a past moment, and with a filter, they are
// those that are there.
func (u *Pages) listVersions(r *http.Request, v *packageView, page *client.Page) (err error) {
	if v.Tags, err = u.tags(r, v.At); err != nil {
		return err
	}
	tagsOf := map[string][]string{}
	for _, t := range v.Tags {
		tagsOf[t.Version] = append(tagsOf[t.Version], t.Tag)
	}
	filter := client.VersionFilter{NoParts: true, Overview: true, Query: v.Filter.query(), AsOf: v.AsOf}
	filter.Deleted = filter.Query == "" && v.AsOf == ""
	for version, err := range u.api.Versions(client.OnePage(r.Context(), page), v.At, filter) {
		if err != nil {
			return err
		}
		v.Versions = append(v.Versions, versionItemOf(version, tagsOf[version.Version]))
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
		i := slices.IndexFunc(v.Versions, func(s versionItem) bool { return s.State != string(registry.Deleted) })
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
