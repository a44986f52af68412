package api

import (
	"net/http"
	"time"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// claimRoutes are the endpoints of claims on names.
func (h *handlers) claimRoutes() []endpoint {
	return []endpoint{
		{"GET", "/claims", "api.claims.list", h.listClaims, openapi.Operation{
			Rights: anyCaller, ID: "listClaims", Group: "Upstreams", Summary: "List the claims on names",
			About:   "Those of the whole server, and those of repositories that you may read.",
			Query:   []openapi.Param{{Name: "repository", About: "Only those that hold in this repository."}},
			Answers: success("The claims.", api.List[api.Claim]{Items: []api.Claim{claimExample}})}},
		{"GET", "/claims/suggestions", "api.claims.suggest", h.suggestClaims, openapi.Operation{
			Rights: onClaim, ID: "suggestClaims", Group: "Upstreams", Summary: "Suggest claims",
			About:   "From the scopes, groups, folders and prefixes of what is published, as far as no claim covers it.",
			Query:   []openapi.Param{{Name: "repository", About: "From what is published there; absent: in all repositories, for administrators of the server."}},
			Answers: success("The claims.", api.List[api.SuggestedClaim]{Items: []api.SuggestedClaim{{Format: "npm", Pattern: "@acme/*", Packages: 12, Example: "@acme/web"}}}),
			Errors:  []int{http.StatusNotFound}}},
		{"POST", "/claims", "api.claims.add", h.addClaim, openapi.Operation{
			Rights: onClaim, ID: "addClaim", Group: "Upstreams", Summary: "Reserve names",
			About:   "A name that a claim matches comes from no registry elsewhere, even before it is published here.",
			Request: openapi.Takes[api.NewClaim](`{"repository":"main","format":"npm","pattern":"@acme/*"}`, "format", "pattern"),
			Answers: created("The claim.", claimExample, locationOf), Errors: []int{http.StatusNotFound, http.StatusConflict}}},
		{"DELETE", "/claims/{id}", "api.claims.remove", h.removeClaim, openapi.Operation{
			Rights: onClaim, ID: "removeClaim", Group: "Upstreams", Summary: "Remove a claim",
			About: "What was published under it stays owned.", Answers: empty("It is gone.")}},
	}
}

// onClaim are the rights on a claim: where it holds, in a repository or the whole server.
var onClaim = openapi.Rights{{scopeRepository: {string(access.Admin)}}, {scopeServer: {string(access.Admin)}}}

var claimExample = api.Claim{ID: "1", Format: "npm", Pattern: "@acme/*", CreatedAt: momentExample, CreatedBy: "jane"}

func claimOf(c upstreams.Claim) api.Claim {
	return api.Claim{ID: numberText(c.ID), Repository: c.Repository, Format: c.Format, Pattern: c.Pattern, CreatedAt: timeText(c.CreatedAt), CreatedBy: c.CreatedBy}
}

// listClaims answers GET /claims?repository=. There are few, so the list is one page.
func (h *handlers) listClaims(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.text("repository")
	if in.err != nil {
		return in.err
	}
	list, err := h.svc.Upstreams.Claims(r.Context(), repository)
	return writeOne(w, http.StatusOK, list, err, func(list []upstreams.Claim) api.List[api.Claim] {
		out := api.List[api.Claim]{Items: make([]api.Claim, len(list))}
		for i, c := range list {
			out.Items[i] = claimOf(c)
		}
		return out
	})
}

// suggestClaims answers GET /claims/suggestions?repository=. There are few, so the list is one page.
func (h *handlers) suggestClaims(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.text("repository")
	if in.err != nil {
		return in.err
	}
	list, err := h.svc.Upstreams.SuggestClaims(r.Context(), repository)
	return writeOne(w, http.StatusOK, list, err, func(list []upstreams.Suggested) api.List[api.SuggestedClaim] {
		out := api.List[api.SuggestedClaim]{Items: make([]api.SuggestedClaim, len(list))}
		for i, c := range list {
			out.Items[i] = api.SuggestedClaim(c)
		}
		return out
	})
}

// addClaim answers POST /claims {"repository","format","pattern"}: 201 with the claim.
func (h *handlers) addClaim(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	var body api.NewClaim
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	wanted := upstreams.Claim{Repository: body.Repository}
	wanted.Format, wanted.Pattern = body.Format, body.Pattern
	c, err := h.svc.Upstreams.AddClaim(r.Context(), wanted)
	if err == nil {
		h.location(w, r, "claims", numberText(c.ID))
	}
	return writeOne(w, http.StatusCreated, c, err, claimOf)
}

// removeClaim answers DELETE /claims/{id}: 204.
func (h *handlers) removeClaim(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutClaim)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Upstreams.RemoveClaim(r.Context(), id))
}

// momentOf reads a time of a body; "" is the zero time. Invalid.
func momentOf(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, wire.Invalid("the field %q must be an RFC 3339 time such as 2026-12-31T00:00:00Z", field)
	}
	return t, nil
}
