package ui

import (
	"net/http"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

const packagesLimit = 100 // of a page

func (u *Pages) repositoryPages() []page {
	return []page{{path: repositoryRoute, name: "web.repository", show: u.repository, past: true}}
}

// repositoryView has the values of a repository's page.
type repositoryView struct {
	repositoryFrame
	Packages []api.Package
	Next     string
	Format   string // ?format=
	Part     string // ?q=: a part of names
	Sort     string // ?sort=: "" by name, "newest" or "size"
	Sorts    []link
	Sized    bool // the packages have sizes
	Bars     []bar
	Sum      usageSum
	Formats  []string // of the program
	Rights   []rightItem
	Setup    []setup.Section
}

// rightItem says whether the visitor has a right in a repository.
type rightItem struct {
	Action access.Action
	Has    bool
}

// repository answers GET /r/{repository}?format=&q=&sort=&after=.
func (u *Pages) repository(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	about, err := u.aboutRepository(r, "")
	if err != nil {
		return err
	}
	f, name, v := about.frame, about.Repository.Name, repositoryView{repositoryFrame: about}
	if v.Format, err = q.Text("format"); err != nil {
		return err
	}
	if v.Part, err = q.Text("q"); err != nil {
		return err
	}
	if v.Sort, err = q.Text("sort"); err != nil {
		return err
	}
	if v.Part != "" || f.AsOf != "" {
		v.Sort = "" // a search, and the past, go through the names
	}
	page, err := pageOf(q, packagesLimit)
	if err != nil {
		return err
	}
	for p, err := range u.api.Packages(client.OnePage(r.Context(), &page), name, client.PackageFilter{Format: v.Format, Part: v.Part, Sort: v.Sort, AsOf: f.AsOf}) {
		if err != nil {
			return err
		}
		v.Packages = append(v.Packages, p)
		v.Sized = v.Sized || p.Size > 0
	}
	v.Next = f.next(page)
	for _, sort := range []struct{ by, text string }{{"", "name"}, {"newest", "newest"}, {"size", "size"}} {
		v.Sorts = append(v.Sorts, link{Text: sort.text, Link: f.with("sort", sort.by), Current: sort.by == v.Sort})
	}
	if f.AsOf == "" { // what is held is counted for now alone
		usage, err := u.api.RepositoryUsage(r.Context(), name)
		if err != nil {
			return err
		}
		v.Bars, v.Sum = barsOf(usage.Formats), sumOf(usage.Formats)
	}
	for _, action := range access.Actions {
		v.Rights = append(v.Rights, rightItem{action, access.Decide(access.From(r.Context()), action, name) == access.Allow})
	}
	v.Setup = u.guide.At(setup.AddressOf(f.Base, name))
	for _, s := range v.Setup {
		v.Formats = append(v.Formats, s.Format)
	}
	f.about(name, "repositories", name)
	return write(w, r, http.StatusOK, "repository", v)
}
