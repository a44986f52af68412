package api

// Problem is the body of an error (RFC 9457, application/problem+json). Type is a stable name for programs,
// urn:slipway:problem:<kind>; Detail is for people; RequestID finds the request in the server's log.
type Problem struct {
	Type      string `json:"type" format:"uri" doc:"For programs: 'urn:slipway:problem:<kind>'."`
	Title     string `json:"title" doc:"The status in words."`
	Status    int    `json:"status" doc:"The HTTP status."`
	Detail    string `json:"detail,omitempty" doc:"What is wrong, for people."`
	RequestID string `json:"request_id,omitempty" doc:"The request's id, as in the server's log."`
}

// TagProblem is the problem of a compare-and-swap that lost (412). Current is the tag as it is; null when there is none.
type TagProblem struct {
	Problem
	Current *Tag `json:"current" doc:"The tag as it is; null when there is none."`
}

// InUseProblem is the problem of a deletion that deployments stand against (409).
type InUseProblem struct {
	Problem
	Uses []Use `json:"uses" doc:"The services that run the version to be deleted, or are about to run it."`
}

// Use is a service that runs a version, or a deployment that is about to bring it.
type Use struct {
	Environment string `json:"environment" doc:"Name of the environment."`
	Service     string `json:"service" doc:"Name of the service."`
	Deployment  string `json:"deployment" doc:"Id of the deployment."`
	Status      string `json:"status" doc:"Status of the deployment."`
	Since       string `json:"since" format:"date-time" doc:"Since when."`
}
