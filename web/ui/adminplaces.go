package ui

import (
	"net/http"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// Paths of the pages about all repositories.
const (
	allRepositoriesPath  = adminPath + "/repositories"
	allUpstreamsPath     = adminPath + "/upstreams"
	serverRulesPath      = adminPath + "/rules"
	storagePath          = adminPath + "/storage"
	repositoriesLimit    = 50 // of a page
	repositoriesOfServer = 100
)

func (u *Pages) adminPlacesPages() []page {
	return []page{
		{path: allRepositoriesPath, name: "web.admin.repositories", show: u.audits(u.allRepositories), act: u.audits(u.changeRepositories)},
		{path: allUpstreamsPath, name: "web.admin.upstreams", show: u.audits(u.allUpstreams)},
		{path: serverRulesPath, name: "web.admin.rules", show: u.audits(u.serverRules), act: u.audits(u.changeServerRules)},
		{path: storagePath, name: "web.admin.storage", show: u.audits(u.storage), act: u.audits(u.actOnStorage)},
	}
}

// placesFrame has the values of these pages.
type placesFrame struct {
	*frame
	Parts []link
	Admin bool // the visitor administers the server: auditors only look
	Error string
}

// audits wraps the handler of such a page, which auditors and administrators of the server see. Unauthenticated, Denied.
func (u *Pages) audits(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch access.Decide(access.From(r.Context()), access.Audit, access.Instance) {
		case access.Allow:
			return h(w, r)
		case access.Challenge:
			return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see this page")
		}
		return registry.Errorf(registry.Denied, registry.AboutRequest, "this needs the right %q on the whole server", access.Audit)
	}
}

func placesFrameOf(r *http.Request) placesFrame {
	v := placesFrame{frame: frameOf(r), Admin: administers(r, access.Instance)}
	for _, p := range adminParts {
		p.Current = p.Link == r.URL.Path
		p.Link = v.Link(p.Link)
		v.Parts = append(v.Parts, p)
	}
	v.crumb("Administration", adminPath)
	return v
}

// newRepositoryForm is what the form of a new repository says.
type newRepositoryForm struct{ Name, Description, URL, Format, Upstreams, Writes string }

// repositoriesView has the values of the page with all repositories.
type repositoriesView struct {
	placesFrame
	Repositories []api.Repository
	Next         string
	Form         newRepositoryForm
	Formats      []choice
	Restore      string // the name in the form of a restoration
	RestoreError string
}

// allRepositories answers GET /admin/repositories?after=.
func (u *Pages) allRepositories(w http.ResponseWriter, r *http.Request) error {
	return u.writeRepositories(w, r, http.StatusOK, repositoriesView{})
}

func (u *Pages) writeRepositories(w http.ResponseWriter, r *http.Request, status int, v repositoriesView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, repositoriesOfServer)
	if err != nil {
		return err
	}
	told := v.Error
	v.placesFrame = placesFrameOf(r)
	v.Error = told
	for repo, err := range u.api.Repositories(client.OnePage(r.Context(), &page)) {
		if err != nil {
			return err
		}
		v.Repositories = append(v.Repositories, repo)
	}
	v.Next, v.Formats = v.next(page), u.formatChoices("none: it has versions of its own", v.Form.Format)
	v.about("Repositories", "repositories")
	return write(w, r, status, "admin-repositories", v)
}

// changeRepositories answers POST /admin/repositories: it makes a repository, hosted or a mirror of others, or restores a deleted one.
func (u *Pages) changeRepositories(w http.ResponseWriter, r *http.Request) error {
	v, text := repositoriesView{}, posted(r)
	told := &v.Error
	var repo api.Repository
	var err error
	switch text("do") {
	case "create":
		v.Form = newRepositoryForm{Name: text("name"), Description: text("description"), URL: text("url"), Format: text("format"), Upstreams: text("upstreams"), Writes: text("writes")}
		var made api.NewRepository
		if made, err = v.Form.request(); err == nil {
			repo, err = u.api.CreateRepository(r.Context(), made)
		}
	case "restore":
		told, v.Restore = &v.RestoreError, text("name")
		repo, err = u.api.RestoreRepository(r.Context(), v.Restore)
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		*told = detail
		return u.writeRepositories(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, repositoryPath(repo.Name))
}

// request is the repository that the form asks for. Invalid.
func (f newRepositoryForm) request() (out api.NewRepository, err error) {
	out = api.NewRepository{Name: f.Name, Description: &f.Description}
	list := []map[string]any{}
	for _, name := range words(f.Upstreams) {
		one := map[string]any{"repository": name}
		if name == f.Writes {
			one["writes"] = true
		}
		list = append(list, one)
	}
	if f.URL != "" {
		list = append(list, map[string]any{"url": f.URL, "format": f.Format})
	}
	if f.Writes != "" && !strings.Contains("\n"+strings.Join(words(f.Upstreams), "\n")+"\n", "\n"+f.Writes+"\n") {
		return out, wire.Invalid("%s takes what is written only if it is one of the repositories that this one answers from", f.Writes)
	}
	if len(list) == 0 {
		return out, nil
	}
	return out, fill(map[string]any{"name": f.Name, "description": f.Description, "upstreams": list}, &out)
}

// allUpstreams answers GET /admin/upstreams?after=: the upstreams of all repositories that the visitor may read.
func (u *Pages) allUpstreams(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, repositoriesLimit)
	if err != nil {
		return err
	}
	v := struct {
		placesFrame
		Upstreams []upstreamItem
		Next      string
	}{placesFrame: placesFrameOf(r)}
	for repo, err := range u.api.Repositories(client.OnePage(r.Context(), &page)) {
		if err != nil {
			return err
		}
		v.Upstreams = append(v.Upstreams, upstreamItems(repo)...)
	}
	v.Next = v.next(page)
	v.about("Upstreams", "repositories")
	return write(w, r, http.StatusOK, "admin-upstreams", v)
}

// serverRules answers GET /admin/rules?suggest=: the rules and claims of the whole server, and those of repositories that the visitor may read.
func (u *Pages) serverRules(w http.ResponseWriter, r *http.Request) error {
	return u.writeServerRules(w, r, http.StatusOK, rulesPart{})
}

func (u *Pages) writeServerRules(w http.ResponseWriter, r *http.Request, status int, p rulesPart) error {
	v := struct {
		placesFrame
		Part rulesPart
	}{placesFrame: placesFrameOf(r)}
	p.frame, p.To = v.frame, v.Link(serverRulesPath)
	if err := u.fillRules(r, &p); err != nil {
		return err
	}
	v.Part = p
	v.about("Rules and claims", "rules")
	return write(w, r, status, "admin-rules", v)
}

// changeServerRules answers POST /admin/rules.
func (u *Pages) changeServerRules(w http.ResponseWriter, r *http.Request) error {
	return u.takeRules(w, r, "", serverRulesPath, u.writeServerRules)
}
