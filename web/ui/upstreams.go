package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// upstreamsPath is the path of the page with the upstreams of a repository.
func upstreamsPath(repository string) string { return repositoryPath(repository) + "/-/upstreams" }

// upstreamPath is the path of the page of an upstream.
func upstreamPath(repository, name string) string {
	return upstreamsPath(repository) + "/" + url.PathEscape(name)
}

func (u *Pages) upstreamPages() []page {
	return []page{
		{path: repositoryRoute + "/-/upstreams", name: "web.repository.upstreams", show: u.upstreams, act: u.changeUpstreams},
		{path: repositoryRoute + "/-/upstreams/{name}", name: "web.repository.upstream", show: u.upstream, act: u.changeUpstream},
	}
}

// administers reports whether a visitor administers a repository; access.Instance is the server.
func administers(r *http.Request, repository string) bool {
	return access.Decide(access.From(r.Context()), access.Admin, repository) == access.Allow
}

// upstreamItem is an upstream in a list.
type upstreamItem struct {
	api.Upstream
	In          string // the repository
	First, Last bool   // of the list
}

// upstreamsView has the values of the page with the upstreams of a repository.
type upstreamsView struct {
	repositoryFrame
	Upstreams []upstreamItem
	Server    bool // the visitor administers the server, and may add registries elsewhere
	Form      upstreamForm
	Formats   []choice
	Names     []string // of some repositories, to choose from
	Refreshed string   // what is asked for anew
	AddError  string
	Error     string
}

// upstreamForm is what the form of a new upstream says.
type upstreamForm struct {
	Name, Repository, URL, Format, Allow, Deny, Cooldown string
	Offline                                              bool
}

// upstreams answers GET /r/{repository}/-/upstreams: the places that the repository answers from, with their health.
func (u *Pages) upstreams(w http.ResponseWriter, r *http.Request) error {
	return u.writeUpstreams(w, r, http.StatusOK, upstreamsView{})
}

func (u *Pages) writeUpstreams(w http.ResponseWriter, r *http.Request, status int, v upstreamsView) (err error) {
	if v.repositoryFrame, err = u.aboutRepository(r, "upstreams"); err != nil {
		return err
	}
	v.Upstreams = upstreamItems(v.Repository)
	v.Server = administers(r, access.Instance)
	v.Formats = u.formatChoices("choose", v.Form.Format)
	if v.Admin {
		if v.Names, err = u.repositoryNames(r); err != nil {
			return err
		}
	}
	v.about("Upstreams of "+v.Repository.Name, "repositories", v.Repository.Name, "upstreams")
	return write(w, r, status, "upstreams", v)
}

// upstreamItems are the upstreams of a repository in their order.
func upstreamItems(repo api.Repository) []upstreamItem {
	out := make([]upstreamItem, len(repo.Upstreams))
	for i, one := range repo.Upstreams {
		out[i] = upstreamItem{Upstream: one, In: repo.Name, First: i == 0, Last: i == len(repo.Upstreams)-1}
	}
	return out
}

