package access

import "slices"

// Resource is what an action is done to: a repository, Instance, an environment, or an environment with versions of a repository,
// which is what a deployment needs.
type Resource struct {
	Repository  string
	Environment string
}

// Decide is Decide or DecideEnvironment for the resource, or both.
func (r Resource) Decide(a Actor, action Action) Decision {
	for _, part := range r.parts() {
		if d := part(a, action); d != Allow {
			return d
		}
	}
	return Allow
}

// parts are the decisions that an action on the resource needs.
func (r Resource) parts() (out []func(Actor, Action) Decision) {
	if r.Environment == "" || r.Repository != "" {
		out = append(out, func(a Actor, action Action) Decision { return Decide(a, action, r.Repository) })
	}
	if r.Environment != "" {
		out = append(out, func(a Actor, action Action) Decision { return DecideEnvironment(a, action, r.Environment) })
	}
	return out
}

// Actions are those that can be done to the resource.
func (r Resource) Actions() []Action {
	switch {
	case r.Environment == "":
		return Actions
	case r.Repository != "":
		return []Action{Deploy}
	}
	return EnvironmentActions
}

// Allowing returns those of grants that allow one of the actions, or their part of it.
func (r Resource) Allowing(grants []Grant, actions []Action) []Grant {
	var out []Grant
	for _, g := range grants {
		one := Actor{Type: TypeUser, Grants: []Grant{g}}
		if slices.ContainsFunc(r.parts(), func(decide func(Actor, Action) Decision) bool {
			return slices.ContainsFunc(actions, func(a Action) bool { return decide(one, a) == Allow })
		}) {
			out = append(out, g)
		}
	}
	return out
}
