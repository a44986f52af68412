package access

import "slices"

// Resource is what an action is done to: a repository, Instance, or an environment.
type Resource struct {
	Repository  string
	Environment string // instead of Repository
}

// Decide is Decide or DecideEnvironment for the resource.
func (r Resource) Decide(a Actor, action Action) Decision {
	if r.Environment != "" {
		return DecideEnvironment(a, action, r.Environment)
	}
	return Decide(a, action, r.Repository)
}

// Actions are those that can be done to the resource.
func (r Resource) Actions() []Action {
	if r.Environment != "" {
		return EnvironmentActions
	}
	return Actions
}

// Allowing returns those of grants that allow one of the actions.
func (r Resource) Allowing(grants []Grant, actions []Action) []Grant {
	var out []Grant
	for _, g := range grants {
		one := Actor{Type: TypeUser, Grants: []Grant{g}}
		if slices.ContainsFunc(actions, func(a Action) bool { return r.Decide(one, a) == Allow }) {
			out = append(out, g)
		}
	}
	return out
}