// changeUpstreams answers POST /r/{repository}/-/upstreams: it adds an upstream, moves one, or lets all be asked for news.
func (u *Pages) changeUpstreams(w http.ResponseWriter, r *http.Request) error {
	repository, err := wire.Segment(r, "repository")
	if err != nil {
		return err
	}
	v, to := upstreamsView{}, upstreamsPath(repository)
	told := &v.Error
	switch text := posted(r); text("do") {
	case "add":
		told = &v.AddError
		v.Form = upstreamForm{Name: text("name"), Repository: text("repository"), URL: text("url"), Format: text("format"), Allow: text("allow"), Deny: text("deny"),
			Cooldown: text("cooldown"), Offline: text("offline") == "true"}
		var made api.Upstream
		if made, err = u.api.AddUpstream(r.Context(), repository, v.Form.request()); err == nil {
			to = upstreamPath(repository, made.Name)
		}
	case "up", "down":
		err = u.moveUpstream(r, repository, text("name"), text("do") == "up")
	case "refresh":
		var done api.Refreshed
		if done, err = u.api.Refresh(r.Context(), repository, "", ""); err == nil {
			v.Refreshed = plural(int64(done.Documents), "document", "documents") + " and " + plural(int64(done.Files), "absent file", "absent files")
			return u.writeUpstreams(w, r, http.StatusOK, v)
		}
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		*told = detail
		return u.writeUpstreams(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, to)
}

// errUnknownButton is about a form of another page, or of another version of this one.
var errUnknownButton = wire.Invalid("the form does not say what to do: load the page again")

// repositoryNames are names of repositories that the visitor may read, as many as a form offers.
func (u *Pages) repositoryNames(r *http.Request) (names []string, err error) {
	page := client.Page{Limit: maxListed}
	for repo, err := range u.api.Repositories(client.OnePage(r.Context(), &page)) {
		if err != nil {
			return nil, err
		}
		names = append(names, repo.Name)
	}
	return names, nil
}

// posted reads texts of a form.
func posted(r *http.Request) func(string) string {
	return func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
}

// request is the upstream that the form asks for.
func (f upstreamForm) request() api.NewUpstream {
	out := api.NewUpstream{Name: f.Name, Repository: f.Repository, URL: f.URL, Format: f.Format, Allow: words(f.Allow), Deny: words(f.Deny), Cooldown: f.Cooldown, Offline: f.Offline}
	if out.URL == "" {
		out.Format = "" // of registries elsewhere
	}
	return out
}

// moveUpstream puts an upstream before the one that is asked before it, or after the one after it.
func (u *Pages) moveUpstream(r *http.Request, repository, name string, up bool) error {
	var names []string
	for one, err := range u.api.Upstreams(r.Context(), repository) {
		if err != nil {
			return err
		}
		names = append(names, one.Name)
	}
	i := slices.Index(names, name)
	if i < 0 {
		return wire.Invalid("there is no upstream of that name any more: load the page again")
	}
	j := i + 1
	if up {
		j = i - 1
	}
	if j < 0 || j >= len(names) {
		return nil
	}
	names[i], names[j] = names[j], names[i]
	_, err := u.api.OrderUpstreams(r.Context(), repository, names)
	return err
}

// upstreamView has the values of the page of an upstream.
type upstreamView struct {
	repositoryFrame
	Upstream api.Upstream
	Server   bool
	Sets     []fieldset
	Was      string
	Package  string // that a check asks for
	Check    *api.UpstreamCheck
	Error    string
	SetError string // of the form with the settings

	values map[string]string // what a refused form says
}

// upstream answers GET /r/{repository}/-/upstreams/{name}: how it was found, and its settings.
func (u *Pages) upstream(w http.ResponseWriter, r *http.Request) error {
	return u.writeUpstream(w, r, http.StatusOK, upstreamView{})
}

func (u *Pages) writeUpstream(w http.ResponseWriter, r *http.Request, status int, v upstreamView) error {
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	if v.repositoryFrame, err = u.aboutRepository(r, "upstreams"); err != nil {
		return err
	}
	if v.Upstream, err = u.api.Upstream(r.Context(), v.Repository.Name, name); err != nil {
		return err
	}
	v.Server = administers(r, access.Instance)
	specs := upstreamSpecs(v.Upstream, v.Server)
	now, err := valuesOf(specs, v.Upstream)
	if err != nil {
		return err
	}
	if v.Was == "" {
		v.Was = wasOf(now)
	}
	if v.values == nil {
		v.values = now
	}
	v.Sets = upstreamSets(v.Upstream, v.Server, v.values)
	v.crumb("Upstreams", upstreamsPath(v.Repository.Name))
	v.about("Upstream "+name+" of "+v.Repository.Name, "repositories", v.Repository.Name, "upstreams", name)
	return write(w, r, status, "upstream", v)
}

// changeUpstream answers POST /r/{repository}/-/upstreams/{name}: it checks the upstream, changes its settings, or removes it.
func (u *Pages) changeUpstream(w http.ResponseWriter, r *http.Request) error {
	repository, err := wire.Segment(r, "repository")
	if err != nil {
		return err
	}
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	v, to, text := upstreamView{}, upstreamPath(repository, name), posted(r)
	told := &v.Error
	switch text("do") {
	case "check":
		v.Package = text("package")
		var check api.UpstreamCheck
		if check, err = u.api.CheckUpstream(r.Context(), repository, name, v.Package); err == nil {
			v.Check = &check
			return u.writeUpstream(w, r, http.StatusOK, v)
		}
	case "set":
		told, v.Was = &v.SetError, text(wasField)
		v.values, err = u.setUpstream(r, repository, name)
	case "remove":
		if err = u.api.RemoveUpstream(r.Context(), repository, name); err == nil {
			to = upstreamsPath(repository)
		}
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		*told = detail
		return u.writeUpstream(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, to)
}

// setUpstream changes the settings that the user of a form has changed. It returns what the form says, without its secrets.
func (u *Pages) setUpstream(r *http.Request, repository, name string) (map[string]string, error) {
	now, err := u.api.Upstream(r.Context(), repository, name)
	if err != nil {
		return nil, err
	}
	specs := upstreamSpecs(now, administers(r, access.Instance))
	values := postedValues(specs, r.PostForm)
	changed, err := changedFields(specs, values, r.PostForm)
	var change api.UpstreamChange
	some := false
	if err == nil {
		change, some, err = upstreamChange(specs, values, changed)
	}
	if err == nil && some {
		_, err = u.api.ChangeUpstream(r.Context(), repository, name, change)
	}
	for _, s := range specs {
		if s.kind == fieldSecret || s.kind == fieldSecretBlock {
			delete(values, s.name)
		}
	}
	return values, err
}
