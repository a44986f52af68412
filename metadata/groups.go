package metadata

import "time"

// Group is a set of users; each of them has the group's grants.
type Group struct {
	ID          int64
	Name        string
	Description string
	CreatedAt   time.Time
	Grants      []Grant
}

// Groups keeps groups. A name is free again after its group was deleted.
type Groups interface {
	CreateGroup(g Group) (Group, error) // fills ID and CreatedAt; ErrExists
	Group(name string) (Group, error)
	Groups(p Page) ([]Group, error) // ascending by name, After is a name
	UpdateGroup(g Group) error      // description and grants
	DeleteGroup(id int64) error     // with its memberships
	GroupsOf(userID int64) ([]Group, error)
	Members(groupID int64) ([]string, error) // names, ascending
	AddMember(groupID, userID int64) error   // adding a member again changes nothing
	RemoveMember(groupID, userID int64) error
}

// Role is a named set of actions.
type Role struct {
	Name        string
	Description string
	Actions     []string
	CreatedAt   time.Time
}

// Roles keeps the roles that administrators defined.
type Roles interface {
	Role(name string) (Role, error)
	Roles() ([]Role, error)       // ascending by name
	PutRole(r Role) (Role, error) // makes a role or changes it; fills CreatedAt
	DeleteRole(name string) error //
	// RoleHolder returns a holder of a grant of the role: "user", "group" or "token", and its name. Revoked tokens don't count.
	// ErrNotExist: there is none.
	RoleHolder(name string) (kind, holder string, err error)
}
