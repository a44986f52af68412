package access

import (
	"errors"
	"maps"
	"slices"

	"slipway/metadata"
)

// BuiltinRoles are the roles of every installation. Administrators may define others, by other names.
var BuiltinRoles = []Role{
	{"reader", []Action{Read}},
	{"publisher", []Action{Read, Publish}},
	{"releaser", []Action{Read, Publish, Tag}},
	{"deployer", []Action{Read, Deploy}},
	{"auditor", []Action{Read, Audit}},
	{"administrator", []Action{Admin}},
}

// Role is a named set of actions.
type Role struct {
	Name    string
	Actions []Action
}

// Roles resolves the roles of grants. It reads the roles that administrators defined once, when the first of them is named.
// The zero value knows the builtin ones only.
type Roles struct {
	rows    metadata.Roles
	defined map[string][]Action
}

// RolesOf returns the roles of an installation, for one transaction.
func RolesOf(rows metadata.Roles) *Roles { return &Roles{rows: rows} }

// Actions returns the actions of a role. ErrNotExist of metadata.
func (r *Roles) Actions(name string) ([]Action, error) {
	if i := slices.IndexFunc(BuiltinRoles, func(b Role) bool { return b.Name == name }); i >= 0 {
		return BuiltinRoles[i].Actions, nil
	}
	if r.defined == nil && r.rows != nil {
		list, err := r.rows.Roles()
		if err != nil {
			return nil, err
		}
		r.defined = make(map[string][]Action, len(list))
		for _, role := range list {
			r.defined[role.Name] = actionsOf(role.Actions)
		}
	}
	actions, ok := r.defined[name]
	if !ok {
		return nil, metadata.ErrNotExist
	}
	return actions, nil
}

// Resolve returns grants in which Actions holds the actions of the role too; a role that is gone adds none. Of a role on
// environments, the actions count that environments know.
func (r *Roles) Resolve(in []Grant) ([]Grant, error) {
	var out []Grant
	for i, g := range in {
		if g.Role == "" {
			continue
		}
		actions, err := r.Actions(g.Role)
		if err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return nil, err
		}
		if out == nil {
			out = slices.Clone(in)
		}
		all := slices.Clone(g.Actions)
		for _, a := range actions {
			if !slices.Contains(all, a) && (g.Environment == "" || slices.Contains(EnvironmentActions, a)) {
				all = append(all, a)
			}
		}
		out[i].Actions = all
	}
	if out == nil {
		return in, nil
	}
	return out, nil
}

func actionsOf(words []string) []Action {
	out := make([]Action, len(words))
	for i, w := range words {
		out[i] = Action(w)
	}
	return out
}

// Names returns the names of all roles, the builtin ones first.
func (r *Roles) Names() ([]string, error) {
	var names []string
	for _, b := range BuiltinRoles {
		names = append(names, b.Name)
	}
	if _, err := r.Actions(""); err != nil && !errors.Is(err, metadata.ErrNotExist) { // reads the defined ones
		return nil, err
	}
	return append(names, slices.Sorted(maps.Keys(r.defined))...), nil
}

// BuiltinRole reports whether a name is that of a builtin role.
func BuiltinRole(name string) bool {
	return slices.ContainsFunc(BuiltinRoles, func(b Role) bool { return b.Name == name })
}
