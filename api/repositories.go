package api

import "encoding/json"

// Repository is a named place for versions that speaks every format.
type Repository struct {
	Name        string             `json:"name" doc:"Its name."`
	Description string             `json:"description" doc:"For people."`
	Upstreams   []string           `json:"upstreams" doc:"Servers behind the repository; there are none yet."`
	Settings    RepositorySettings `json:"settings" doc:"The rules of the repository."`
	CreatedAt   string             `json:"created_at" format:"date-time" doc:"When it was made."`
}

// RepositorySettings are the rules of a repository.
type RepositorySettings struct {
	AllowReuse     bool `json:"allow_reuse" doc:"A deleted coordinate may be published again. What was known of it before then is in the log only."`
	RawRedeploy    bool `json:"raw_redeploy" doc:"Other bytes may be stored under a raw path that exists."`
	MavenImmediate bool `json:"maven_immediate" doc:"Every file of a Maven deploy shows when it is stored, instead of all at its end."`
}

// RepositoryChange is the body of PATCH /repositories/{repository}. What it leaves out stays. Name may repeat the name, which
// can't change. Settings is a SettingsChange.
type RepositoryChange struct {
	Name        string          `json:"name,omitempty" doc:"Its name."`
	Description *string         `json:"description,omitempty" doc:"For people."`
	Upstreams   []string        `json:"upstreams,omitempty" doc:"Servers behind the repository; there are none yet."`
	Settings    json.RawMessage `json:"settings,omitempty" as:"SettingsChange" doc:"The rules to set."`
}

// NewRepository is the body of POST /repositories; it needs a name.
type NewRepository RepositoryChange

// SettingsChange are the settings of a repository as a request names them: those that it leaves out stay.
type SettingsChange struct {
	AllowReuse     *bool `json:"allow_reuse,omitempty" doc:"A deleted coordinate may be published again. What was known of it before then is in the log only."`
	RawRedeploy    *bool `json:"raw_redeploy,omitempty" doc:"Other bytes may be stored under a raw path that exists."`
	MavenImmediate *bool `json:"maven_immediate,omitempty" doc:"Every file of a Maven deploy shows when it is stored, instead of all at its end."`
}
