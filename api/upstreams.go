package api

// Upstream is one of the places that a repository answers from beside its own versions.
type Upstream struct {
	Name       string   `json:"name" doc:"Its name in the repository."`
	Type       string   `json:"type" enum:"repository" doc:"What it is: another repository of this server."`
	Repository string   `json:"repository,omitempty" doc:"The other repository."`
	Formats    []string `json:"formats,omitempty" doc:"The formats that it is asked for; absent: every format."`
	Allow      []string `json:"allow,omitempty" doc:"Patterns of the only package names that it is asked for."`
	Deny       []string `json:"deny,omitempty" doc:"Patterns of package names that it is not asked for."`
	Mode       string   `json:"mode,omitempty" enum:"first,merge" doc:"How a name that several places have is answered: by the first alone, or by all together; absent: as the format does."`
	Through    bool     `json:"through" doc:"Whether the right to read this repository is enough to read the other one through it."`
	Writes     bool     `json:"writes" doc:"Whether what is published to this repository goes to the other one."`
}
