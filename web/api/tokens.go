package api

import (
	"net/http"
	"time"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// tokenRoutes are the endpoints of tokens.
func (h *handlers) tokenRoutes() []endpoint {
	return []endpoint{
		{"GET", "/tokens", "api.tokens.list", h.listTokens, openapi.Operation{
			Rights: anyCaller, ID: "listTokens", Group: "Access", Summary: "List tokens",
			About: "All of yours when you are logged in by password or by `slipway login`; with another token that one and those that it made, and that these made. " +
				"An administrator or auditor of the server sees everybody's.",
			Query: paged(openapi.Param{Name: "user", About: "Only those of this user."},
				openapi.Param{Name: "valid", About: "Only those that are neither revoked nor expired.", Of: openapi.Object{"type": "boolean", "default": false}}),
			Answers: success("The tokens, without their secrets.", api.List[api.Token]{Items: []api.Token{tokenExample}}),
			Errors:  []int{http.StatusForbidden, http.StatusNotFound}}},
		{"POST", "/tokens", "api.tokens.create", h.createToken, openapi.Operation{
			Rights: needs(scopeRequested), ID: "createToken", Group: "Access", Summary: "Make a token",
			About: "A token never exceeds the rights of its user, now or later. Made with a token, it is also bounded by that one: it ends when that is revoked, expires or " +
				"loses its user, and `expires_in` beyond its end is refused. Made with the password, it ends by itself only. An administrator of the server makes tokens for any user.",
			Request: openapi.Takes[api.TokenRequest](`{"name":"ci","permissions":[{"repository":"main","actions":["read","publish"]}],"expires_in":"720h"}`,
				"name"),
			Answers: created("The token with its secret, shown this once.", api.NewToken{Token: tokenExample, Secret: "slp_…"})}},
		{"GET", "/tokens/{id}", "api.tokens.get", h.getToken, openapi.Operation{
			Rights: onOwnOrAudited, ID: "getToken", Group: "Access", Summary: "Show a token", Answers: success("The token, without its secret.", tokenExample)}},
		{"DELETE", "/tokens/{id}", "api.tokens.revoke", h.revokeToken, openapi.Operation{
			Rights: onOwnOrServer, ID: "revokeToken", Group: "Access", Summary: "Revoke a token", About: "Every token that descends from it ends with it.", Answers: empty("It is refused from now on; also when it was revoked before.")}},
	}
}

var tokenExample = api.Token{
	ID: "12", Name: "ci", User: "jane", Hint: "slp_abcd", CreatedAt: momentExample, ExpiresAt: &laterExample, LastUsedAt: &momentExample, LastUsedFrom: "192.0.2.1",
	Permissions: []api.Permission{{Repository: "main", Actions: []api.Action{api.ActionRead, api.ActionPublish}}},
}

func tokenOf(t registry.Token) api.Token {
	out := api.Token{
		ID: numberText(t.ID), Name: t.Name, User: t.User, Kind: t.Kind, Hint: t.Hint,
		Permissions: permissionsOf(access.Grants(t.Grants)), CreatedAt: timeText(t.CreatedAt),
		ExpiresAt: timeOrNull(t.ExpiresAt), RevokedAt: timeOrNull(t.RevokedAt), LastUsedAt: timeOrNull(t.UsedAt), LastUsedFrom: t.UsedFrom,
	}
	if t.ParentID != 0 {
		out.Parent = numberText(t.ParentID)
	}
	return out
}

// sessionKind is the kind of the token of a login.
const sessionKind = "session"

// listTokens answers GET /tokens: the tokens that the caller sees.
func (h *handlers) listTokens(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	user, valid, page := in.text("user"), in.flag("valid"), in.numbered()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Token, error) {
		return h.svc.Accounts.Tokens(r.Context(), accounts.TokenQuery{User: user, Valid: valid, After: wire.AfterNumber(p), Limit: p.Limit})
	}, func(t registry.Token) string { return numberText(t.ID) }, tokenOf)
}

// createToken answers POST /tokens {"name","permissions","expires_in"}: 201 with the secret, shown this once.
func (h *handlers) createToken(w http.ResponseWriter, r *http.Request) error {
	var body api.TokenRequest
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	req := accounts.TokenRequest{Name: body.Name, User: body.User, Grants: grantsOf(body.Permissions), Session: body.Kind == sessionKind}
	if body.Kind != "" && !req.Session {
		return wire.Invalid("kind: the only kind that can be asked for is %q", sessionKind)
	}
	if body.ExpiresIn != nil { // an empty text is an unset variable, and must not make a token without an end
		d, err := time.ParseDuration(*body.ExpiresIn)
		if err != nil || d < 0 {
			return wire.Invalid("expires_in must be a duration such as 720h, or 0 for a token that does not end")
		}
		req.ExpiresIn, req.Endless = d, d == 0
	}
	secret, t, err := h.svc.Accounts.CreateToken(r.Context(), req)
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusCreated, api.NewToken{Token: tokenOf(t), Secret: secret})
}

// getToken answers GET /tokens/{id}.
func (h *handlers) getToken(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutToken)
	if in.err != nil {
		return in.err
	}
	t, err := h.svc.Accounts.Token(r.Context(), id)
	return writeOne(w, http.StatusOK, t, err, tokenOf)
}

// revokeToken answers DELETE /tokens/{id}: 204, also when it was revoked before.
func (h *handlers) revokeToken(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutToken)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Accounts.RevokeToken(r.Context(), id))
}

func permissionsOf(grants []access.Grant) []api.Permission {
	out := make([]api.Permission, len(grants))
	for i, g := range grants {
		out[i] = api.Permission{Repository: g.Repository, Environment: g.Environment, Actions: actionsOf[api.Action](g.Actions), Role: g.Role}
	}
	return out
}

func grantsOf(permissions []api.Permission) []access.Grant {
	out := make([]access.Grant, len(permissions))
	for i, p := range permissions {
		out[i] = access.Grant{Repository: p.Repository, Environment: p.Environment, Actions: actionsOf[access.Action](p.Actions), Role: p.Role}
	}
	return out
}

// actionsOf are actions as another type; nil stays nil.
func actionsOf[To, From ~string](actions []From) []To {
	if actions == nil {
		return nil
	}
	out := make([]To, len(actions))
	for i, a := range actions {
		out[i] = To(a)
	}
	return out
}
