package api

import (
	"net/http"

	"github.com/opencontainers/go-digest"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// deploymentRoutes are the endpoints of deployments.
func (h *handlers) deploymentRoutes() []endpoint {
	return []endpoint{
		{"GET", "/deployments", "api.deployments.list", h.listDeployments, openapi.Operation{
			Rights: anyCaller, ID: "listDeployments", Group: "Deployments", Summary: "List deployments",
			Query: paged(openapi.Param{Name: "environment", About: "To this environment only."}, openapi.Param{Name: "service", About: "Of this service only."},
				openapi.Param{Name: "repository", About: "From this repository only."}, openapi.Param{Name: "status", About: "In this status only."},
				openapi.Param{Name: "purl", About: "Of this version only."}, openapi.Param{Name: "digest", About: "Of versions with this digest only."},
				openapi.Param{Name: "since", About: "Made from this time on: RFC 3339, or a day (its start, in UTC).", Example: "2026-01-31"}),
			Answers: success("The deployments, newest first.", api.List[api.Deployment]{Items: []api.Deployment{deploymentExample}})}},
		{"POST", "/deployments", "api.deployments.report", h.reportDeployment, openapi.Operation{
			Rights: deploys, ID: "reportDeployment", Group: "Deployments", Summary: "Report a deployment",
			About: "The version is named by `purl`, by `digest`, or by both. A report with an `external_id` that is known for this environment and service continues that deployment.",
			Request: openapi.Takes[api.DeploymentReport](`{"environment":"prod","service":"web","repository":"main","purl":"pkg:npm/%40acme/web@1.4.2",`+
				`"status":"succeeded","external_id":"build-812"}`, "environment", "service", "repository", "status"),
			Answers: append(created("The deployment.", deploymentExample, locationOf), success("The deployment, which was known.", deploymentExample)...),
			Errors:  []int{http.StatusConflict, http.StatusNotFound}}},
		{"GET", "/deployments/{id}", "api.deployments.get", h.getDeployment, openapi.Operation{
			Rights: seesDeployment, ID: "getDeployment", Group: "Deployments", Summary: "Show a deployment with its reports",
			Answers: success("The deployment.", api.DeploymentDetail{Deployment: deploymentExample,
				Reports: []api.ReportedStatus{{Status: "succeeded", At: laterExample, By: "token deployer of user jane", Seq: 45}}})}},
		{"PATCH", "/deployments/{id}", "api.deployments.change", h.changeDeployment, openapi.Operation{
			Rights: deploys, ID: "changeDeployment", Group: "Deployments", Summary: "Report how a deployment goes on",
			Request: openapi.Takes[api.DeploymentChange](`{"status":"failed","reason":"it does not answer"}`),
			About:   "With `if_running` it is a compare-and-swap: a rollback changes nothing (412) where the service does not run this deployment any more.",
			Answers: success("The deployment.", deploymentExample), Errors: []int{http.StatusConflict, http.StatusPreconditionFailed}}},
	}
}

var deployedExample = api.Deployed{
	Deployment: "17", Repository: "main", Format: "npm", Package: "@acme/web", Version: "1.4.2", PURL: versionExample.PURL, Digest: digestExample,
}

var deploymentExample = api.Deployment{
	ID: "17", Environment: "prod", Service: "web", Repository: "main", Format: "npm", Package: "@acme/web", Version: "1.4.2",
	PURL: versionExample.PURL, Digest: digestExample, Status: "succeeded", ExternalID: "build-812", CreatedAt: laterExample, CreatedBy: "token deployer of user jane",
	UpdatedAt: laterExample, UpdatedBy: "token deployer of user jane", FinishedAt: &laterExample, Seq: 44, LastSeq: 45,
}

func deployedOf(d registry.Deployment) api.Deployed {
	return api.Deployed{Deployment: numberText(d.ID), Repository: d.Repository, Format: d.Format, Package: d.Package,
		Version: d.Version, PURL: d.PURL, Digest: api.Digest(d.Digest)}
}

func deploymentOf(d registry.Deployment) api.Deployment {
	return api.Deployment{
		ID: numberText(d.ID), Environment: d.Environment, Service: d.Service, Repository: d.Repository, Format: d.Format,
		Package: d.Package, Version: d.Version, PURL: d.PURL, Digest: api.Digest(d.Digest), Status: string(d.Status), Reason: d.Reason,
		ExternalID: d.ExternalID, EventID: d.EventID, URL: d.URL, CreatedAt: timeText(d.CreatedAt), CreatedBy: d.CreatedBy,
		UpdatedAt: timeText(d.UpdatedAt), UpdatedBy: d.UpdatedBy, FinishedAt: timeOrNull(d.FinishedAt), Seq: d.Seq, LastSeq: d.LastSeq,
	}
}

// reportDeployment answers POST /deployments: 201 with the deployment, or 200 for one that is known by its external_id.
func (h *handlers) reportDeployment(w http.ResponseWriter, r *http.Request) error {
	var body api.DeploymentReport
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	d, created, err := h.svc.Deploy.ReportDeployment(r.Context(), deploy.Report{
		Environment: body.Environment, Service: body.Service, Repository: body.Repository, PURL: body.PURL,
		Digest: digest.Digest(body.Digest), Status: registry.DeploymentStatus(body.Status), Reason: body.Reason, ExternalID: body.ExternalID,
		EventID: body.EventID, URL: body.URL,
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		h.location(w, r, "deployments", numberText(d.ID))
	}
	return httpserver.JSON(w, status, deploymentOf(d))
}

// listDeployments answers GET /deployments?environment=&service=&repository=&status=&purl=&digest=&since=: the newest first.
func (h *handlers) listDeployments(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	dq := deploy.DeploymentQuery{Environment: in.text("environment"), Service: in.text("service"), Repository: in.text("repository"),
		Status: registry.DeploymentStatus(in.text("status")), PURL: in.text("purl"), Digest: digest.Digest(in.text("digest")), Since: in.since("since")}
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Deployment, error) {
		dq.After, dq.Limit = p.After, p.Limit
		return h.svc.Deploy.Deployments(r.Context(), dq)
	}, func(d registry.Deployment) string { return numberText(d.ID) }, deploymentOf)
}

// getDeployment answers GET /deployments/{id}.
func (h *handlers) getDeployment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDeployment)
	if in.err != nil {
		return in.err
	}
	d, reports, err := h.svc.Deploy.Deployment(r.Context(), id)
	if err != nil {
		return err
	}
	out := api.DeploymentDetail{Deployment: deploymentOf(d), Reports: make([]api.ReportedStatus, len(reports))}
	for i, report := range reports {
		out.Reports[i] = api.ReportedStatus{Status: string(report.Status), Reason: report.Reason, At: timeText(report.At), By: report.By, Seq: report.Seq}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// changeDeployment answers PATCH /deployments/{id} {"status","reason","event_id","url","if_running"}: 200 with the deployment; 409 when its
// current status can't change to the new one; 412 when if_running does not hold.
func (h *handlers) changeDeployment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDeployment)
	var body api.DeploymentChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Deploy.ChangeDeployment(r.Context(), id, deploy.DeploymentChange{
		Status: registry.DeploymentStatus(body.Status), Reason: body.Reason, EventID: body.EventID, URL: body.URL, IfRunning: body.IfRunning})
	return writeOne(w, http.StatusOK, d, err, deploymentOf)
}
