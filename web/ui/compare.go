package ui

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// Bounds of a comparison.
const (
	maxComparedVersions = 100 // to choose from
	maxComparedArchives = 3
	maxComparedTexts    = 10
	maxComparedBytes    = 32 << 10 // of a text
	maxComparedLines    = 800
	maxComparedFiles    = 500
)

func (u *Pages) comparePages() []page {
	return []page{{path: "/compare", name: "web.compare", show: u.compare}}
}

// compareView has the values of the page.
type compareView struct {
	*frame
	At       client.Package
	From, To string
	Versions []string // of the package, to choose from
	Ready    bool     // there are two versions
	Commits  string   // address of the commits between them
	Facts    []factChange
	Needs    []needChange
	Files    []fileChange
	More     int
	Archives []archiveChange
}

// factChange is a property that differs; "" where a version has none.
type factChange struct{ Key, Name, From, To string }

// needChange is a dependency that differs.
type needChange struct {
	What        string // "added", "removed" or "changed"
	Name, Scope string
	From, To    string // the versions that do
}

// fileChange is a file that differs.
type fileChange struct {
	What       string // "added", "removed" or "changed"
	Name       string
	Size, Was  int64
	From, To   string // names in the two versions
	Difference []diffLine
	Link       string // to the text of the newer one
}

// archiveChange is what differs inside of an archive.
type archiveChange struct {
	From, To string
	Files    []fileChange
	More     int
	Wrong    string // why it can't be told
}

// compare answers GET /compare?repo=&format=&package=&from=&to=: what differs between two versions of a package.
func (u *Pages) compare(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	v := compareView{frame: frameOf(r)}
	for name, to := range map[string]*string{"repo": &v.At.Repository, "format": &v.At.Format, "package": &v.At.Name, "from": &v.From, "to": &v.To} {
		if *to, err = q.Text(name); err != nil {
			return err
		}
	}
	if url.Values(q).Has("env") {
		return u.compareReleases(w, r, q)
	}
	if v.At.Repository == "" || v.At.Format == "" || v.At.Name == "" {
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "say what to compare: ?repo=, ?format= and ?package=, and two versions as ?from= and ?to=; or ?env= for what runs in environments. The pages of versions and of environments lead here")
	}
	page := client.Page{Limit: maxComparedVersions}
	for version, err := range u.api.Versions(client.OnePage(r.Context(), &page), v.At, client.VersionFilter{}) {
		if err != nil {
			return err
		}
		v.Versions = append(v.Versions, version.Version)
	}
	for _, chosen := range []string{v.From, v.To} {
		if chosen != "" && !slices.Contains(v.Versions, chosen) {
			v.Versions = append(v.Versions, chosen)
		}
	}
	v.crumb(v.At.Repository, repositoryPath(v.At.Repository))
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.about("Compare versions of "+v.At.Name, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "versions")
	if v.From != "" && v.To != "" {
		v.Ready = true
		if err := u.difference(r.Context(), &v); err != nil {
			return err
		}
	} else {
		v.suggest()
	}
	return write(w, r, http.StatusOK, "compare", v)
}

// suggest chooses what the form begins with: the newest version, or the one that is asked for, and the one before it.
func (v *compareView) suggest() {
	if v.To == "" && len(v.Versions) > 0 {
		v.To = v.Versions[0]
	}
	if i := slices.Index(v.Versions, v.To); v.From == "" && i >= 0 {
		v.From = v.Versions[min(i+1, len(v.Versions)-1)]
	}
}

