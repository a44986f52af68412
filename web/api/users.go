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
			Rights: needs(scopeServer, access.Audit), ID: "listUsers", Group: "Access", Summary: "List the users",
			Query: paged(), Answers: success("The users, by name.", api.List[api.User]{Items: []api.User{userExample}})}},
		{"POST", "/users", "api.users.create", h.createUser, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "createUser", Group: "Access", Summary: "Make a user",
			Request: openapi.Takes[api.NewUser](`{"name":"jane","password":"…","permissions":[{"repository":"*","actions":["read","tag"]}]}`, "name"),
			Answers: created("The user.", userExample), Errors: []int{http.StatusConflict}}},
		{"GET", "/users/{name}", "api.users.get", h.getUser, openapi.Operation{
			Rights: onOwnOrAudited, ID: "getUser", Group: "Access", Summary: "Show a user", About: "Yourself, or any for an administrator or auditor of the server.",
			Answers: success("The user.", userExample)}},
		{"PATCH", "/users/{name}", "api.users.change", h.changeUser, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "changeUser", Group: "Access", Summary: "Change a user",
			About: "Everybody may set the own password: with a token only together with `current_password`. A new password ends the tokens of all logins of the user, and its sessions in browsers, but the one " +
				"that asks. Everything else is for administrators of the server. What the body does not name stays.",
			Request: openapi.Takes[api.UserChange](`{"disabled":true}`),
			Answers: success("The user.", userExample), Errors: []int{http.StatusConflict}}},
		{"DELETE", "/users/{name}", "api.users.delete", h.deleteUser, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "deleteUser", Group: "Access", Summary: "Delete a user", About: "All of its tokens end. Its name stays taken: the log names it.",
			Answers: empty("The user is gone."), Errors: []int{http.StatusConflict}}},
		{"GET", "/whoami", "api.whoami", h.whoami, openapi.Operation{
			Rights: anyCaller, ID: "whoami", Group: "Access", Summary: "Show who you are and what you may do",
			Answers: success("The caller.", api.Caller{Type: "token", ID: "token:12", Name: "jane", Kind: personKind, Token: "ci", ExpiresAt: &laterExample, Permissions: tokenExample.Permissions})}},
	}
}

var userExample = api.User{
	Name: "jane", Kind: personKind, Groups: []string{"releasers"}, CreatedAt: momentExample, LastLoginAt: &laterExample,
	Permissions: []api.Permission{{Repository: "*", Actions: []api.Action{api.ActionRead, api.ActionTag}}},
}

func userOf(u accounts.UserDetail) api.User {
	return api.User{Name: u.Name, Kind: kindOf(u.Service()), Disabled: u.Disabled, Permissions: permissionsOf(access.Grants(u.Grants)),
		Groups: append([]string{}, u.Groups...), CreatedAt: timeText(u.CreatedAt), LastLoginAt: timeOrNull(u.LoginAt)}
}

// Kinds of users.
const (
	personKind  = "person"
	serviceKind = "service"
)

func kindOf(service bool) string {
	if service {
		return serviceKind
	}
	return personKind
}

// listUsers answers GET /users, for administrators and auditors of the instance.
func (h *handlers) listUsers(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]accounts.UserDetail, error) { return h.svc.Accounts.Users(r.Context(), p) },
		func(u accounts.UserDetail) string { return u.Name }, userOf)
}

// grantsOrNil are permissions as grants, nil for none: those of a change that leaves them.
func grantsOrNil(permissions *[]api.Permission) []access.Grant {
	if permissions == nil {
		return nil
	}
	return grantsOf(*permissions)
}

// createUser answers POST /users {"name","kind","password","permissions"}: 201 with the user.
func (h *handlers) createUser(w http.ResponseWriter, r *http.Request) error {
	var body api.NewUser
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	if body.Kind != "" && body.Kind != personKind && body.Kind != serviceKind {
		return wire.Invalid("kind is %q or %q", personKind, serviceKind)
	}
	u, err := h.svc.Accounts.CreateUser(r.Context(), body.Name, accounts.UserChange{
		Password: body.Password, Disabled: body.Disabled, Grants: grantsOrNil(body.Permissions), Service: body.Kind == serviceKind})
	return writeOne(w, http.StatusCreated, accounts.UserDetail{User: u}, err, userOf)
}

// getUser answers GET /users/{name}: to an administrator or auditor of the instance, and to the user itself.
func (h *handlers) getUser(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	u, err := h.svc.Accounts.User(r.Context(), name)
	return writeOne(w, http.StatusOK, u, err, userOf)
}

// deleteUser answers DELETE /users/{name}.
func (h *handlers) deleteUser(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Accounts.DeleteUser(r.Context(), name))
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
	_, err := h.svc.Accounts.UpdateUser(h.server.From(r), name, accounts.UserChange{
		Password: body.Password, CurrentPassword: body.CurrentPassword, Disabled: body.Disabled, Grants: grantsOrNil(body.Permissions)})
	if err != nil {
		return err
	}
	u, err := h.svc.Accounts.User(r.Context(), name)
	return writeOne(w, http.StatusOK, u, err, userOf)
}

// whoami answers GET /whoami: the caller and its effective rights.
func (h *handlers) whoami(w http.ResponseWriter, r *http.Request) error {
	a := access.From(r.Context())
	if a.Type == access.TypeAnonymous && len(a.Grants) == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see who you are")
	}
	rights, err := h.svc.Accounts.Effective(r.Context())
	if err != nil {
		return err
	}
	out := api.Caller{Type: a.Type, ID: a.ID, Name: a.Name, Token: a.Token, Session: a.Session, ExpiresAt: timeOrNull(a.Ends), Permissions: permissionsOf(rights)}
	if a.UserID != 0 {
		out.Kind = kindOf(a.Service)
	}
	for _, id := range a.Line {
		out.Parents = append(out.Parents, numberText(id))
	}
	return httpserver.JSON(w, http.StatusOK, out)
}
