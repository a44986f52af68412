package api

// Action is what a permission allows in a repository. Admin contains all others.
type Action string

// The actions.
const (
	ActionRead    Action = "read"
	ActionPublish Action = "publish"
	ActionTag     Action = "tag"
	ActionDelete  Action = "delete"
	ActionDeploy  Action = "deploy"
	ActionAudit   Action = "audit"
	ActionAdmin   Action = "admin"
)

// Permission is a grant: a repository or a glob, and actions there.
type Permission struct {
	Repository string   `json:"repository" doc:"Name or glob; '*' also covers the server."`
	Actions    []Action `json:"actions" doc:"'admin' contains all others."`
}

// Token is a token without its secret. Hint is the first characters of the secret.
type Token struct {
	ID          string       `json:"id" doc:"Its id."`
	Name        string       `json:"name" doc:"Its name."`
	User        string       `json:"user" doc:"The user whose rights bound it."`
	Hint        string       `json:"hint" doc:"The secret's first characters."`
	Permissions []Permission `json:"permissions" doc:"The permissions, by repository."`
	CreatedAt   string       `json:"created_at" format:"date-time" doc:"When it was made."`
	ExpiresAt   *string      `json:"expires_at" format:"date-time" doc:"When it ends; null: never."`
	RevokedAt   *string      `json:"revoked_at" format:"date-time" doc:"When it was revoked; null: it was not."`
}

// NewToken is the answer to POST /tokens, the only one that ever holds the secret.
type NewToken struct {
	Token
	Secret string `json:"token" doc:"The secret."`
}

// TokenRequest is the body of POST /tokens. It needs a name and permissions.
type TokenRequest struct {
	Name        string       `json:"name,omitempty" doc:"Its name."`
	Permissions []Permission `json:"permissions,omitempty" doc:"The permissions, by repository."`
	ExpiresIn   *string      `json:"expires_in,omitempty" doc:"A duration such as '720h'; absent: it does not end."`
}

// User is a user without the password.
type User struct {
	Name        string       `json:"name" doc:"Its name."`
	Disabled    bool         `json:"disabled" doc:"Whether logging in is refused."`
	Permissions []Permission `json:"permissions" doc:"The permissions, by repository."`
	CreatedAt   string       `json:"created_at" format:"date-time" doc:"When it was made."`
}

// UserChange is the body of PATCH /users/{name}. Fields that it leaves out stay. Name may repeat the name, which can't
// change.
type UserChange struct {
	Name        string        `json:"name,omitempty" doc:"Its name."`
	Password    *string       `json:"password,omitempty" format:"password" doc:"8 to 1024 bytes; not the name, not one of the commonest passwords, and not beginning with slp_."`
	Disabled    *bool         `json:"disabled,omitempty" doc:"Whether logging in is refused."`
	Permissions *[]Permission `json:"permissions,omitempty" doc:"The permissions, by repository."`
}

// NewUser is the body of POST /users; it needs a name and a password.
type NewUser UserChange

// Caller is the answer to GET /whoami: the caller, its token, if one was used, and what the caller may do.
type Caller struct {
	Type        string       `json:"type" doc:"'user', 'token' or 'anonymous'."`
	ID          string       `json:"id" doc:"Its id."`
	Name        string       `json:"name" doc:"Its name."`
	Token       string       `json:"token,omitempty" doc:"Name of the token that was used."`
	Permissions []Permission `json:"permissions" doc:"The permissions, by repository."`
}