func (u *Pages) difference(ctx context.Context, v *compareView) error {
	from, err := u.api.Version(ctx, v.At, v.From)
	if err != nil {
		return err
	}
	to, err := u.api.Version(ctx, v.At, v.To)
	if err != nil {
		return err
	}
	if a, b := from.Release.Source, to.Release.Source; a != nil && b != nil {
		v.Commits = commitRange(b.Repository, a.Commit, b.Commit)
	}
	v.Facts = factChanges(from, to)
	if v.Needs, err = u.needChanges(ctx, v.At, v.From, v.To); err != nil {
		return err
	}
	pairs := pairUp(from.Files, to.Files, v.From, v.To)
	looked := 0
	for _, p := range pairs {
		if p.from != nil && p.to != nil && p.from.Digest == p.to.Digest {
			continue
		}
		change := fileChange{Name: p.name}
		if p.from != nil {
			change.From, change.Was = p.from.Path, p.from.Size
		}
		if p.to != nil {
			change.To, change.Size = p.to.Path, p.to.Size
		}
		change.What = whatOf(p.from != nil, p.to != nil)
		if len(v.Files) == maxComparedFiles {
			v.More++
			continue
		}
		v.Files = append(v.Files, change)
		if change.What != "changed" || !isArchive(p.to.Path, p.to.MediaType) || looked == maxComparedArchives {
			continue
		}
		looked++
		a, err := u.archiveDifference(ctx, v, *p.from, *p.to)
		if err != nil {
			return err
		}
		v.Archives = append(v.Archives, a)
	}
	return nil
}

func whatOf(before, after bool) string {
	switch {
	case !before:
		return "added"
	case !after:
		return "removed"
	}
	return "changed"
}

// filePair is a file of two versions; nil: one has none.
type filePair struct {
	name     string
	from, to *api.File
}

// neutral is a name without the version in it, by which files of two versions are the same one.
func neutral(name, version string) string { return strings.ReplaceAll(name, version, "*") }

func pairUp(from, to []api.File, fromVersion, toVersion string) []filePair {
	byName := map[string]*filePair{}
	var order []string
	at := func(name string) *filePair {
		if byName[name] == nil {
			byName[name] = &filePair{name: name}
			order = append(order, name)
		}
		return byName[name]
	}
	for i, f := range to {
		at(neutral(f.Path, toVersion)).to = &to[i]
	}
	for i, f := range from {
		at(neutral(f.Path, fromVersion)).from = &from[i]
	}
	slices.Sort(order)
	out := make([]filePair, len(order))
	for i, name := range order {
		out[i] = *byName[name]
	}
	return out
}

// factChanges are the facts whose best known values differ.
func factChanges(from, to api.Version) []factChange {
	values := func(v api.Version) map[string]string {
		out := map[string]string{"state": v.State, "published by": v.PublishedBy}
		for key, i := range bestFacts(v) {
			out[key] = v.Facts[i].Value
		}
		return out
	}
	a, b := values(from), values(to)
	var keys []string
	for key := range a {
		keys = append(keys, key)
	}
	for key := range b {
		if _, had := a[key]; !had {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var out []factChange
	for _, key := range keys {
		if a[key] != b[key] {
			out = append(out, factChange{key, factName(key), a[key], b[key]})
		}
	}
	return out
}

// needChanges are the dependencies that differ, of those that can be read.
func (u *Pages) needChanges(ctx context.Context, at client.Package, from, to string) (out []needChange, err error) {
	type need struct{ name, scope string }
	said := [2]map[need]string{{}, {}}
	var order []need
	for i, version := range []string{from, to} {
		d, err := u.api.Describe(ctx, at, version, "")
		if err != nil && !client.IsStatus(err, http.StatusNotFound) && !client.IsStatus(err, http.StatusForbidden) {
			return nil, err
		}
		for _, dep := range d.Dependencies {
			n := need{dep.Name, dep.Scope}
			if said[0][n] == "" && said[1][n] == "" {
				order = append(order, n)
			}
			said[i][n] = strings.TrimPrefix(said[i][n]+", "+cmp.Or(dep.Requirement, "any"), ", ")
		}
	}
	slices.SortFunc(order, func(a, b need) int { return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.scope, b.scope)) })
	for _, n := range order {
		if a, b := said[0][n], said[1][n]; a != b && len(out) < maxShownTexts {
			out = append(out, needChange{What: whatOf(a != "", b != ""), Name: n.name, Scope: n.scope, From: a, To: b})
		}
	}
	return out, nil
}

