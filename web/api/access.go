package api

import (
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/deploy"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// accessRoutes are the endpoints of roles, and of who may do what.
func (h *handlers) accessRoutes() []endpoint {
	return []endpoint{
		{"GET", "/roles", "api.roles.list", h.listRoles, openapi.Operation{
			Rights: anyCaller, ID: "listRoles", Group: "Access", Summary: "List the roles",
			Answers: success("All roles, the builtin ones first.", api.List[api.Role]{Items: []api.Role{roleExample}})}},
		{"PUT", "/roles/{name}", "api.roles.put", h.putRole, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "putRole", Group: "Access", Summary: "Define a role, or change it", About: "It changes at once for all who have it. The builtin roles stay as they are.",
			Request: openapi.Takes[api.RoleChange](`{"actions":["read","tag"]}`, "actions"),
			Answers: append(success("The role.", roleExample), created("A new role.", roleExample)...), Errors: []int{http.StatusConflict}}},
		{"DELETE", "/roles/{name}", "api.roles.delete", h.deleteRole, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "deleteRole", Group: "Access", Summary: "Delete a role", About: "A role that a user, group or valid token has stays.",
			Answers: empty("The role is gone."), Errors: []int{http.StatusConflict}}},
		{"GET", "/access", "api.access", h.whoMay, openapi.Operation{
			Rights: seesRights, ID: "whoMay", Group: "Access", Summary: "List who may do what, and why",
			About: "Users with their valid tokens, and the permissions that give the right, or the ownership of the environment. For administrators and auditors of the server, and " +
				"for those of the repository or environment that is asked about. Without a repository and an environment it is about the server itself; with both, " +
				"about deploying versions of the repository to the environment, which needs the right `deploy` in both.",
			Query: paged(
				openapi.Param{Name: "repository", About: "Name of the repository, or `*` for the server itself."},
				openapi.Param{Name: "environment", About: "Name of the environment."},
				openapi.Param{Name: "tag", About: "With `repository`: who may move this tag, by the rights that `/access/tag` names."},
				openapi.Param{Name: "format", About: "With `tag`: the format of the packages; absent: the strictest answer of all formats."},
				openapi.Param{Name: "action", About: "Only who may do this.", Of: openapi.Object{"type": "string", "enum": access.Actions}},
				openapi.Param{Name: "user", About: "Only this user."}),
			Answers: success("Who may, by user name; more than 100 at once count as 100.", api.List[api.Holder]{Items: []api.Holder{holderExample}}),
			Errors:  []int{http.StatusNotFound}}},
		{"GET", "/access/tag", "api.access.tag", h.tagGuard, openapi.Operation{
			Rights: openapi.Rights{{scopeRepository: {string(access.Audit)}}}, ID: "tagGuard", Group: "Access", Summary: "Show what keeps a tag where it is",
			About: "The tag rule of the repository, the environments that follow the tag, and the rights that move it for that reason.",
			Query: []openapi.Param{
				{Name: "repository", Required: true, About: "Name of the repository."}, {Name: "tag", Required: true, About: "The tag.", Example: "production"},
				{Name: "format", About: "The format of the packages; absent: the strictest answer of all formats."}},
			Answers: success("What keeps the tag.", api.TagGuard{Repository: "main", Tag: "production", Rule: string(registry.TagProtected), Pattern: "prod*",
				FollowedBy: []string{"prod"}, MovedWith: []api.Action{api.ActionTag}}),
			Errors: []int{http.StatusNotFound}}},
	}
}

var (
	roleExample   = api.Role{Name: "releaser", Actions: []api.Action{api.ActionRead, api.ActionPublish, api.ActionTag}, Builtin: true}
	holderExample = api.Holder{User: "jane", Kind: personKind, Actions: []api.Action{api.ActionTag},
		Because: []api.Reason{{Group: "releasers", Permission: api.Permission{Repository: "main", Role: "releaser", Actions: roleExample.Actions}}},
		Tokens: []api.TokenHolder{{ID: "12", Name: "ci", Actions: []api.Action{api.ActionTag},
			Because: []api.Reason{{Permission: api.Permission{Repository: "main", Actions: []api.Action{api.ActionTag}}}}}}}
)

func roleOf(r accounts.Role) api.Role {
	return api.Role{Name: r.Name, Actions: actionsOf[api.Action](r.Actions), Builtin: r.Builtin}
}

