package api

import (
	"net/http"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// groupRoutes are the endpoints of groups.
func (h *handlers) groupRoutes() []endpoint {
	return []endpoint{
		{"GET", "/groups", "api.groups.list", h.listGroups, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "listGroups", Group: "Access", Summary: "List the groups", About: "For administrators and auditors of the server.",
			Query: paged(), Answers: success("The groups, by name.", api.List[api.Group]{Items: []api.Group{groupExample}})}},
		{"POST", "/groups", "api.groups.create", h.createGroup, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "createGroup", Group: "Access", Summary: "Make a group",
			Request: openapi.Takes[api.NewGroup](`{"name":"releasers","permissions":[{"repository":"main","role":"releaser"}],"members":["jane"]}`, "name"),
			Answers: created("The group.", groupExample, locationOf), Errors: []int{http.StatusConflict}}},
		{"GET", groupPath, "api.groups.get", h.getGroup, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "getGroup", Group: "Access", Summary: "Show a group", Answers: success("The group.", groupExample)}},
		{"PATCH", groupPath, "api.groups.change", h.changeGroup, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "changeGroup", Group: "Access", Summary: "Change a group", About: "What the body does not name stays. The rights of its members change at once, and those of their tokens.",
			Request: openapi.Takes[api.GroupChange](`{"add_members":["jane"]}`),
			Answers: success("The group.", groupExample), Errors: []int{http.StatusConflict}}},
		{"DELETE", groupPath, "api.groups.delete", h.deleteGroup, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "deleteGroup", Group: "Access", Summary: "Delete a group", Answers: empty("Its members stay, without its permissions."), Errors: []int{http.StatusConflict}}},
	}
}

const groupPath = "/groups/{name}"

var groupExample = api.Group{
	Name: "releasers", Description: "who may ship", Members: []string{"jane"}, CreatedAt: momentExample,
	Permissions: []api.Permission{{Repository: "main", Role: "releaser"}},
}

func groupOf(g accounts.Group) api.Group {
	return api.Group{Name: g.Name, Description: g.Description, Permissions: permissionsOf(access.Grants(g.Grants)), Members: listed(g.Members), CreatedAt: timeText(g.CreatedAt)}
}

// listGroups answers GET /groups.
func (h *handlers) listGroups(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]accounts.Group, error) { return h.svc.Accounts.Groups(r.Context(), p) },
		func(g accounts.Group) string { return g.Name }, groupOf)
}

// membersOrNil are the names of a change, nil for one that leaves them.
func membersOrNil(names *[]string) []string {
	if names == nil {
		return nil
	}
	return listed(*names)
}

// createGroup answers POST /groups: 201 with the group.
func (h *handlers) createGroup(w http.ResponseWriter, r *http.Request) error {
	var body api.NewGroup
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	g, err := h.svc.Accounts.CreateGroup(r.Context(), body.Name, accounts.GroupChange{
		Description: body.Description, Grants: grantsOrNil(body.Permissions), Members: membersOrNil(body.Members)})
	if err == nil {
		h.location(w, r, "groups", g.Name)
	}
	return writeOne(w, http.StatusCreated, g, err, groupOf)
}

// getGroup answers GET /groups/{name}.
func (h *handlers) getGroup(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	g, err := h.svc.Accounts.Group(r.Context(), name)
	return writeOne(w, http.StatusOK, g, err, groupOf)
}

// changeGroup answers PATCH /groups/{name}: 200 with the group.
func (h *handlers) changeGroup(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	var body api.GroupChange
	in.body(&body)
	in.unchanged(body.Name, name, "a group")
	if in.err != nil {
		return in.err
	}
	g, err := h.svc.Accounts.UpdateGroup(r.Context(), name, accounts.GroupChange{
		Description: body.Description, Grants: grantsOrNil(body.Permissions), Members: membersOrNil(body.Members),
		AddMembers: body.AddMembers, RemoveMembers: body.RemoveMembers})
	return writeOne(w, http.StatusOK, g, err, groupOf)
}

// deleteGroup answers DELETE /groups/{name}.
func (h *handlers) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Accounts.DeleteGroup(r.Context(), name))
}
