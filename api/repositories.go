package api

import "encoding/json"

// Repository is a named place for versions that speaks every format.
type Repository struct {
	Name        string             `json:"name" doc:"Its name."`
	Description string             `json:"description" doc:"For people."`
	Upstreams   []Upstream         `json:"upstreams" doc:"The places that the repository answers from beside its own versions, in their order; those that the caller may not read are left out."`
	Settings    RepositorySettings `json:"settings" as:"RepositorySettings" doc:"The rules of the repository."`
	CreatedAt   string             `json:"created_at" format:"date-time" doc:"When it was made."`
}

// RepositorySettings are rules of a repository by name, each with its value: those of the server, and those that its formats
// add. The server's OpenAPI document lists them.
type RepositorySettings map[string]any

// TagRule is an element of the setting tag_rules: who may change the tags that a pattern matches.
type TagRule struct {
	Pattern string `json:"pattern"`          // a tag, or a glob over tags in which * is any text
	Rule    string `json:"rule"`             // "protected" or "immutable"
	Format  string `json:"format,omitempty"` // the format in which the rule holds; "": every format
}

// RepositoryChange is the body of PATCH /repositories/{repository}. Fields that it leaves out stay. Name may repeat the
// name, which can't change. Settings are RepositorySettings, of which those that are left out stay. Upstreams are a list of NewUpstream,
// or of names of repositories, that replaces the present one.
type RepositoryChange struct {
	Name        string          `json:"name,omitempty" doc:"Its name."`
	Description *string         `json:"description,omitempty" doc:"For people."`
	Settings    json.RawMessage `json:"settings,omitempty" as:"SettingsChange" doc:"The rules to set."`
	Upstreams   json.RawMessage `json:"upstreams,omitempty" as:"UpstreamList" doc:"The places that the repository answers from beside its own versions, all of them in their order; a text is the name of another repository."`
}

// NewRepository is the body of POST /repositories; it needs a name.
type NewRepository RepositoryChange
