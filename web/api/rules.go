package api

import (
	"net/http"
	"time"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/policy"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// ruleRoutes are the endpoints of rules, and of what they refused.
func (h *handlers) ruleRoutes() []endpoint {
	return []endpoint{
		{"GET", "/rules", "api.rules.list", h.listRules, openapi.Operation{
			Rights: anyCaller, ID: "listRules", Group: "Rules", Summary: "List the rules",
			About:   "Those of the whole server, and those of repositories that you may read, each in the order in which they are asked: the first that matches decides.",
			Query:   []openapi.Param{{Name: "repository", About: "Only those that hold in this repository."}},
			Answers: success("The rules.", api.List[api.Rule]{Items: []api.Rule{ruleExample}})}},
		{"POST", "/rules", "api.rules.add", h.addRule, openapi.Operation{
			Rights: onClaim, ID: "addRule", Group: "Rules", Summary: "Make a rule",
			About: "It holds at once, for what is published as for what comes from upstreams. A rule that a format can't enforce is refused.",
			Request: openapi.Takes[api.NewRule](`{"action":"deny","match":"pkg:npm/lodash@<4.17.21","reason":"CVE-2021-23337","expires_at":"2027-01-01T00:00:00Z"}`,
				"action", "match", "reason"),
			Answers: created("The rule.", ruleExample, locationOf), Errors: []int{http.StatusNotFound, http.StatusConflict}}},
		{"POST", "/rules/simulate", "api.rules.simulate", h.simulateRules, openapi.Operation{
			Rights: onClaim, ID: "simulateRules", Group: "Rules", Summary: "Say what rules would have changed",
			About: "Replays what came from upstreams, and what was published, since a time. Nothing is stored. Rules of the whole server need its administrator. " +
				"With `next`, others may follow, also where a page has nothing: it looks through 100,000 entries of the log at most.",
			Request: openapi.Takes[api.Simulation](`{"rules":[{"action":"hold","match":"pkg:npm/*","min_age":"72h","reason":"younger than three days"}]}`, "rules"),
			Answers: success("What would have changed.", api.List[api.Simulated]{Items: []api.Simulated{simulatedExample}}), Errors: []int{http.StatusNotFound}}},
		{"DELETE", "/rules/{id}", "api.rules.remove", h.removeRule, openapi.Operation{
			Rights: onClaim, ID: "removeRule", Group: "Rules", Summary: "Remove a rule",
			About: "What it refused is served again at once.", Answers: empty("It is gone.")}},
		{"GET", "/why/{request}", "api.why", h.getWhy, openapi.Operation{
			Rights: anyCaller, ID: "getWhy", Group: "Rules", Summary: "Explain a refusal",
			About:   "By the id that the error names, to callers who may read the repository.",
			Answers: success("The refusal.", whyExample)}},
	}
}

var (
	ruleExample = api.Rule{ID: "1", Action: policy.Deny, Match: "pkg:npm/lodash@<4.17.21", Reason: "CVE-2021-23337", Mode: policy.Enforce,
		CreatedAt: momentExample, CreatedBy: "jane"}
	simulatedExample = api.Simulated{Repository: "npm-mirror", PURL: "pkg:npm/lodash@4.17.20", Path: "lodash-4.17.20.tgz", At: momentExample, By: "token ci of user jane",
		Before: string(policy.Allowed), After: string(policy.Denied), Reason: "CVE-2021-23337"}
	whyExample = api.Why{RequestID: "K4Q7TZJ6M5N2B3V8X1C9L0A2SD", At: momentExample, Repository: "npm-mirror", Subject: "pkg:npm/lodash@4.17.20", Caller: "token ci of user jane",
		Outcome: string(policy.Denied), Mode: policy.Enforce, Reason: "CVE-2021-23337", Rule: &ruleExample,
		Exemption: "slipway rule add allow 'pkg:npm/lodash@4.17.20' --first --expires 168h --reason '…'"}
)

func ruleOf(r policy.Rule) api.Rule {
	out := api.Rule{ID: numberText(r.ID), Repository: r.Repository, Action: r.Action, Match: r.Match, Reason: r.Reason, Mode: r.Mode,
		ExpiresAt: optionalTime(r.ExpiresAt), CreatedAt: timeText(r.CreatedAt), CreatedBy: r.CreatedBy}
	if r.MinAge > 0 {
		out.MinAge = r.MinAge.String()
	}
	return out
}

// optionalTime is a time of an answer; nil: none.
func optionalTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := timeText(t)
	return &text
}

