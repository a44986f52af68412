package api

import (
	"net/http"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/policy"
	"slipway/registry/upstreams"
	"slipway/web/openapi"
)

// resolutionRoutes are the endpoints that say and decide where a package comes from.
func (h *handlers) resolutionRoutes() []endpoint {
	return []endpoint{
		{"GET", packagePath + "/resolution", "api.packages.resolution", h.getResolution, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getResolution", Group: "Upstreams", Summary: "Explain where a package comes from",
			About: "The places that the repository may answer from, in the order in which they are asked, which of them answer for the name, and why the others do not. It has only places that you " +
				"may read. No registry elsewhere is asked for the answer.",
			Query:   []openapi.Param{{Name: "version", About: "Explain it for this version."}},
			Answers: success("The places.", resolutionExample)}},
		{"PUT", packagePath + "/origin", "api.packages.origin.set", h.setOrigin, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "setOrigin", Group: "Upstreams", Summary: "Say where the versions of a package may come from",
			About:   "Against what the server would decide by itself: that a name which is published here never comes from elsewhere.",
			Request: openapi.Takes[api.OriginChange](`{"origin":"both","reason":"we patch it","expires_at":"2026-12-31T00:00:00Z"}`, "origin", "reason"),
			Answers: empty("It holds.")}},
		{"DELETE", packagePath + "/origin", "api.packages.origin.clear", h.clearOrigin, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "clearOrigin", Group: "Upstreams", Summary: "Let the server decide again where a package comes from",
			Answers: empty("It decides.")}},
	}
}

var resolutionExample = api.Resolution{
	Format: "npm", Name: "@acme/web", Claims: []api.Claim{claimExample}, Rules: []api.Rule{ruleExample},
	Places: []api.Place{
		{Repository: "all", Path: []string{}, Why: upstreams.Absent},
		{Repository: "team-a", Path: []string{"team-a"}, Kind: upstreams.KindPublished, Versions: 3, Latest: "1.4.2", Answers: true},
		{Repository: "npm-mirror", Upstream: "npm", Path: []string{"npm-mirror", "npm"}, Kind: upstreams.KindRemote, Why: upstreams.Published},
	},
	Origin: &api.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it", SetAt: momentExample, SetBy: "jane", ExpiresAt: &laterExample},
}

func resolutionOf(version string, rules []policy.Rule) func(upstreams.Resolution) api.Resolution {
	return func(r upstreams.Resolution) api.Resolution {
		out := api.Resolution{Format: r.Name.Format, Name: r.Name.Package, Version: version, Places: make([]api.Place, len(r.Places)), Claims: make([]api.Claim, len(r.Claims)),
			Rules: make([]api.Rule, len(rules))}
		for i, one := range rules {
			out.Rules[i] = ruleOf(one)
		}
		if r.Shown != "" {
			out.Name = r.Shown
		}
		for i, p := range r.Places {
			out.Places[i] = api.Place{Repository: p.Repository, Upstream: p.Upstream, Path: listed(p.Path), Kind: p.Kind, Versions: p.Versions, Latest: p.Latest, Answers: p.Answers, Why: p.Why}
		}
		for i, c := range r.Claims {
			out.Claims[i] = claimOf(c)
		}
		if o := r.Origin; o != nil {
			out.Origin = &api.Origin{Origin: o.Origin, Upstream: o.Upstream, Reason: o.Reason, SetAt: timeText(o.SetAt), SetBy: o.SetBy, ExpiresAt: timeOrNull(o.ExpiresAt)}
		}
		return out
	}
}

// getResolution answers GET …/packages/{format}/{package}/resolution?version=.
func (h *handlers) getResolution(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.name().At(in.text("version"))
	if at.Version != "" && in.err == nil {
		in.err = registry.CheckVersion(at.Version)
	}
	if in.err != nil {
		return in.err
	}
	found, err := h.svc.Upstreams.Resolution(r.Context(), at)
	if err != nil {
		return err
	}
	through := make([]string, len(found.Places))
	for i, p := range found.Places {
		through[i] = p.Repository
	}
	rules, err := h.svc.Policies.About(r.Context(), at.Name, through)
	return writeOne(w, http.StatusOK, found, err, resolutionOf(at.Version, rules))
}

// setOrigin answers PUT …/origin: 204.
func (h *handlers) setOrigin(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.name()
	var body api.OriginChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	o := upstreams.Origin{Origin: body.Origin, Upstream: body.Upstream, Reason: body.Reason}
	var err error
	if o.ExpiresAt, err = momentOf("expires_at", body.ExpiresAt); err != nil {
		return err
	}
	return writeNothing(w, h.svc.Upstreams.SetOrigin(r.Context(), at, o))
}

// clearOrigin answers DELETE …/origin: 204.
func (h *handlers) clearOrigin(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.name()
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Upstreams.ClearOrigin(r.Context(), at))
}