// archiveDifference compares the files in two archives.
func (u *Pages) archiveDifference(ctx context.Context, v *compareView, from, to api.File) (archiveChange, error) {
	out := archiveChange{From: from.Path, To: to.Path}
	a, err := u.lookInside(ctx, v.At, v.From, from, "")
	var b insideList
	if err == nil {
		b, err = u.lookInside(ctx, v.At, v.To, to, "")
	}
	if registry.KindOf(err) == registry.Invalid {
		out.Wrong = err.Error()
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if a.Cut+b.Cut != "" {
		out.Wrong = "One of them was not read to its end: what is said of it is not all."
	}
	names, byName := paired(a.Entries, b.Entries, v.From, v.To)
	texts := 0
	for _, name := range names {
		s := byName[name]
		if s.from != nil && s.to != nil && s.from.Sum == s.to.Sum && s.from.Size == s.to.Size && s.from.Link == s.to.Link {
			continue
		}
		if len(out.Files) == maxComparedFiles {
			out.More++
			continue
		}
		change := fileChange{What: whatOf(s.from != nil, s.to != nil), Name: name}
		if s.from != nil {
			change.From, change.Was = s.from.Name, s.from.Size
		}
		if s.to != nil {
			change.To, change.Size = s.to.Name, s.to.Size
			if s.to.Text {
				change.Link = v.Link(insideEntryPath(v.At.Repository, v.At.Format, v.At.Name, v.To, to.Path, s.to.Name))
			}
		}
		if change.What == "changed" && max(s.from.Size, s.to.Size) <= maxComparedBytes && texts < maxComparedTexts {
			texts++
			if change.Difference, err = u.textDifference(ctx, v, from, to, s.from.Name, s.to.Name); err != nil {
				return out, err
			}
		}
		out.Files = append(out.Files, change)
	}
	return out, nil
}

// side is a file of two archives; nil where one has none of its name.
type side struct{ from, to *insideEntry }

// paired are the files of two archives by their names without the version, and these names in the order of the newer archive.
func paired(a, b []insideEntry, from, to string) (names []string, byName map[string]*side) {
	byName = map[string]*side{}
	at := func(name string) *side {
		if byName[name] == nil {
			byName[name] = &side{}
			names = append(names, name)
		}
		return byName[name]
	}
	for i, e := range b {
		at(neutral(e.Name, to)).to = &b[i]
	}
	for i, e := range a {
		at(neutral(e.Name, from)).from = &a[i]
	}
	return names, byName
}

// textDifference compares two texts in archives; nil where one is no text.
func (u *Pages) textDifference(ctx context.Context, v *compareView, from, to api.File, a, b string) ([]diffLine, error) {
	before, err := u.lookInside(ctx, v.At, v.From, from, a)
	if err == nil {
		var after insideList
		if after, err = u.lookInside(ctx, v.At, v.To, to, b); err == nil && isText(before.Body) && isText(after.Body) {
			return diffLines(string(before.Body), string(after.Body)), nil
		}
	}
	if registry.KindOf(err) == registry.Invalid {
		return nil, nil
	}
	return nil, err
}

// commitRange is the page of the commits between two, at the addresses that known hosts use; "" where there is none.
func commitRange(repository, from, to string) string {
	one := commitLink(repository, from)
	base, _, ok := strings.Cut(one, "/commit/")
	if !ok || to == "" || from == to {
		return ""
	}
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	from, to = url.PathEscape(from), url.PathEscape(to)
	switch host := u.Hostname(); {
	case strings.Contains(host, "gitlab"):
		return base + "/-/compare/" + from + "..." + to
	case strings.Contains(host, "bitbucket"):
		return base + "/branches/compare/" + to + "%0D" + from
	}
	return base + "/compare/" + from + "..." + to
}
