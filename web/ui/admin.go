package ui

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// Paths of the pages for administrators and auditors.
const (
	adminPath  = "/admin"
	usersPath  = adminPath + "/users"
	groupsPath = adminPath + "/groups"
	rolesPath  = adminPath + "/roles"
	accessPath = adminPath + "/access"
)

// adminParts are the tabs of these pages.
var adminParts = []link{{Text: "Overview", Link: adminPath}, {Text: "Users", Link: usersPath}, {Text: "Groups", Link: groupsPath}, {Text: "Roles", Link: rolesPath},
	{Text: "Access", Link: accessPath}, {Text: "Repositories", Link: allRepositoriesPath}, {Text: "Upstreams", Link: allUpstreamsPath}, {Text: "Rules and claims", Link: serverRulesPath},
	{Text: "Storage", Link: storagePath}, {Text: "Jobs", Link: jobsPath}, {Text: "Configuration", Link: configurationPath}}

// userPath is the path of a user's page; groupPath is that of a group.
func userPath(name string) string  { return usersPath + "/" + url.PathEscape(name) }
func groupPath(name string) string { return groupsPath + "/" + url.PathEscape(name) }

// adminPages are the pages for administrators and auditors of the server. They are about what holds now.
func (u *Pages) adminPages() []page {
	return []page{
		{path: adminPath, name: "web.admin", show: u.audited(u.admin), nav: "Administration", needs: auditsServer},
		{path: usersPath, name: "web.admin.users", show: u.audited(u.users)},
		{path: adminPath + "/new/user", name: "web.admin.users.new", show: u.administered(u.newUser), act: u.administered(u.createUser)},
		{path: usersPath + "/{name}/tokens/new", name: "web.admin.users.token", show: u.administered(u.newUserToken), act: u.administered(u.createUserToken)},
		{path: usersPath + "/{name}", name: "web.admin.user", show: u.audited(u.user), act: u.administered(u.changeUser)},
		{path: groupsPath, name: "web.admin.groups", show: u.audited(u.groups)},
		{path: adminPath + "/new/group", name: "web.admin.groups.new", show: u.administered(u.newGroup), act: u.administered(u.createGroup)},
		{path: groupsPath + "/{name}", name: "web.admin.group", show: u.audited(u.group), act: u.administered(u.changeGroup)},
		{path: rolesPath, name: "web.admin.roles", show: u.audited(u.roles), act: u.administered(u.changeRole)},
		{path: accessPath, name: "web.admin.access", show: u.audited(u.access)},
		{path: jobsPath, name: "web.admin.jobs", show: u.audited(u.jobs), act: u.administered(u.changeJobs)},
		{path: configurationPath, name: "web.admin.configuration", show: u.audited(u.configuration)},
	}
}

// auditsServer reports whether a visitor may see these pages.
func auditsServer(a access.Actor) bool {
	return access.Decide(a, access.Audit, access.Instance) == access.Allow
}

// adminFrame has the values of all these pages.
type adminFrame struct {
	*frame
	Parts  []link
	Admin  bool   // the visitor may change things: auditors only look
	Failed string // the form that was not taken
	Error  string // why
}

type adminHandler func(w http.ResponseWriter, r *http.Request, f adminFrame) error

// audited wraps the handler of a page for auditors and administrators of the server. Unauthenticated, Denied.
func (u *Pages) audited(h adminHandler) func(http.ResponseWriter, *http.Request) error {
	return u.withRight(access.Audit, h)
}

// administered wraps the handler of a page for administrators of the server. Unauthenticated, Denied.
func (u *Pages) administered(h adminHandler) func(http.ResponseWriter, *http.Request) error {
	return u.withRight(access.Admin, h)
}

