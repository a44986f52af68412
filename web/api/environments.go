package api

import (
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/deploy"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// environmentRoutes are the endpoints of environments.
func (h *handlers) environmentRoutes() []endpoint {
	return []endpoint{
		{"GET", "/environments", "api.environments.list", h.listEnvironments, openapi.Operation{
			Rights: anyCaller, ID: "listEnvironments", Group: "Deployments", Summary: "List the environments",
			Query: paged(asOfParam), Answers: success("The environments, by name.", api.List[api.Environment]{Items: []api.Environment{environmentExample}})}},
		{"POST", "/environments", "api.environments.create", h.createEnvironment, openapi.Operation{
			Rights: needs(scopeSomewhere, access.Deploy), ID: "createEnvironment", Group: "Deployments", Summary: "Make an environment",
			Request: openapi.Takes[api.NewEnvironment](`{"name":"prod","description":"what customers use","tag":"production"}`, "name"),
			About:   "You own it, unless the body names another user: its owner deploys there, changes it and deletes it; others need a permission on environments.",
			Answers: created("The environment.", environmentExample, locationOf), Errors: []int{http.StatusConflict}}},
		{"GET", environmentPath, "api.environments.get", h.getEnvironment, openapi.Operation{
			Rights: anyCaller, ID: "getEnvironment", Group: "Deployments", Summary: "Show what is wanted, recorded and running in an environment, now or then",
			Query: []openapi.Param{asOfParam}, Answers: success("The environment and its services, as far as you may read what they run.", environmentStateExample)}},
		{"PATCH", environmentPath, "api.environments.change", h.changeEnvironment, openapi.Operation{
			Rights: needs(scopeEnvironment, access.Admin), ID: "changeEnvironment", Group: "Deployments", Summary: "Change an environment",
			About: "For its owner, and for who administers it or the server. What the body does not name stays. A name can't change.", Request: openapi.Takes[api.EnvironmentChange](`{"tag":"production"}`),
			Answers: success("The environment.", environmentExample)}},
		{"DELETE", environmentPath, "api.environments.delete", h.deleteEnvironment, openapi.Operation{
			Rights: needs(scopeEnvironment, access.Admin), ID: "deleteEnvironment", Group: "Deployments", Summary: "Delete an environment",
			Answers: empty("Nothing runs there any more; its past stays.")}},
		{"GET", environmentPath + "/history", "api.environments.history", h.environmentHistory, openapi.Operation{
			Rights: anyCaller, ID: "listEnvironmentHistory", Group: "Deployments", Summary: "List what ran in an environment, and when",
			Query:   paged(openapi.Param{Name: "service", About: "Of this service only."}, asOfParam),
			Answers: success("What ran, the newest first.", api.List[api.Run]{Items: []api.Run{{Service: "web", Deployed: deployedExample, Reason: "release 1.4.2", By: "token ci of user jane", Since: laterExample, Seq: 45}}})}},
		{"DELETE", environmentPath + "/services/{service}", "api.environments.stop", h.stopService, openapi.Operation{
			Rights: deploys, ID: "stopService", Group: "Deployments", Summary: "Record that a service runs nothing any more",
			Answers: empty("It runs nothing; its past stays."), Errors: []int{http.StatusConflict}}},
	}
}

var environmentExample = api.Environment{Name: "prod", Description: "what customers use", Tag: "production", Owner: "jane", CreatedAt: momentExample, UpdatedAt: momentExample}

var environmentStateExample = api.EnvironmentState{
	Environment: environmentExample, Seq: 45,
	Services: []api.ServiceState{{
		Service:  "web",
		Wanted:   &api.Wanted{Tag: "production", Version: "1.4.2", PURL: versionExample.PURL, Digest: digestExample, Since: laterExample, Seq: seqExample},
		Recorded: &api.Recorded{Deployed: deployedExample, Status: "succeeded", At: laterExample, By: "token deployer of user jane", Seq: 45},
		Running:  &api.Running{Deployed: deployedExample, Since: laterExample, Seq: 45},
	}},
}

func environmentOf(e registry.Environment) api.Environment {
	return api.Environment{Name: e.Name, Description: e.Description, Tag: e.Tag, Owner: e.Owner, CreatedAt: timeText(e.CreatedAt), UpdatedAt: timeText(e.UpdatedAt)}
}

func serviceStateOf(s deploy.ServiceState) api.ServiceState {
	out := api.ServiceState{Service: s.Service, Drift: s.Drift()}
	if w := s.Wanted; w != nil {
		out.Wanted = &api.Wanted{Tag: w.Tag.Name, Version: w.Tag.Version, PURL: w.PURL, Digest: api.Digest(w.Tag.Digest),
			Since: timeText(w.Tag.SetAt), Seq: w.Tag.SeqFrom}
	}
	if d := s.Recorded; d != nil {
		out.Recorded = &api.Recorded{Deployed: deployedOf(*d), Status: string(d.Status), Reason: d.Reason, At: timeText(d.UpdatedAt), By: d.UpdatedBy, Seq: d.LastSeq}
	}
	if r := s.Running; r != nil {
		out.Running = &api.Running{Deployed: deployedOf(r.Deployment), Reason: r.Reason, By: r.By, Since: timeText(r.Since), Seq: r.SeqFrom}
	}
	if s.Previous != nil {
		previous := runOf(*s.Previous)
		out.Previous = &previous
	}
	return out
}

func runOf(r registry.Run) api.Run {
	out := api.Run{Service: r.Deployment.Service, Deployed: deployedOf(r.Deployment), Reason: r.Reason, By: r.By, Since: timeText(r.Since),
		Until: timeOrNull(r.Until), Seq: r.SeqFrom}
	if out.Until != nil {
		out.UntilSeq = &r.SeqTo
	}
	return out
}

// listEnvironments answers GET /environments?as_of=.
func (h *handlers) listEnvironments(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page, when := in.page(), in.asOf()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Environment, error) {
		return h.svc.Deploy.Environments(r.Context(), p, when)
	},
		func(e registry.Environment) string { return e.Name }, environmentOf)
}

