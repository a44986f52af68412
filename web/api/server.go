package api

import (
	"context"
	"net/http"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/maintain"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// serverRoutes are the endpoints of the server itself: how it does, what it was started with, and its work in the background.
func (h *handlers) serverRoutes() []endpoint {
	return []endpoint{
		{"GET", "/status", "api.status", h.status, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "getStatus", Group: "Server", Summary: "Show version and health", About: "For probes there are `/livez` and `/readyz`, which ask for no credentials.",
			Answers: success("How the server does.", statusExample)}},
		{"GET", "/configuration", "api.configuration", h.configuration, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "getConfiguration", Group: "Server", Summary: "List the settings that the server was started with",
			About:   "With the place that each comes from: a flag wins over the environment, that over the file. Secrets are left out. They change when the server starts again.",
			Answers: success("The settings, by name.", api.List[api.ConfigurationSetting]{Items: []api.ConfigurationSetting{settingExample}})}},
		{"GET", "/duties", "api.duties", h.duties, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "listDuties", Group: "Server", Summary: "List the background work, and which process does it",
			Answers: success("The duties, by name.", api.List[api.Duty]{Items: []api.Duty{dutyExample}})}},
		{"GET", "/cluster", "api.cluster", h.cluster, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "getCluster", Group: "Server", Summary: "Show the servers that answer as one",
			About:   "Servers over one PostgreSQL database and one bucket. A server over SQLite is alone.",
			Answers: success("The servers.", clusterExample)}},
		{"GET", "/maintenance", "api.maintenance.list", h.listRuns, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "listMaintenance", Group: "Server", Summary: "Show the last collection, check and backup, or the one that goes on",
			Answers: success("One of each kind, as far as there was one.", api.List[api.MaintenanceRun]{Items: []api.MaintenanceRun{runExample}})}},
		{"POST", "/maintenance", "api.maintenance.start", h.startRun, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "startMaintenance", Group: "Server", Summary: "Begin a collection or a check that goes on after the request",
			About:   "`GET /maintenance` tells how far it is, and its result. There is one of each kind at a time (409).",
			Request: openapi.Takes[api.MaintenanceRequest](`{"kind":"check","quick":true}`, "kind"),
			Answers: accepted("The run.", api.MaintenanceRun{Kind: maintain.RunCheck, State: maintain.Running, By: "jane", StartedAt: &momentExample}), Errors: []int{http.StatusConflict}}},
	}
}

var (
	statusExample  = api.ServerStatus{Version: "1.4.0", Commit: "4f2a9c1d", Instance: "kz3v6xq2", StartedAt: momentExample, Ready: true, Writable: true}
	settingExample = api.ConfigurationSetting{Name: "gc-interval", Value: "1h0m0s", Source: "environment", From: "SLIPWAY_GC_INTERVAL", About: "how often unused blobs are collected; 0 never"}
	dutyExample    = api.Duty{Name: "collect", About: dutyWords["collect"], Holder: "host-1 kz3v6xq2", Epoch: 3}
	clusterExample = api.Cluster{Instance: "kz3v6xq2", Members: []api.ClusterMember{{Name: "server-1", Version: "1.4.0", Self: true, Since: &momentExample, Until: &laterExample,
		Duties: []string{"collect", "sign"}}}}
	runExample = api.MaintenanceRun{Kind: maintain.RunCollect, State: maintain.Finished, StartedAt: &momentExample, EndedAt: &momentExample, NextAt: &laterExample,
		Collection: &api.CollectionReport{Blobs: 12, Bytes: 52_428_800, DurationMilli: 140}}
)

// dutyWords say what the duties do.
var dutyWords = map[string]string{
	"collect": "removes bytes that nothing needs",
	"count":   "counts what repositories hold, and what is stored of it",
	"sign":    "signs the log as it grows",
	"expire":  "notes in the log which rules have ended",
	"evict":   "lets bytes from registries elsewhere go that are not kept",
	"index":   "reads what newly published versions need, for the lists of dependents",
	"settle":  "publishes what clients send file by file, once it is whole",
	"deliver": "sends events to subscriptions",
}

