package ui

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

const groupsLimit = 100 // of a page

// groupItem is a group with its rights in words.
type groupItem struct {
	api.Group
	Rights []rightOf
}

// groupsView has the values of the list of groups.
type groupsView struct {
	adminFrame
	Groups []groupItem
	Next   string
}

// groups answers GET /admin/groups?after=.
func (u *Pages) groups(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, groupsLimit)
	if err != nil {
		return err
	}
	v := groupsView{adminFrame: f}
	for g, err := range u.api.Groups(client.OnePage(r.Context(), &page)) {
		if err != nil {
			return err
		}
		v.Groups = append(v.Groups, groupItem{g, rightsOf("", g.Permissions)})
	}
	v.Next = f.next(page)
	f.about("Groups", "groups")
	return write(w, r, http.StatusOK, "admin-groups", v)
}

// newGroupView has the values of the page with the form of a new group.
type newGroupView struct {
	adminFrame
	Form struct{ Name, Description, Members string }
}

// newGroup answers GET /admin/new/group.
func (u *Pages) newGroup(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	return u.writeNewGroup(w, r, http.StatusOK, newGroupView{adminFrame: f})
}

func (u *Pages) writeNewGroup(w http.ResponseWriter, r *http.Request, status int, v newGroupView) error {
	v.crumb("Groups", groupsPath)
	v.about("New group", "groups")
	return write(w, r, status, "admin-group-new", v)
}

