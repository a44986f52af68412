package ui

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// Bounds of the front page; the API has everything.
const (
	maxListed       = 200 // repositories
	maxEnvironments = 12
	maxServices     = 50
)

func (u *Pages) homePages() []page {
	return []page{{path: "/", name: "web.page", show: u.home, act: u.makeFirstToken, past: true}}
}

// homeView has the values of the front page.
type homeView struct {
	*frame
	Repositories []repositoryItem
	More         bool // more repositories than are listed
	Repository   string
	Setup        []setup.Section
	Kept         string // what the formats of the program keep, as text
	Running      runningMatrix
	Feed         feed
	First        []firstStep // where next to nothing is published in the repository, which the visitor may read
	Done         int         // of them
	Known        bool        // the visitor is known, and may make tokens
	Check        string      // address of this page with the first steps
	Export       string      // the line with the token that was made just now
	Error        string      // why none was made
}

// repositoryItem is a repository in the front page's list.
type repositoryItem struct {
	Name, Description string
	Setup             string // address of the page with its set-up lines
	Shown             bool   // its set-up lines are on the page
	Held              string // what it holds, as it was counted last; "": not known
}

// home answers GET /: a page for browsers, and a few addresses as JSON for everything else. It needs no credentials, but with
// them it shows more: ?login asks a browser for them. ?repository= chooses the repository of the set-up lines.
func (u *Pages) home(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	caller := access.From(r.Context())
	if _, asked := q["login"]; asked && caller.Type == access.TypeAnonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in with your user name and password")
	}
	f := frameOf(r)
	if httpserver.Accepts(r.Header, "text/html") == 0 {
		return httpserver.JSON(w, http.StatusOK, u.index(f.Base))
	}
	return u.writeHome(w, r, http.StatusOK, homeView{})
}

// writeHome answers with the front page.
func (u *Pages) writeHome(w http.ResponseWriter, r *http.Request, status int, v homeView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	wanted, err := q.Text("repository")
	if err != nil {
		return err
	}
	f := frameOf(r)
	v.frame, v.Repository, v.Known = f, registry.DefaultRepository, access.From(r.Context()).UserID != 0
	v.JSON = f.Link(api.Prefix + "/repositories")
	if err := u.listRepositories(r, &v, wanted); err != nil {
		return err
	}
	v.Setup, v.Kept = u.guide.At(setup.AddressOf(f.Base, v.Repository)), u.guide.Kept()
	if v.Running, err = u.running(r); err != nil {
		return err
	}
	if v.Feed, err = u.feed(r); err != nil {
		return err
	}
	if err := u.first(r, &v, q); err != nil {
		return err
	}
	return write(w, r, status, "home", v)
}

// first adds the first steps where the repository is empty, or ?first says that the visitor is at them.
func (u *Pages) first(r *http.Request, v *homeView, q wire.Query) error {
	if len(v.Repositories) == 0 || v.AsOf != "" {
		return nil
	}
	if _, asked := q["first"]; !asked && v.Export == "" && v.Error == "" {
		if empty, err := u.empty(r, v.Repository); err != nil || !empty {
			return err
		}
	}
	v.Check = v.Base + "/?first=1&repository=" + url.QueryEscape(v.Repository)
	var err error
	v.First, v.Done, err = u.firstSteps(r, v.Repository)
	return err
}

// makeFirstToken answers POST /: it makes the token of the first steps, and shows it this once.
func (u *Pages) makeFirstToken(w http.ResponseWriter, r *http.Request) error {
	if access.From(r.Context()).UserID == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to make a token")
	}
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	repository, err := q.Text("repository")
	if err != nil {
		return err
	}
	name := "first-" + time.Now().UTC().Format("060102-150405")
	made, err := u.api.CreateToken(r.Context(), tokenForm{Name: name, Repository: cmp.Or(repository, registry.DefaultRepository),
		Actions: []string{string(api.ActionRead), string(api.ActionPublish)}, Days: proposedLife}.request())
	if e := (*client.Error)(nil); asProblem(err, &e) && e.Status < http.StatusInternalServerError && e.Status != http.StatusUnauthorized {
		return u.writeHome(w, r, e.Status, homeView{Error: e.Detail})
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return u.writeHome(w, r, http.StatusOK, homeView{Export: "export SLIPWAY_TOKEN=" + made.Secret})
}

// empty reports whether a repository has no package.
func (u *Pages) empty(r *http.Request, repository string) (bool, error) {
	for _, err := range u.api.Packages(client.OnePage(r.Context(), &client.Page{Limit: 1}), repository, client.PackageFilter{}) {
		return false, err
	}
	return true, nil
}

