package api

import (
	"net/http"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// deployedJSON is the version that a deployment brings, as it was reported.
type deployedJSON struct {
	Deployment string `json:"deployment"` // its id
	Repository string `json:"repository"`
	Format     string `json:"format"`
	Package    string `json:"package"`
	Version    string `json:"version"`
	PURL       string `json:"purl"`
	Digest     string `json:"digest,omitempty"`
}

func deployedOf(d registry.Deployment) deployedJSON {
	return deployedJSON{Deployment: numberText(d.ID), Repository: d.Repository, Format: d.Format, Package: d.Package,
		Version: d.Version, PURL: d.PURL, Digest: d.Digest.String()}
}

// deploymentJSON is a deployment with its latest report.
type deploymentJSON struct {
	ID          string  `json:"id"`
	Environment string  `json:"environment"`
	Service     string  `json:"service"`
	Repository  string  `json:"repository"`
	Format      string  `json:"format"`
	Package     string  `json:"package"`
	Version     string  `json:"version"`
	PURL        string  `json:"purl"`
	Digest      string  `json:"digest,omitempty"`
	Status      string  `json:"status"`
	ExternalID  string  `json:"external_id,omitempty"`
	EventID     string  `json:"event_id,omitempty"`
	URL         string  `json:"url,omitempty"`
	CreatedAt   string  `json:"created_at"`
	CreatedBy   string  `json:"created_by"`
	UpdatedAt   string  `json:"updated_at"`
	UpdatedBy   string  `json:"updated_by"`
	FinishedAt  *string `json:"finished_at"`
	Seq         int64   `json:"seq"`      // log entry of the first report
	LastSeq     int64   `json:"last_seq"` // of the latest
}

func deploymentOf(d registry.Deployment) deploymentJSON {
	return deploymentJSON{
		ID: numberText(d.ID), Environment: d.Environment, Service: d.Service, Repository: d.Repository, Format: d.Format,
		Package: d.Package, Version: d.Version, PURL: d.PURL, Digest: d.Digest.String(), Status: string(d.Status),
		ExternalID: d.ExternalID, EventID: d.EventID, URL: d.URL, CreatedAt: timeText(d.CreatedAt), CreatedBy: d.CreatedBy,
		UpdatedAt: timeText(d.UpdatedAt), UpdatedBy: d.UpdatedBy, FinishedAt: timeOrNull(d.FinishedAt), Seq: d.Seq, LastSeq: d.LastSeq,
	}
}

// deploymentReport is the body of POST /deployments. The version is named by purl, by digest, or by both.
type deploymentReport struct {
	Environment string `json:"environment"`
	Service     string `json:"service"`
	Repository  string `json:"repository"`
	PURL        string `json:"purl"`
	Digest      string `json:"digest"`
	Status      string `json:"status"`
	ExternalID  string `json:"external_id"`
	EventID     string `json:"event_id"`
	URL         string `json:"url"`
}

// deploymentChange is the body of PATCH /deployments/{id}.
type deploymentChange struct {
	Status  string `json:"status"`
	EventID string `json:"event_id"`
	URL     string `json:"url"`
}

// reportDeployment answers POST /deployments: 201 with the deployment, or 200 for one that is known by its external_id.
func (h *handlers) reportDeployment(w http.ResponseWriter, r *http.Request) error {
	var body deploymentReport
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	d, created, err := h.svc.ReportDeployment(r.Context(), registry.Report{
		Environment: body.Environment, Service: body.Service, Repository: body.Repository, PURL: body.PURL,
		Digest: digest.Digest(body.Digest), Status: registry.DeploymentStatus(body.Status), ExternalID: body.ExternalID,
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
	return formats.JSON(w, status, deploymentOf(d))
}

// listDeployments answers GET /deployments?environment=&service=&repository=&status=&purl=&digest=: the newest first.
func (h *handlers) listDeployments(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	dq := registry.DeploymentQuery{Environment: in.text("environment"), Service: in.text("service"), Repository: in.text("repository"),
		Status: registry.DeploymentStatus(in.text("status")), PURL: in.text("purl"), Digest: digest.Digest(in.text("digest"))}
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Deployment, error) {
		dq.After, dq.Limit = p.After, p.Limit
		return h.svc.Deployments(r.Context(), dq)
	}, func(d registry.Deployment) string { return numberText(d.ID) }, deploymentOf)
}

// getDeployment answers GET /deployments/{id}.
func (h *handlers) getDeployment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDeployment)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Deployment(r.Context(), id)
	return writeOne(w, http.StatusOK, d, err, deploymentOf)
}

// changeDeployment answers PATCH /deployments/{id} {"status","event_id","url"}: 200 with the deployment; 409 when it can't
// go there from where it is.
func (h *handlers) changeDeployment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDeployment)
	var body deploymentChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.ChangeDeployment(r.Context(), id, registry.DeploymentChange{
		Status: registry.DeploymentStatus(body.Status), EventID: body.EventID, URL: body.URL})
	return writeOne(w, http.StatusOK, d, err, deploymentOf)
}