// createGroup answers POST /admin/new/group.
func (u *Pages) createGroup(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	v := newGroupView{adminFrame: f}
	v.Form.Name, v.Form.Description, v.Form.Members = strings.TrimSpace(r.PostForm.Get("name")), strings.TrimSpace(r.PostForm.Get("description")), r.PostForm.Get("members")
	made, err := u.api.CreateGroup(r.Context(), api.NewGroup{Name: v.Form.Name, Description: &v.Form.Description, Members: listOf(v.Form.Members)})
	if status, ok := v.refuse("create", err); ok {
		return u.writeNewGroup(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, groupPath(made.Name))
}

// groupView has the values of a group's page.
type groupView struct {
	adminFrame
	Group  api.Group
	Rights []rightOf
	Right  rightChoices
	Users  []string // some, to choose from
	Member string   // what the form for one more member holds
	About  string   // what the form for the description holds
}

// group answers GET /admin/groups/{name}.
func (u *Pages) group(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	return u.writeGroup(w, r, http.StatusOK, groupView{adminFrame: f})
}

func (u *Pages) writeGroup(w http.ResponseWriter, r *http.Request, status int, v groupView) error {
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	if v.Group, err = u.api.Group(r.Context(), name); err != nil {
		return err
	}
	v.Rights = rightsOf("", v.Group.Permissions)
	if v.Right, err = u.rightChoices(r.Context(), rightFormOf(r)); err != nil {
		return err
	}
	if v.Member = r.PostForm.Get("member"); v.Failed != "add" {
		v.Member = ""
	}
	if v.About = v.Group.Description; v.Failed == "describe" {
		v.About = r.PostForm.Get("description")
	}
	users, _, err := firstOf(r.Context(), maxListed, u.api.Users)
	if err != nil {
		return err
	}
	for _, user := range users {
		if !slices.Contains(v.Group.Members, user.Name) {
			v.Users = append(v.Users, user.Name)
		}
	}
	v.crumb("Groups", groupsPath)
	v.about("Group "+v.Group.Name, "groups", name)
	return write(w, r, status, "admin-group", v)
}

// changeGroup answers POST /admin/groups/{name}: it does what the button that was pressed says.
func (u *Pages) changeGroup(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	do := r.PostForm.Get("do")
	v := groupView{adminFrame: f}
	err = u.doGroup(r, name, do)
	if status, ok := v.refuse(do, err); ok && (do == "add" || !client.IsStatus(err, http.StatusNotFound)) {
		return u.writeGroup(w, r, status, v)
	}
	if err != nil {
		return err
	}
	if do == "delete" {
		return u.seeOther(w, r, groupsPath)
	}
	return u.seeOther(w, r, groupPath(name))
}

func (u *Pages) doGroup(r *http.Request, name, do string) error {
	ctx := r.Context()
	change := func(c api.GroupChange) error {
		_, err := u.api.ChangeGroup(ctx, name, c)
		return err
	}
	switch do {
	case "add":
		members := listOf(r.PostForm.Get("member"))
		if members == nil {
			return formError(http.StatusBadRequest, "say which user is to be a member")
		}
		return change(api.GroupChange{AddMembers: *members})
	case "remove":
		return change(api.GroupChange{RemoveMembers: []string{r.PostForm.Get("member")}})
	case "describe":
		text := strings.TrimSpace(r.PostForm.Get("description"))
		return change(api.GroupChange{Description: &text})
	case "grant", "ungrant":
		g, err := u.api.Group(ctx, name)
		if err != nil {
			return err
		}
		rights, err := changedRights(r, g.Permissions)
		if err != nil {
			return err
		}
		return change(api.GroupChange{Permissions: &rights})
	case "delete":
		if err := confirmed(r, name); err != nil {
			return err
		}
		return u.api.DeleteGroup(ctx, name)
	}
	return doesNothing()
}

// roleItem is a role, with the form that changes it.
type roleItem struct {
	api.Role
	Choices []choice
	Failed  string // why its form was not taken
	Open    bool   // its form is shown
}

// rolesView has the values of the page of roles.
type rolesView struct {
	adminFrame
	Roles []roleItem
	New   struct {
		Name    string
		Choices []choice
	}
}

// roles answers GET /admin/roles.
func (u *Pages) roles(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	return u.writeRoles(w, r, http.StatusOK, rolesView{adminFrame: f})
}

func (u *Pages) writeRoles(w http.ResponseWriter, r *http.Request, status int, v rolesView) error {
	choices := func(has func(access.Action) bool) (list []choice) {
		for _, a := range access.Actions {
			list = append(list, choice{string(a), actionWords[api.Action(a)], has(a)})
		}
		return list
	}
	asked := func(a access.Action) bool { return slices.Contains(r.PostForm["action"], string(a)) }
	for role, err := range u.api.Roles(r.Context()) {
		if err != nil {
			return err
		}
		item := roleItem{Role: role, Choices: choices(func(a access.Action) bool { return slices.Contains(role.Actions, api.Action(a)) })}
		if v.Failed != "" && v.Failed != "create" && r.PostForm.Get("name") == role.Name {
			item.Failed, item.Open = v.Error, true
			if v.Failed == "change" {
				item.Choices = choices(asked)
			}
		}
		v.Roles = append(v.Roles, item)
	}
	if v.New.Choices = choices(asked); v.Failed == "create" {
		v.New.Name = r.PostForm.Get("name")
	}
	v.about("Roles", "roles")
	return write(w, r, status, "admin-roles", v)
}

// changeRole answers POST /admin/roles: it makes, changes or deletes a role.
func (u *Pages) changeRole(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	do, name := r.PostForm.Get("do"), strings.TrimSpace(r.PostForm.Get("name"))
	v := rolesView{adminFrame: f}
	var err error
	switch do {
	case "create", "change":
		err = u.putRole(r.Context(), do, name, r.PostForm["action"])
	case "delete":
		if err = confirmed(r, name); err == nil {
			err = u.api.DeleteRole(r.Context(), name)
		}
	default:
		err = doesNothing()
	}
	if status, ok := v.refuse(do, err); ok {
		return u.writeRoles(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, rolesPath)
}

func (u *Pages) putRole(ctx context.Context, do, name string, words []string) error {
	if name == "" {
		return formError(http.StatusBadRequest, "give the role a name")
	}
	there := false
	for role, err := range u.api.Roles(ctx) {
		if err != nil {
			return err
		}
		there = there || role.Name == name
	}
	if do == "create" && there {
		return formError(http.StatusConflict, "there is a role "+name+" already: change it in the list")
	}
	actions := make([]api.Action, len(words))
	for i, a := range words {
		actions[i] = api.Action(a)
	}
	_, err := u.api.PutRole(ctx, name, api.RoleChange{Actions: actions})
	return err
}

// accessView has the values of the page of who may do what.
type accessView struct {
	adminFrame
	Repository, Environment, Action, User, Tag string // of the form
	About                                      string // what is shown, in words
	Actions                                    []choice
	Holders                                    []holderItem
	Guard                                      *api.TagGuard // with Tag
	Next                                       string
	Repositories, Environments                 []string // some, to choose from
	Asked                                      bool     // the visitor has chosen what is shown
}

// holderItem is a user who may do something, and why, in words.
type holderItem struct {
	api.Holder
	May     string
	Because []reasonItem
	Tokens  []holderToken
}

// holderToken is a token of that user that may do it too.
type holderToken struct {
	Name, May string
	Login     bool
}

// reasonItem is what allows it. Group is where the right comes from, "" for the user itself.
type reasonItem struct{ Words, Group string }

const holdersLimit = 50 // of a page

// access answers GET /admin/access?repository=&environment=&action=&user=&tag=&after=.
func (u *Pages) access(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	v := accessView{adminFrame: f}
	for name, to := range map[string]*string{"repository": &v.Repository, "environment": &v.Environment, "action": &v.Action, "user": &v.User, "tag": &v.Tag} {
		text, err := q.Text(name)
		if err != nil {
			return err
		}
		*to = strings.TrimSpace(text)
		v.Asked = v.Asked || *to != ""
	}
	page, err := pageOf(q, holdersLimit)
	if err != nil {
		return err
	}
	status := http.StatusOK
	err = u.holders(r.Context(), &v, &page)
	if refused, ok := v.refuse("show", err); ok {
		status, v.Holders, v.Guard = refused, nil, nil
	} else if err != nil {
		return err
	}
	v.Next, v.About = f.next(page), v.place()
	return u.writeAccess(w, r, status, v)
}

func (u *Pages) writeAccess(w http.ResponseWriter, r *http.Request, status int, v accessView) error {
	v.Actions = []choice{{Value: "", Text: "anything"}}
	for _, a := range access.Actions {
		v.Actions = append(v.Actions, choice{string(a), string(a), string(a) == v.Action})
	}
	repositories, _, err := firstOf(r.Context(), maxListed, u.api.Repositories)
	if err != nil {
		return err
	}
	for _, repo := range repositories {
		v.Repositories = append(v.Repositories, repo.Name)
	}
	environments, _, err := firstOf(r.Context(), maxListed, func(ctx context.Context) iter.Seq2[api.Environment, error] { return u.api.Environments(ctx, "") })
	if err != nil {
		return err
	}
	for _, e := range environments {
		v.Environments = append(v.Environments, e.Name)
	}
	v.about("Access", "access")
	if query := r.URL.RawQuery; query != "" {
		v.JSON = v.Link(api.Prefix + "/access?" + query)
	}
	return write(w, r, status, "admin-access", v)
}

// place says what a list of rights is about.
func (v *accessView) place() string {
	switch {
	case v.Tag != "":
		return "who may move the tag " + v.Tag + " in the repository " + v.Repository
	case v.Environment != "" && v.Repository != "" && v.Repository != access.Instance:
		return "the repository " + v.Repository + " and the environment " + v.Environment
	case v.Environment != "":
		return "the environment " + v.Environment
	case v.Repository != "" && v.Repository != access.Instance:
		return "the repository " + v.Repository
	}
	return "the server itself: all that is not of one repository"
}

// holders fills in who may, by page.
func (u *Pages) holders(ctx context.Context, v *accessView, page *client.Page) error {
	if v.Tag != "" && v.Repository != "" {
		guard, err := u.api.TagGuard(ctx, v.Repository, "", v.Tag)
		if err != nil {
			return err
		}
		v.Guard = &guard
	}
	for h, err := range u.api.WhoMay(client.OnePage(ctx, page), client.WhoQuery{Repository: v.Repository, Environment: v.Environment, Action: api.Action(v.Action), User: v.User, Tag: v.Tag}) {
		if err != nil {
			return err
		}
		item := holderItem{Holder: h, May: join(h.Actions), Because: reasonsOf(h.Because)}
		for _, t := range h.Tokens {
			item.Tokens = append(item.Tokens, holderToken{t.Name, join(t.Actions), t.Kind != ""})
		}
		v.Holders = append(v.Holders, item)
	}
	return nil
}

func join(actions []api.Action) string {
	words := make([]string, len(actions))
	for i, a := range actions {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}

func reasonsOf(reasons []api.Reason) []reasonItem {
	out := make([]reasonItem, len(reasons))
	for i, reason := range reasons {
		p := reason.Permission
		out[i].Group = reason.Group
		switch reason.Ownership {
		case "owner":
			out[i].Words = "owner of the environment " + p.Environment
		case "no_owner":
			out[i].Words = "the environment " + p.Environment + " has no owner"
		default:
			if p.Role != "" {
				p.Actions = nil // the role says them
			}
			out[i].Words = inWords(p)
		}
	}
	return out
}
