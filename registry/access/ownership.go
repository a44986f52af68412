package access

import (
	"slices"

	"slipway/metadata"
)

// Ownership is a way to have rights on an environment without a permission.
type Ownership string

// Ways of ownership. Owned: the user owns the environment. Unowned: it has no owner, so that every user who may deploy in some
// repository may deploy there.
const (
	Owned   Ownership = "owner"
	Unowned Ownership = "no_owner"
)

// NamesEnvironments reports whether a token names the environments for which it may act, by grants of its own or of a token that
// it descends from. Such a token does not act for the environments that its user owns beside them.
func (a Actor) NamesEnvironments() bool {
	return a.Type == TypeToken && !a.Session && (namesEnvironments(a.Grants) || slices.ContainsFunc(a.Bounds, namesEnvironments))
}

func namesEnvironments(grants []Grant) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool { return g.Environment != "" })
}

// InEnvironment returns the actor with the rights that an environment's ownership gives, as grants on that environment. Its owner
// may do everything there in person: with the password, or by a login. Another token of the owner may read and deploy there, unless it
// names environments; then it may do what it names. In an environment without an owner, users and tokens may deploy likewise.
func (a Actor) InEnvironment(e metadata.Environment) Actor {
	person, token := Grant{Environment: e.Name, Actions: []Action{Admin}, Ownership: Owned}, Grant{Environment: e.Name, Actions: []Action{Read, Deploy}, Ownership: Owned}
	switch {
	case e.Deleted || a.UserID == 0:
		return a
	case e.OwnerID == 0:
		person = Grant{Environment: e.Name, Actions: []Action{Deploy}, Ownership: Unowned}
		token = person
	case e.OwnerID != a.UserID:
		return a
	}
	with := func(grants []Grant, g Grant) []Grant { return append(slices.Clip(grants), g) }
	if a.Type == TypeUser || a.Session {
		a.Grants = with(a.Grants, person)
	} else if !namesEnvironments(a.Grants) {
		a.Grants = with(a.Grants, token)
	}
	if a.Type == TypeToken {
		a.Owner = with(a.Owner, person)
	}
	a.Bounds = slices.Clone(a.Bounds)
	for i, grants := range a.Bounds {
		if !namesEnvironments(grants) {
			a.Bounds[i] = with(grants, token)
		}
	}
	return a
}

// DeploysSomewhere reports whether each list of grants that bounds the actor has the right to deploy in some repository.
func (a Actor) DeploysSomewhere() bool {
	return a.every(func(grants []Grant) bool {
		return slices.ContainsFunc(grants, func(g Grant) bool { return g.Repository != "" && g.has(Deploy) })
	})
}