// status answers GET /status.
func (h *handlers) status(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.svc.Core.Authorize(r.Context(), access.Audit, access.Instance); err != nil {
		return err
	}
	out := api.ServerStatus{Version: h.opts.Version, Commit: h.opts.Commit, Instance: h.svc.Core.Identity().ID, StartedAt: timeText(h.began)}
	ready, writable := h.server.Health(r.Context())
	out.Ready, out.NotReady = verdict(ready)
	out.Writable, out.NotWritable = verdict(writable)
	return httpserver.JSON(w, http.StatusOK, out)
}

func verdict(err error) (well bool, why string) {
	if err == nil {
		return true, ""
	}
	return false, registry.AsError(err).Detail
}

// configuration answers GET /configuration.
func (h *handlers) configuration(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.svc.Core.Authorize(r.Context(), access.Audit, access.Instance); err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, api.List[api.ConfigurationSetting]{Items: append([]api.ConfigurationSetting{}, h.opts.Configuration...)})
}

// duties answers GET /duties.
func (h *handlers) duties(w http.ResponseWriter, r *http.Request) error {
	rows, err := h.svc.Maintain.Duties(r.Context())
	if err != nil {
		return err
	}
	out := api.List[api.Duty]{Items: make([]api.Duty, len(rows))}
	for i, d := range rows {
		out.Items[i] = api.Duty{Name: d.Name, About: dutyWords[d.Name], Holder: d.Holder, Epoch: d.Epoch, Until: timeOrNull(d.Until)}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// cluster answers GET /cluster.
func (h *handlers) cluster(w http.ResponseWriter, r *http.Request) error {
	members, err := h.svc.Maintain.Cluster(r.Context())
	if err != nil {
		return err
	}
	out := api.Cluster{Instance: h.svc.Core.Identity().ID, Members: make([]api.ClusterMember, len(members))}
	for i, m := range members {
		out.Members[i] = api.ClusterMember{Name: m.Name, Version: m.Version, Self: m.Self, Since: timeOrNull(m.Since), Until: timeOrNull(m.Until), Duties: append([]string{}, m.Duties...)}
		if m.Self && m.Name == "" {
			began := timeText(h.began)
			out.Members[i].Version, out.Members[i].Since = h.opts.Version, &began
		}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

func maintenanceOf(r maintain.Run) api.MaintenanceRun {
	out := api.MaintenanceRun{Kind: r.Kind, State: r.State, By: r.By, StartedAt: timeOrNull(r.StartedAt), EndedAt: timeOrNull(r.EndedAt), Error: r.Error, NextAt: timeOrNull(r.NextAt),
		Collection: (*api.CollectionReport)(r.Collected), Check: (*api.CheckSummary)(r.Checked)}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, api.CheckFinding(f))
	}
	return out
}

// listRuns answers GET /maintenance.
func (h *handlers) listRuns(w http.ResponseWriter, r *http.Request) error {
	runs, err := h.svc.Maintain.Runs(r.Context())
	if err != nil {
		return err
	}
	out := api.List[api.MaintenanceRun]{Items: make([]api.MaintenanceRun, len(runs))}
	for i, run := range runs {
		out.Items[i] = maintenanceOf(run)
	}
	if h.opts.LastBackup != nil {
		last, there, err := h.opts.LastBackup()
		if err != nil {
			return err
		}
		if there {
			out.Items = append(out.Items, last)
		}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// startRun answers POST /maintenance: 202 with the run.
func (h *handlers) startRun(w http.ResponseWriter, r *http.Request) error {
	var body api.MaintenanceRequest
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	run, err := h.begin(r.Context(), body)
	return writeOne(w, http.StatusAccepted, run, err, maintenanceOf)
}

func (h *handlers) begin(ctx context.Context, req api.MaintenanceRequest) (maintain.Run, error) {
	switch req.Kind {
	case maintain.RunCollect, maintain.RunLook:
		o := maintain.CollectOptions{Grace: h.svc.Maintain.BlobGrace(), DeletedGrace: h.svc.Maintain.DeletedGrace(), Force: req.Force, DryRun: req.Kind == maintain.RunLook}
		return h.svc.Maintain.StartCollect(ctx, o)
	case maintain.RunCheck:
		return h.svc.Maintain.StartCheck(ctx, maintain.FsckOptions{Quick: req.Quick})
	}
	return maintain.Run{}, wire.Invalid("kind is one of %q, %q and %q", maintain.RunCollect, maintain.RunLook, maintain.RunCheck)
}