func (u *Pages) withRight(right access.Action, h adminHandler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		actor := access.From(r.Context())
		switch access.Decide(actor, right, access.Instance) {
		case access.Allow:
		case access.Challenge:
			return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see this page")
		default:
			return registry.Errorf(registry.Denied, registry.AboutRequest, "this needs the right %q on the whole server", right)
		}
		f := adminFrame{frame: frameOf(r), Admin: access.Decide(actor, access.Admin, access.Instance) == access.Allow}
		for _, part := range adminParts {
			part.Current = part.Link == r.URL.Path || part.Link != adminPath && strings.HasPrefix(r.URL.Path, part.Link+"/")
			part.Link = f.Link(part.Link)
			f.Parts = append(f.Parts, part)
		}
		if r.URL.Path != adminPath {
			f.crumb("Administration", adminPath)
		}
		return h(w, r, f)
	}
}

// refuse notes why a form was not taken. It returns the status of the page that shows it; false: the error is none of the form's.
func (f *adminFrame) refuse(form string, err error) (status int, ok bool) {
	detail, status, ok := refusal(err)
	if ok {
		f.Failed, f.Error = form, detail
	}
	return status, ok
}

// formError is a refusal of a form, as the API refuses requests.
func formError(status int, detail string) error {
	return &client.Error{Problem: api.Problem{Status: status, Detail: detail}}
}

// confirmed checks that a form that can't be undone names what it is about. Invalid, as the API says it.
func confirmed(r *http.Request, name string) error {
	if strings.TrimSpace(r.PostForm.Get("confirm")) != name {
		return formError(http.StatusBadRequest, "nothing was deleted: type the name "+name+" to confirm")
	}
	return nil
}

// firstOf returns the first items of a list, at most limit, and whether there are more.
func firstOf[T any](ctx context.Context, limit int, list func(ctx context.Context) iter.Seq2[T, error]) (items []T, more bool, err error) {
	p := client.Page{Limit: limit}
	for item, err := range list(client.OnePage(ctx, &p)) {
		if err != nil {
			return nil, false, err
		}
		items = append(items, item)
	}
	return items, p.Next != "", nil
}

// rightForm is what the form for one more right holds.
type rightForm struct {
	On, Name, Role string // On is "repository" or "environment"
	Actions        []string
}

// rightOf is a permission of a list, with what a form calls it.
type rightOf struct {
	Words, Value string
	Role         string // whose actions it allows
	Group        string // the group that has it; "": the user
}

// rightValue is how forms call a permission: a change takes it out by what it is, not by its place in the list.
func rightValue(p api.Permission) string {
	raw, err := json.Marshal(p)
	if err != nil {
		return "" // it has texts only
	}
	return string(raw)
}

func rightsOf(group string, permissions []api.Permission) []rightOf {
	out := make([]rightOf, len(permissions))
	for i, p := range permissions {
		out[i] = rightOf{Words: inWords(p), Value: rightValue(p), Role: p.Role, Group: group}
	}
	return out
}

// without is a list of permissions without the one that a form names. Invalid, as the API says it, where it is gone.
func without(permissions []api.Permission, value string) ([]api.Permission, error) {
	kept := slices.DeleteFunc(slices.Clone(permissions), func(p api.Permission) bool { return rightValue(p) == value })
	if len(kept) == len(permissions) {
		return nil, formError(http.StatusConflict, "this right is gone already: here are those that there are now")
	}
	return append([]api.Permission{}, kept...), nil
}

func rightFormOf(r *http.Request) rightForm {
	return rightForm{On: r.PostForm.Get("on"), Name: strings.TrimSpace(r.PostForm.Get("place")), Role: r.PostForm.Get("role"), Actions: r.PostForm["action"]}
}

// permission is the right that the form describes. Invalid, as the API says it.
func (f rightForm) permission() (api.Permission, error) {
	p := api.Permission{Repository: f.Name, Role: f.Role}
	if f.On == "environment" {
		p.Repository, p.Environment = "", f.Name
	}
	for _, a := range f.Actions {
		p.Actions = append(p.Actions, api.Action(a))
	}
	switch {
	case f.Name == "":
		return p, formError(http.StatusBadRequest, "say where the right is to hold: the name of a repository or an environment, or * for all")
	case len(p.Actions) == 0 && p.Role == "":
		return p, formError(http.StatusBadRequest, "choose what the right is to allow: actions, or a role")
	}
	return p, nil
}

