package api

// Deployed is the version that a deployment brings, as it was reported.
type Deployed struct {
	Deployment string `json:"deployment" doc:"Id of the deployment."`
	Repository string `json:"repository" doc:"Name of the repository."`
	Format     string `json:"format" doc:"Format of the package."`
	Package    string `json:"package" doc:"Name of the package."`
	Version    string `json:"version" doc:"The version, as its format writes it."`
	PURL       string `json:"purl" doc:"Package URL of the version."`
	Digest     Digest `json:"digest,omitempty"`
}

// Deployment is a deployment with its latest report. Seq is the entry of the log with the first report, LastSeq that with
// the latest.
type Deployment struct {
	ID          string  `json:"id" doc:"Its id."`
	Environment string  `json:"environment" doc:"Name of the environment."`
	Service     string  `json:"service" doc:"Name of the service."`
	Repository  string  `json:"repository" doc:"Name of the repository."`
	Format      string  `json:"format" doc:"Format of the package."`
	Package     string  `json:"package" doc:"Name of the package."`
	Version     string  `json:"version" doc:"The version, as its format writes it."`
	PURL        string  `json:"purl" doc:"Package URL of the version."`
	Digest      Digest  `json:"digest,omitempty"`
	Status      string  `json:"status" doc:"'queued', 'running', 'succeeded', 'failed', 'rolled_back' or 'cancelled'."`
	Reason      string  `json:"reason,omitempty" doc:"Why it has this status, as its reporter said."`
	ExternalID  string  `json:"external_id,omitempty" doc:"Id of the deployment where it was made; the same one is the same deployment."`
	EventID     string  `json:"event_id,omitempty" doc:"Id of the event that led to it."`
	URL         string  `json:"url,omitempty" doc:"Page of the deployment."`
	CreatedAt   string  `json:"created_at" format:"date-time" doc:"When it was made."`
	CreatedBy   string  `json:"created_by" doc:"The caller that made it: a user, or 'token ci of user jane'."`
	UpdatedAt   string  `json:"updated_at" format:"date-time" doc:"When it last changed."`
	UpdatedBy   string  `json:"updated_by" doc:"The caller that reported last: a user, or 'token ci of user jane'."`
	FinishedAt  *string `json:"finished_at" format:"date-time" doc:"When it ended; null: it did not."`
	Seq         int64   `json:"seq" doc:"Sequence number of the entry in the log."`
	LastSeq     int64   `json:"last_seq" doc:"Entry of the log with the latest report."`
}

// DeploymentDetail is a deployment with every report of it.
type DeploymentDetail struct {
	Deployment
	Reports []ReportedStatus `json:"reports" doc:"Every report of it, oldest first."`
}

// ReportedStatus is one report of a deployment. Seq is its entry of the log.
type ReportedStatus struct {
	Status string `json:"status" doc:"'queued', 'running', 'succeeded', 'failed', 'rolled_back' or 'cancelled'."`
	Reason string `json:"reason,omitempty" doc:"Why it has this status, as its reporter said."`
	At     string `json:"at" format:"date-time" doc:"When."`
	By     string `json:"by" doc:"The caller that reported it: a user, or 'token ci of user jane'."`
	Seq    int64  `json:"seq" doc:"Sequence number of the entry in the log."`
}

// DeploymentReport is the body of POST /deployments. It needs environment, service, repository and status; the version is
// named by purl, by digest, or by both.
type DeploymentReport struct {
	Environment string `json:"environment,omitempty" doc:"Name of the environment."`
	Service     string `json:"service,omitempty" doc:"Name of the service."`
	Repository  string `json:"repository,omitempty" doc:"Name of the repository."`
	PURL        string `json:"purl,omitempty" empty:"refused" doc:"Package URL of the version."`
	Digest      string `json:"digest,omitempty" empty:"refused" doc:"Digest of the version."`
	Status      string `json:"status,omitempty" doc:"'queued', 'running', 'succeeded', 'failed', 'rolled_back' or 'cancelled'."`
	Reason      string `json:"reason,omitempty" empty:"refused" doc:"Why it has this status, in one line: why it failed."`
	ExternalID  string `json:"external_id,omitempty" empty:"refused" doc:"Id of the deployment where it was made; the same one is the same deployment."`
	EventID     string `json:"event_id,omitempty" empty:"refused" doc:"Id of the event that made you deploy."`
	URL         string `json:"url,omitempty" empty:"refused" doc:"Page of the deployment."`
}

// DeploymentChange is the body of PATCH /deployments/{id}.
type DeploymentChange struct {
	Status    string `json:"status,omitempty" doc:"'queued', 'running', 'succeeded', 'failed', 'rolled_back' or 'cancelled'."`
	IfRunning *int64 `json:"if_running,omitempty" doc:"Compare-and-swap: the service must run this deployment since this entry of the log, which is 'running.seq' of its environment; else 412."`
	Reason    string `json:"reason,omitempty" empty:"refused" doc:"Why it has this status, in one line: why it failed."`
	EventID   string `json:"event_id,omitempty" empty:"refused" doc:"Id of the event that made you deploy."`
	URL       string `json:"url,omitempty" empty:"refused" doc:"Page of the deployment."`
}