// createEnvironment answers POST /environments {"name","description","tag"}: 201 with the environment.
func (h *handlers) createEnvironment(w http.ResponseWriter, r *http.Request) error {
	var body api.NewEnvironment
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	e, err := h.svc.Deploy.CreateEnvironment(r.Context(), body.Name, deploy.EnvironmentChange{Description: body.Description, Tag: body.Tag, Owner: body.Owner})
	if err != nil {
		return err
	}
	h.location(w, r, "environments", e.Name)
	return httpserver.JSON(w, http.StatusCreated, environmentOf(e))
}

// getEnvironment answers GET /environments/{environment}?as_of=: what is wanted, recorded and running, now or at that moment.
func (h *handlers) getEnvironment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name, when := in.segment("environment"), in.asOf()
	if in.err != nil {
		return in.err
	}
	st, err := h.svc.Deploy.EnvironmentAt(r.Context(), name, when)
	if err != nil {
		return err
	}
	out := api.EnvironmentState{Environment: environmentOf(st.Environment), Seq: st.Seq, Services: make([]api.ServiceState, len(st.Services))}
	for i, s := range st.Services {
		out.Services[i] = serviceStateOf(s)
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// changeEnvironment answers PATCH /environments/{environment}: 200 with the environment. A name can't change.
func (h *handlers) changeEnvironment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("environment")
	var body api.EnvironmentChange
	in.body(&body)
	in.unchanged(body.Name, name, "an environment")
	if in.err != nil {
		return in.err
	}
	e, err := h.svc.Deploy.UpdateEnvironment(r.Context(), name, deploy.EnvironmentChange{Description: body.Description, Tag: body.Tag, Owner: body.Owner})
	return writeOne(w, http.StatusOK, e, err, environmentOf)
}

// deleteEnvironment answers DELETE /environments/{environment}: 204. Nothing runs there any more; its past stays.
func (h *handlers) deleteEnvironment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("environment")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Deploy.DeleteEnvironment(r.Context(), name))
}

// stopService answers DELETE /environments/{environment}/services/{service}: 204. The service runs nothing any more; its
// past stays.
func (h *handlers) stopService(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name, service := in.segment("environment"), in.segment("service")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Deploy.StopService(r.Context(), name, service))
}

// environmentHistory answers GET /environments/{environment}/history?service=&as_of=: its runs, the newest first, now or as they were
// known at that moment.
func (h *handlers) environmentHistory(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name, page := in.segment("environment"), in.numbered()
	rq := deploy.RunQuery{Service: in.text("service"), When: in.asOf()}
	if in.err != nil {
		return in.err
	}
	if page.After != "" && wire.AfterNumber(page) <= 0 {
		return wire.Invalid("after must be a cursor of this list")
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Run, error) {
		rq.Before, rq.Limit = wire.AfterNumber(p), p.Limit
		return h.svc.Deploy.Runs(r.Context(), name, rq)
	}, func(r registry.Run) string { return numberText(r.SeqFrom) }, runOf)
}
