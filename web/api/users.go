package api

import (
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// userRoutes are the endpoints of users, and of the caller.
func (h *handlers) userRoutes() []endpoint {
	return []endpoint{
		{"GET", "/users", "api.users.list", h.listUsers, openapi.Operation{
			ID: "listUsers", Group: "Access", Summary: "List the users",
			Query: paged(), Answers: success("The users, by name.", api.List[api.User]{Items: []api.User{userExample}})}},
		{"POST", "/users", "api.users.create", h.createUser, openapi.Operation{
			ID: "createUser", Group: "Access", Summary: "Make a user",
			Request: openapi.Takes[api.NewUser](`{"name":"jane","password":"…","permissions":[{"repository":"*","actions":["read","tag"]}]}`, "name", "password"),
			Answers: created("The user.", userExample), Errors: []int{http.StatusConflict}}},
		{"PATCH", "/users/{name}", "api.users.change", h.changeUser, openapi.Operation{
			ID: "changeUser", Group: "Access", Summary: "Change a user", About: "Everybody may set the own password. What the body does not name stays.",
			Request: openapi.Takes[api.UserChange](`{"disabled":true}`),
			Answers: success("The user.", userExample), Errors: []int{http.StatusConflict}}},
		{"GET", "/whoami", "api.whoami", h.whoami, openapi.Operation{
			ID: "whoami", Group: "Access", Summary: "Show who you are and what you may do",
			Answers: success("The caller.", api.Caller{Type: "token", ID: "token:12", Name: "jane", Token: "ci", Permissions: tokenExample.Permissions})}},
	}
}

var userExample = api.User{
	Name: "jane", CreatedAt: momentExample,
	Permissions: []api.Permission{{Repository: "*", Actions: []api.Action{api.ActionRead, api.ActionTag}}},
}

func userOf(u registry.User) api.User {
	return api.User{Name: u.Name, Disabled: u.Disabled, Permissions: permissionsOf(access.Grants(u.Grants)), CreatedAt: timeText(u.CreatedAt)}
}

// listUsers answers GET /users, for administrators of the instance.
func (h *handlers) listUsers(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.User, error) { return h.svc.Accounts.Users(r.Context(), p) },
		func(u registry.User) string { return u.Name }, userOf)
}

func userChangeOf(c api.UserChange) accounts.UserChange {
	out := accounts.UserChange{Password: c.Password, Disabled: c.Disabled}
	if c.Permissions != nil {
		out.Grants = grantsOf(*c.Permissions)
	}
	return out
}

// createUser answers POST /users {"name","password","permissions"}: 201 with the user.
func (h *handlers) createUser(w http.ResponseWriter, r *http.Request) error {
	var body api.NewUser
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	u, err := h.svc.Accounts.CreateUser(r.Context(), body.Name, userChangeOf(api.UserChange(body)))
	return writeOne(w, http.StatusCreated, u, err, userOf)
}

// changeUser answers PATCH /users/{name}: 200 with the user. Every user may set their own password.
func (h *handlers) changeUser(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	var body api.UserChange
	in.body(&body)
	in.unchanged(body.Name, name, "a user")
	if in.err != nil {
		return in.err
	}
	u, err := h.svc.Accounts.UpdateUser(r.Context(), name, userChangeOf(body))
	return writeOne(w, http.StatusOK, u, err, userOf)
}

// whoami answers GET /whoami: the caller and its rights. A token never has more rights than the user behind it.
func (h *handlers) whoami(w http.ResponseWriter, r *http.Request) error {
	a := access.From(r.Context())
	if a.Type == access.TypeAnonymous && len(a.Grants) == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see who you are")
	}
	return httpserver.JSON(w, http.StatusOK, api.Caller{Type: a.Type, ID: a.ID, Name: a.Name, Token: a.Token, Permissions: permissionsOf(a.Grants)})
}
