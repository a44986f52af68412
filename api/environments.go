package api

// Environment is a place where services run. Tag is the tag that says what is wanted there; it may be empty.
type Environment struct {
	Name        string `json:"name" doc:"Its name."`
	Description string `json:"description" doc:"For people."`
	Tag         string `json:"tag" doc:"The tag that names the wanted versions; may be empty."`
	Owner       string `json:"owner" doc:"The user who decides who may deploy there; empty: all may who may deploy at all."`
	CreatedAt   string `json:"created_at" format:"date-time" doc:"When it was made."`
	UpdatedAt   string `json:"updated_at" format:"date-time" doc:"When it last changed."`
}

// EnvironmentChange is the body of PATCH /environments/{environment}. Fields that it leaves out stay. Name may repeat the
// name, which can't change.
type EnvironmentChange struct {
	Name        string  `json:"name,omitempty" doc:"Its name."`
	Description *string `json:"description,omitempty" doc:"For people."`
	Tag         *string `json:"tag,omitempty" doc:"The tag that names the wanted versions."`
	Owner       *string `json:"owner,omitempty" doc:"The user who decides who may deploy there; empty: none. Of a new environment, absent: you."`
}

// NewEnvironment is the body of POST /environments; it needs a name.
type NewEnvironment EnvironmentChange

// EnvironmentState is an environment with what is wanted, recorded and running there, as of an entry of the log.
type EnvironmentState struct {
	Environment
	Seq      int64          `json:"seq" doc:"The last entry of the log that counts."`
	Services []ServiceState `json:"services" doc:"The services, as far as you may read their versions."`
}

// ServiceState is what is wanted, recorded and running of one service; a field that does not apply is absent. Drift is true
// when another version runs than the wanted one.
type ServiceState struct {
	Service  string    `json:"service" doc:"Name of the service."`
	Wanted   *Wanted   `json:"wanted,omitempty" doc:"The version that the environment's tag names; absent without a tag."`
	Recorded *Recorded `json:"recorded,omitempty" doc:"The latest report."`
	Running  *Running  `json:"running,omitempty" doc:"The last deployment that succeeded and was not rolled back."`
	Previous *Run      `json:"previous,omitempty" doc:"What ran before it, or what ran last where nothing runs."`
	Drift    bool      `json:"drift" doc:"Something else runs than is wanted."`
}

// Wanted is what the environment's tag of the deployed package names. Seq is the entry of the log that set the tag.
type Wanted struct {
	Tag     string `json:"tag" doc:"Name of the tag."`
	Version string `json:"version" doc:"The version, as its format writes it."`
	PURL    string `json:"purl" doc:"Package URL of the version."`
	Digest  Digest `json:"digest,omitempty"`
	Since   string `json:"since" format:"date-time" doc:"Since when."`
	Seq     int64  `json:"seq" doc:"Sequence number of the entry in the log."`
}

// Recorded is the latest report about a service. Seq is the entry of the log with the report.
type Recorded struct {
	Deployed
	Status string `json:"status" doc:"'queued', 'running', 'succeeded', 'failed', 'rolled_back' or 'cancelled'."`
	Reason string `json:"reason,omitempty" doc:"Why it has this status, as its reporter said."`
	At     string `json:"at" format:"date-time" doc:"When."`
	By     string `json:"by" doc:"The caller that reported it: a user, or 'token ci of user jane'."`
	Seq    int64  `json:"seq" doc:"Sequence number of the entry in the log."`
}

// Running is what a service runs: the last deployment that succeeded and was not rolled back. Seq is the entry of the log
// that began it.
type Running struct {
	Deployed
	Reason string `json:"reason,omitempty" doc:"Why it began, as the reporter of the deployment, or of the rollback to it, said."`
	By     string `json:"by,omitempty" doc:"The caller whose report began it: a user, or 'token ci of user jane'."`
	Since  string `json:"since" format:"date-time" doc:"Since when."`
	Seq    int64  `json:"seq" doc:"Sequence number of the entry in the log."`
}

// Run is an interval in which a service ran a version. Until and UntilSeq are absent while it runs.
type Run struct {
	Service string `json:"service" doc:"Name of the service."`
	Deployed
	Reason   string  `json:"reason,omitempty" doc:"Why it began, as the reporter of the deployment, or of the rollback to it, said."`
	By       string  `json:"by,omitempty" doc:"The caller whose report began it: a user, or 'token ci of user jane'."`
	Since    string  `json:"since" format:"date-time" doc:"Since when."`
	Until    *string `json:"until,omitempty" format:"date-time" doc:"Until when; absent while it runs."`
	Seq      int64   `json:"seq" doc:"Sequence number of the entry in the log."`
	UntilSeq *int64  `json:"until_seq,omitempty" doc:"Entry of the log that ended it."`
}