// listRules answers GET /rules?repository=. There are few, so the list is one page.
func (h *handlers) listRules(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.text("repository")
	if in.err != nil {
		return in.err
	}
	list, err := h.svc.Policies.Rules(r.Context(), repository)
	return writeOne(w, http.StatusOK, list, err, func(list []policy.Rule) api.List[api.Rule] {
		out := api.List[api.Rule]{Items: make([]api.Rule, len(list))}
		for i, one := range list {
			out.Items[i] = ruleOf(one)
		}
		return out
	})
}

// wantedRule reads a rule of a body. Invalid.
func wantedRule(body api.NewRule) (policy.Rule, error) {
	out := policy.Rule{Repository: body.Repository}
	out.Action, out.Match, out.Reason, out.Mode, out.Position = body.Action, body.Match, body.Reason, body.Mode, -1
	if body.First {
		out.Position = 0
	}
	var err error
	if body.MinAge != "" {
		if out.MinAge, err = time.ParseDuration(body.MinAge); err != nil || out.MinAge <= 0 {
			return out, wire.Invalid("the field \"min_age\" must be a time such as 72h")
		}
	}
	out.ExpiresAt, err = momentOf("expires_at", body.ExpiresAt)
	return out, err
}

// addRule answers POST /rules {"repository","action","match","min_age","reason","mode","expires_at","first"}: 201 with the rule.
func (h *handlers) addRule(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	var body api.NewRule
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	wanted, err := wantedRule(body)
	if err != nil {
		return err
	}
	out, err := h.svc.Policies.Add(r.Context(), wanted)
	if err == nil {
		h.location(w, r, "rules", numberText(out.ID))
	}
	return writeOne(w, http.StatusCreated, out, err, ruleOf)
}

// removeRule answers DELETE /rules/{id}: 204.
func (h *handlers) removeRule(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutRule)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Policies.Remove(r.Context(), id))
}

// simulateRules answers POST /rules/simulate {"rules","since"}: 200 with what would have changed.
func (h *handlers) simulateRules(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	var body api.Simulation
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	since, err := momentOf("since", body.Since)
	if err != nil {
		return err
	}
	if since.IsZero() {
		since = h.svc.Core.Now().Add(-30 * 24 * time.Hour)
	}
	wanted := make([]policy.Rule, len(body.Rules))
	for i, one := range body.Rules {
		if wanted[i], err = wantedRule(one); err != nil {
			return err
		}
	}
	list, next, err := h.svc.Policies.Simulate(r.Context(), wanted, policy.SimulationPage{Since: since, After: body.After, Limit: body.Limit})
	return writeOne(w, http.StatusOK, list, err, func(list []policy.Simulated) api.List[api.Simulated] {
		out := api.List[api.Simulated]{Items: make([]api.Simulated, len(list)), Next: next}
		for i, s := range list {
			out.Items[i] = api.Simulated{Repository: s.Repository, PURL: s.PURL, Path: s.Path, At: timeText(s.At), By: s.By, Before: string(s.Before.Outcome),
				After: string(s.After.Outcome), Reason: s.After.Reason, Until: optionalTime(s.After.Until)}
		}
		return out
	})
}

// getWhy answers GET /why/{request}.
func (h *handlers) getWhy(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.segment("request")
	if in.err != nil {
		return in.err
	}
	why, err := h.svc.Policies.Why(r.Context(), id)
	return writeOne(w, http.StatusOK, why, err, func(y policy.Why) api.Why {
		out := api.Why{RequestID: y.RequestID, At: timeText(y.At), Repository: y.Repository, Subject: y.Subject, Caller: y.Caller, Outcome: y.Outcome, Mode: y.Mode,
			Reason: y.Reason, Until: optionalTime(y.Until), Exemption: "slipway rule add allow '" + y.Subject + "' --first --expires 168h --reason '…'"}
		if y.Rule != nil {
			rule := ruleOf(*y.Rule)
			out.Rule = &rule
			if y.Rule.Repository != "" {
				out.Exemption += " --repository " + y.Rule.Repository
			}
		}
		return out
	})
}