// rightChoices are what the form for one more right offers.
type rightChoices struct {
	Form         rightForm
	Actions      []choice
	Roles        []choice
	Repositories []string // some, and environments
}

func (u *Pages) rightChoices(ctx context.Context, form rightForm) (c rightChoices, err error) {
	c.Form = form
	for _, a := range access.Actions {
		c.Actions = append(c.Actions, choice{string(a), actionWords[api.Action(a)], slices.Contains(form.Actions, string(a))})
	}
	c.Roles = []choice{{Value: "", Text: "none"}}
	for role, err := range u.api.Roles(ctx) {
		if err != nil {
			return c, err
		}
		var words []string
		for _, a := range role.Actions {
			words = append(words, string(a))
		}
		c.Roles = append(c.Roles, choice{role.Name, role.Name + ": " + strings.Join(words, ", "), role.Name == form.Role})
	}
	repositories, _, err := firstOf(ctx, maxListed, u.api.Repositories)
	for _, repo := range repositories {
		c.Repositories = append(c.Repositories, repo.Name)
	}
	return c, err
}

// doesNothing is the refusal of a form without a known button.
func doesNothing() error {
	return wire.Invalid("the form does not say what to do: load the page again")
}

// adminView has the values of the page that leads to the others.
type adminView struct {
	adminFrame
	Tiles  []adminTile
	Status api.ServerStatus
}

// adminTile is a part of the administration.
type adminTile struct{ Text, Link, About string }

// admin answers GET /admin.
func (u *Pages) admin(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	v := adminView{adminFrame: f}
	var err error
	if v.Tiles, err = u.tiles(r.Context()); err != nil {
		return err
	}
	if v.Status, err = u.api.Status(r.Context()); err != nil {
		return err
	}
	f.about("Administration", "status")
	return write(w, r, http.StatusOK, "admin", v)
}

// tiles are the parts of the administration, with how many there are of what they are about.
func (u *Pages) tiles(ctx context.Context) ([]adminTile, error) {
	users, moreUsers, err := firstOf(ctx, registry.MaxPage, u.api.Users)
	if err != nil {
		return nil, err
	}
	var people, services, off int64
	for _, user := range users {
		switch {
		case user.Disabled:
			off++
		case user.Kind == "service":
			services++
		default:
			people++
		}
	}
	groups, moreGroups, err := firstOf(ctx, registry.MaxPage, u.api.Groups)
	if err != nil {
		return nil, err
	}
	about := plural(people, "person", "people") + ", " + plural(services, "service account", "service accounts")
	if off > 0 {
		about += ", " + number(off) + " disabled"
	}
	return []adminTile{
		{"Users", usersPath, about + orMore(moreUsers)},
		{"Groups", groupsPath, plural(int64(len(groups)), "group", "groups") + orMore(moreGroups)},
		{"Roles", rolesPath, "names for actions"},
		{"Access", accessPath, "who may do what where, and why"},
		{"Repositories", allRepositoriesPath, "make, restore, and their settings"},
		{"Upstreams", allUpstreamsPath, "places that repositories answer from, and their health"},
		{"Rules and claims", serverRulesPath, "what enters, and which names belong to whom"},
		{"Storage", storagePath, "what is stored, and why each blob is kept"},
		{"Jobs", jobsPath, "collection, checks, backups, and what waits"},
		{"Configuration", configurationPath, "settings in force, and where they come from"},
		{"Subscriptions", subscriptionsPath, "systems that are told of what happens"},
	}, nil
}

func orMore(more bool) string {
	if more {
		return ", and more"
	}
	return ""
}
