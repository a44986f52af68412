package ui

import (
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
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
