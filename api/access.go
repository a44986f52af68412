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

// Permission is a grant: actions, or a role, on the repositories or on the environments of a name or glob.
type Permission struct {
	Repository  string   `json:"repository,omitempty" doc:"Name or glob; '*' also covers the server."`
	Environment string   `json:"environment,omitempty" doc:"Name or glob of environments, instead of a repository. The actions there are 'read', 'deploy' and 'admin'."`
	Actions     []Action `json:"actions,omitempty" doc:"'admin' contains all others."`
	Role        string   `json:"role,omitempty" doc:"A role, whose actions are allowed too."`
}

// Token is a token without its secret. Hint is the first characters of the secret.
type Token struct {
	ID          string       `json:"id" doc:"Its id."`
	Name        string       `json:"name" doc:"Its name."`
	User        string       `json:"user" doc:"The user whose rights bound it."`
	Kind        string       `json:"kind,omitempty" doc:"'session': a login made it, and it has the rights that its user has at any time."`
	Parent      string       `json:"parent,omitempty" doc:"Id of the token that made it, and with which it ends; absent: a password made it."`
	Hint        string       `json:"hint" doc:"The secret's first characters."`
	Permissions []Permission `json:"permissions" doc:"Its permissions; none for that of a login."`
	CreatedAt   string       `json:"created_at" format:"date-time" doc:"When it was made."`
	ExpiresAt   *string      `json:"expires_at" format:"date-time" doc:"When it ends; null: never."`
	RevokedAt   *string      `json:"revoked_at" format:"date-time" doc:"When it was revoked, or a token that it descends from; null: none was."`
	LastUsedAt  *string      `json:"last_used_at" format:"date-time" doc:"When it was used last, to within a few seconds; null: never, as far as is known."`
	// LastUsedFrom is absent together with LastUsedAt, and where the server does not see addresses.
	LastUsedFrom string `json:"last_used_from,omitempty" doc:"The address that it was used from last."`
}

// NewToken is the answer to POST /tokens, the only one that ever holds the secret.
type NewToken struct {
	Token
	Secret string `json:"token" doc:"The secret."`
}

// TokenRequest is the body of POST /tokens. It needs a name, and permissions unless it is of the kind session.
type TokenRequest struct {
	Name        string       `json:"name,omitempty" doc:"Its name."`
	User        string       `json:"user,omitempty" empty:"refused" doc:"Whose token it is to be; for administrators of the server. Absent: yours."`
	Kind        string       `json:"kind,omitempty" enum:"session" doc:"'session': the token of a login, without permissions of its own; it needs the password."`
	Permissions []Permission `json:"permissions,omitempty" doc:"The permissions."`
	ExpiresIn   *string      `json:"expires_in,omitempty" doc:"A duration such as '720h', or '0': it does not end. Absent: it ends with the token that makes it, or does not end."`
}

// User is a user without the password.
type User struct {
	Name        string       `json:"name" doc:"Its name."`
	Kind        string       `json:"kind" enum:"person,service" doc:"A service account has tokens and no password."`
	Disabled    bool         `json:"disabled" doc:"Whether logging in is refused."`
	Permissions []Permission `json:"permissions" doc:"Its own permissions; those of its groups come to them."`
	Groups      []string     `json:"groups" doc:"The groups that it is a member of."`
	CreatedAt   string       `json:"created_at" format:"date-time" doc:"When it was made."`
	LastLoginAt *string      `json:"last_login_at" format:"date-time" doc:"When it logged in last, in a browser or by 'slipway login'; null: never, as far as is known."`
}

// UserChange is the body of PATCH /users/{name}. Fields that it leaves out stay. Name may repeat the name, which can't
// change.
type UserChange struct {
	Name     string  `json:"name,omitempty" doc:"Its name."`
	Password *string `json:"password,omitempty" format:"password" doc:"8 to 1024 bytes; not the name, not one of the commonest passwords, and not beginning with slp_."`
	// CurrentPassword proves the user who changes its own password with a token.
	CurrentPassword *string       `json:"current_password,omitempty" format:"password" doc:"The password until now. With a token, your own password is changed only with it."`
	Disabled        *bool         `json:"disabled,omitempty" doc:"Whether logging in is refused."`
	Permissions     *[]Permission `json:"permissions,omitempty" doc:"Its own permissions, all of them."`
}

// NewUser is the body of POST /users; it needs a name, and a password unless it is a service account.
type NewUser struct {
	Name        string        `json:"name,omitempty" doc:"Its name."`
	Kind        string        `json:"kind,omitempty" enum:"person,service" doc:"A service account has tokens and no password. Absent: a person."`
	Password    *string       `json:"password,omitempty" format:"password" doc:"8 to 1024 bytes; not the name, not one of the commonest passwords, and not beginning with slp_."`
	Disabled    *bool         `json:"disabled,omitempty" doc:"Whether logging in is refused."`
	Permissions *[]Permission `json:"permissions,omitempty" doc:"Its own permissions."`
}

// Caller is the answer to GET /whoami: the caller, its token, if one was used, and what the caller may do.
type Caller struct {
	Type        string       `json:"type" doc:"'user', 'token' or 'anonymous'."`
	ID          string       `json:"id" doc:"Its id."`
	Name        string       `json:"name" doc:"Its name."`
	Kind        string       `json:"kind,omitempty" enum:"person,service" doc:"Of the user; absent for 'anonymous'."`
	Token       string       `json:"token,omitempty" doc:"Name of the token that was used."`
	Session     bool         `json:"session,omitempty" doc:"The token was made by a login."`
	Parents     []string     `json:"parents,omitempty" doc:"Ids of the tokens that the token descends from, the nearest first."`
	ExpiresAt   *string      `json:"expires_at" format:"date-time" doc:"When the token ends; null: never."`
	Permissions []Permission `json:"permissions" doc:"What the caller may do now, with groups, roles and the bounds of a token applied."`
}