func reasonsOf(grants []access.Grant) []api.Reason {
	out := make([]api.Reason, len(grants))
	for i, p := range permissionsOf(grants) {
		out[i] = api.Reason{Group: grants[i].Group, Ownership: string(grants[i].Ownership), Permission: p}
	}
	return out
}

func holderOf(h accounts.Holder) api.Holder {
	out := api.Holder{User: h.User.Name, Actions: actionsOf[api.Action](h.Actions), Because: reasonsOf(h.Because), Tokens: []api.TokenHolder{}}
	if h.User.ID != 0 {
		out.Kind = kindOf(accounts.UserDetail{User: h.User}.Service())
	}
	for _, t := range h.Tokens {
		shown := tokenOf(t.Token)
		out.Tokens = append(out.Tokens, api.TokenHolder{ID: shown.ID, Name: shown.Name, Kind: shown.Kind, Parent: shown.Parent,
			Actions: actionsOf[api.Action](t.Actions), Because: reasonsOf(t.Because)})
	}
	return out
}

// listRoles answers GET /roles: all of them, as there are few.
func (h *handlers) listRoles(w http.ResponseWriter, r *http.Request) error {
	roles, err := h.svc.Accounts.Roles(r.Context())
	if err != nil {
		return err
	}
	out := api.List[api.Role]{Items: make([]api.Role, len(roles))}
	for i, role := range roles {
		out.Items[i] = roleOf(role)
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// putRole answers PUT /roles/{name} {"actions"}: 201 for a new role, else 200.
func (h *handlers) putRole(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	var body api.RoleChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	role, created, err := h.svc.Accounts.PutRole(r.Context(), name, actionsOf[access.Action](body.Actions))
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return writeOne(w, status, role, err, roleOf)
}

// deleteRole answers DELETE /roles/{name}.
func (h *handlers) deleteRole(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Accounts.DeleteRole(r.Context(), name))
}

// beforeUsers is the cursor behind the entry of callers without credentials: it is before the names of all users.
const beforeUsers = "!"

// guardOf asks what keeps the tag that the query names.
func (h *handlers) guardOf(in *input) (g deploy.TagGuard) {
	repository, format, tag := in.text("repository"), in.text("format"), in.text("tag")
	return read(in, func() (deploy.TagGuard, error) { return h.svc.Deploy.TagGuard(in.r.Context(), repository, format, tag) })
}

// tagGuard answers GET /access/tag?repository=&tag=&format=.
func (h *handlers) tagGuard(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	g, repository, tag := h.guardOf(in), in.text("repository"), in.text("tag")
	return writeOne(w, http.StatusOK, g, in.err, func(g deploy.TagGuard) api.TagGuard {
		return api.TagGuard{Repository: repository, Tag: tag, Rule: string(g.Rule.Rule), Pattern: g.Rule.Pattern,
			FollowedBy: append([]string{}, g.Followers...), MovedWith: actionsOf[api.Action](g.MovedWith())}
	})
}

// byTag makes a query one about who may move the tag that the request names.
func (h *handlers) byTag(in *input, q *accounts.WhoQuery) {
	switch {
	case q.Environment != "" || q.Action != "" && q.Action != access.Tag:
		in.err = wire.Invalid("with tag, the answer is who may move it in a repository: leave out environment, and an action other than \"tag\"")
		return
	case q.Repository == "":
		in.err = wire.Invalid("tag needs the repository in which it is moved")
		return
	}
	with := h.guardOf(in).MovedWith()
	if q.Action = with[0]; len(with) > 1 {
		q.Or = with[1]
	}
}

// whoMay answers GET /access?repository=&environment=&tag=&action=&user=.
func (h *handlers) whoMay(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	q := accounts.WhoQuery{Resource: access.Resource{Repository: in.text("repository"), Environment: in.text("environment")},
		Action: access.Action(in.text("action")), User: in.text("user")}
	page := in.page()
	if in.err == nil && in.text("tag") != "" {
		h.byTag(in, &q)
	}
	if in.err != nil {
		return in.err
	}
	page.Limit = min(page.Limit, accounts.HoldersPage)
	return writeList(w, page, func(p registry.Page) ([]accounts.Holder, error) {
		q.After, q.Limit = p.After, p.Limit
		return h.svc.Accounts.Who(r.Context(), q)
	}, func(h accounts.Holder) string {
		if h.User.ID == 0 {
			return beforeUsers
		}
		return h.User.Name
	}, holderOf)
}
