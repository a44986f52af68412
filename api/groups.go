package api

// Group is a set of users; each of them has the group's permissions.
type Group struct {
	Name        string       `json:"name" doc:"Its name."`
	Description string       `json:"description" doc:"What it is for."`
	Permissions []Permission `json:"permissions" doc:"What each member may do."`
	Members     []string     `json:"members" doc:"Names of its users."`
	CreatedAt   string       `json:"created_at" format:"date-time" doc:"When it was made."`
}

// GroupChange is the body of PATCH /groups/{name}. Fields that it leaves out stay. Name may repeat the name, which can't change.
type GroupChange struct {
	Name          string        `json:"name,omitempty" doc:"Its name."`
	Description   *string       `json:"description,omitempty" doc:"What it is for."`
	Permissions   *[]Permission `json:"permissions,omitempty" doc:"What each member may do, all of it."`
	Members       *[]string     `json:"members,omitempty" doc:"Names of its users, all of them."`
	AddMembers    []string      `json:"add_members,omitempty" doc:"Names of users to add."`
	RemoveMembers []string      `json:"remove_members,omitempty" doc:"Names of users to take out."`
}

// NewGroup is the body of POST /groups; it needs a name.
type NewGroup struct {
	Name        string        `json:"name,omitempty" doc:"Its name."`
	Description *string       `json:"description,omitempty" doc:"What it is for."`
	Permissions *[]Permission `json:"permissions,omitempty" doc:"What each member may do."`
	Members     *[]string     `json:"members,omitempty" doc:"Names of its users."`
}

// Role is a named set of actions.
type Role struct {
	Name    string   `json:"name" doc:"Its name."`
	Actions []Action `json:"actions" doc:"What it allows. On environments those of them count that environments know."`
	Builtin bool     `json:"builtin" doc:"Whether every server has it, and it can't change."`
}

// RoleChange is the body of PUT /roles/{name}.
type RoleChange struct {
	Actions []Action `json:"actions,omitempty" doc:"What it allows."`
}

// Reason is what allows something: a permission, and where it comes from, or the ownership of an environment.
type Reason struct {
	Group      string     `json:"group,omitempty" doc:"The group whose permission it is; absent: it is the holder's own."`
	Ownership  string     `json:"ownership,omitempty" enum:"owner,no_owner" doc:"No permission is behind it: 'owner': the user owns the environment; 'no_owner': the environment has no owner, and is open to all who deploy."`
	Permission Permission `json:"permission" doc:"The permission, with the actions of its role; with 'ownership', what that gives."`
}

// TagGuard is what keeps a tag of a repository where it is.
type TagGuard struct {
	Repository string   `json:"repository" doc:"The repository."`
	Tag        string   `json:"tag" doc:"The tag."`
	Rule       string   `json:"rule,omitempty" enum:"protected,immutable" doc:"The strictest tag rule of the repository that holds; absent: none."`
	Pattern    string   `json:"pattern,omitempty" doc:"The pattern of that rule."`
	FollowedBy []string `json:"followed_by" doc:"The environments that follow the tag in this repository."`
	MovedWith  []Action `json:"moved_with" doc:"The rights in the repository, each of which moves the tag. 'admin': the rule must be changed first."`
}

// Holder is a user who may do something, and why. Without a user it is every caller without credentials.
type Holder struct {
	User    string        `json:"user,omitempty" doc:"Name of the user; absent: every caller without credentials."`
	Kind    string        `json:"kind,omitempty" enum:"person,service" doc:"Of the user."`
	Actions []Action      `json:"actions" doc:"What it may do."`
	Because []Reason      `json:"because" doc:"The permissions that say so."`
	Tokens  []TokenHolder `json:"tokens" doc:"The valid tokens of the user that may do it too."`
}

// TokenHolder is a token that may do something, and why.
type TokenHolder struct {
	ID      string   `json:"id" doc:"Its id."`
	Name    string   `json:"name" doc:"Its name."`
	Kind    string   `json:"kind,omitempty" doc:"'session': that of a login, which has its user's permissions."`
	Parent  string   `json:"parent,omitempty" doc:"Id of the token that made it."`
	Actions []Action `json:"actions" doc:"What it may do."`
	Because []Reason `json:"because" doc:"The permissions of its own that say so; its user and the tokens that it descends from allow it too."`
}