// listRepositories finds the repositories that the visitor may read. A visitor who may read none sees the set-up lines of main as an
// example, whether or not main exists.
func (u *Pages) listRepositories(r *http.Request, v *homeView, wanted string) error {
	page := client.Page{Limit: maxListed}
	var repos []api.Repository
	for repo, err := range u.api.Repositories(client.OnePage(r.Context(), &page)) {
		if client.IsStatus(err, http.StatusUnauthorized) {
			break
		}
		if err != nil {
			return err
		}
		repos = append(repos, repo)
	}
	switch {
	case wanted != "":
		if _, err := u.api.Repository(r.Context(), wanted); err != nil {
			return err
		}
		v.Repository = wanted
	case len(repos) > 0 && !slices.ContainsFunc(repos, func(repo api.Repository) bool { return repo.Name == registry.DefaultRepository }):
		v.Repository = repos[0].Name
	}
	v.More = page.Next != ""
	held, err := u.held(r, v.AsOf)
	if err != nil {
		return err
	}
	for _, repo := range repos {
		v.Repositories = append(v.Repositories, repositoryItem{Name: repo.Name, Description: repo.Description,
			Setup: "?repository=" + url.QueryEscape(repo.Name) + "#setup", Shown: repo.Name == v.Repository, Held: held[repo.Name]})
	}
	return nil
}

// held says what the first repositories hold, by name, as it was counted last. There is no past of that.
func (u *Pages) held(r *http.Request, asOf string) (map[string]string, error) {
	out := map[string]string{}
	if asOf != "" {
		return out, nil
	}
	for one, err := range u.api.RepositoryUsages(client.OnePage(r.Context(), &client.Page{Limit: maxListed})) {
		if client.IsStatus(err, http.StatusUnauthorized) || client.IsStatus(err, http.StatusForbidden) {
			break
		}
		if err != nil {
			return nil, err
		}
		if sum := sumOf(one.Formats); sum.Packages > 0 {
			out[one.Repository] = plural(sum.Packages, "package", "packages") + ", " + plural(sum.Versions, "version", "versions") + ", " + size(sum.Bytes)
		}
	}
	return out, nil
}

// runningMatrix says what runs where: a row for each service, a column for each environment.
type runningMatrix struct {
	Environments []string
	Services     []runningRow
	More         bool
	Names        versionNames
}

type runningRow struct {
	Service string
	Cells   []*api.ServiceState // nil: nothing of that service is there
}

// running asks what runs in the first environments. A visitor who may see none gets an empty matrix.
func (u *Pages) running(r *http.Request) (m runningMatrix, err error) {
	page := client.Page{Limit: maxEnvironments}
	rows := map[string]*runningRow{}
	var there []api.ServiceState
	for e, err := range u.api.Environments(client.OnePage(r.Context(), &page), frameOf(r).AsOf) {
		if client.IsStatus(err, http.StatusUnauthorized) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		state, err := u.api.Environment(r.Context(), e.Name, frameOf(r).AsOf)
		if client.IsStatus(err, http.StatusNotFound) { // it was not there at that moment
			continue
		}
		if err != nil {
			return m, err
		}
		at := len(m.Environments)
		there = append(there, state.Services...)
		m.Environments = append(m.Environments, e.Name)
		for i, s := range state.Services {
			row := rows[s.Service]
			if row == nil {
				row = &runningRow{Service: s.Service, Cells: make([]*api.ServiceState, maxEnvironments)}
				rows[s.Service] = row
			}
			row.Cells[at] = &state.Services[i]
		}
	}
	m.More = page.Next != "" || len(rows) > maxServices
	for _, row := range rows {
		row.Cells = row.Cells[:len(m.Environments)]
		m.Services = append(m.Services, *row)
	}
	slices.SortFunc(m.Services, func(a, b runningRow) int { return cmp.Compare(a.Service, b.Service) })
	m.Services = m.Services[:min(len(m.Services), maxServices)]
	m.Names, err = u.namesOf(r, deployedIn(there))
	return m, err
}

// index is the front page for programs.
func (u *Pages) index(base string) any {
	return struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		API     string `json:"api"`
		OpenAPI string `json:"openapi"`
		Docs    string `json:"docs"`
	}{"Slipway", u.program, base + api.Prefix, base + api.Prefix + "/openapi.json", base + "/docs/"}
}
