package ui

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/registry/access"
)

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
