package accounts

import (
	"context"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// maxRoles bounds the roles that administrators define, as they are read whole.
const maxRoles = 100

// Role is a named set of actions.
type Role struct {
	access.Role
	Builtin bool
}

// Roles lists all roles, the builtin ones first, to every caller who is logged in: what a role means is no secret.
func (s *Accounts) Roles(ctx context.Context) ([]Role, error) {
	if access.From(ctx).Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRole, "log in to see roles")
	}
	var out []Role
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		roles := access.RolesOf(tx.Roles())
		names, err := roles.Names()
		out = make([]Role, len(names))
		for i := 0; i < len(names) && err == nil; i++ {
			out[i] = Role{Role: access.Role{Name: names[i]}, Builtin: access.BuiltinRole(names[i])}
			out[i].Actions, err = roles.Actions(names[i])
		}
		return err
	})
	return out, err
}

// PutRole makes a role or changes it, for all who have it. The caller must administer the instance. Invalid, Conflict.
func (s *Accounts) PutRole(ctx context.Context, name string, actions []access.Action) (r Role, created bool, err error) {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return r, false, err
	}
	r.Role = access.Role{Name: name, Actions: actions}
	switch {
	case access.BuiltinRole(name):
		return r, false, registry.Errorf(registry.Conflict, registry.AboutRole, "the role %q is builtin and stays as it is; define one of another name", name)
	case !groupName.MatchString(name):
		return r, false, registry.Errorf(registry.Invalid, registry.AboutRole, "%q can't name a role: lower-case letters, digits, '.', '_', '-', at most 63", registry.Clip(name))
	case len(actions) == 0 || slices.ContainsFunc(actions, func(a access.Action) bool { return !slices.Contains(access.Actions, a) }):
		return r, false, registry.Errorf(registry.Invalid, registry.AboutRole, "a role has some of the actions %s", words(access.Actions))
	}
	row := metadata.Role{Name: name}
	for _, a := range slices.Compact(slices.Sorted(slices.Values(actions))) {
		row.Actions = append(row.Actions, string(a))
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.administrator(tx, actor); err != nil {
			return err
		}
		_, err := tx.Roles().Role(name)
		if created = errors.Is(err, metadata.ErrNotExist); err != nil && !created {
			return err
		}
		if all, err := tx.Roles().Roles(); err != nil {
			return err
		} else if created && len(all) >= maxRoles {
			return registry.Errorf(registry.Conflict, registry.AboutRole, "there are %d roles already, which is the most", maxRoles)
		}
		err = keepingAdministrator(tx, func() error {
			_, err := tx.Roles().PutRole(row)
			return err
		})
		if err != nil {
			return err
		}
		kind := registry.EventRoleChanged
		if created {
			kind = registry.EventRoleCreated
		}
		_, err = registry.Append(tx.Log(), actor, kind, "", 0, 0, registry.EventData{Name: name, Permissions: []metadata.Grant{{Actions: row.Actions}}})
		return err
	})
	s.auth.Forget()
	return r, created, err
}

// DeleteRole deletes a role that no user, group or valid token has. The caller must administer the instance. NotFound, Conflict.
func (s *Accounts) DeleteRole(ctx context.Context, name string) error {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return err
	}
	if access.BuiltinRole(name) {
		return registry.Errorf(registry.Conflict, registry.AboutRole, "the role %q is builtin and stays", name)
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.administrator(tx, actor); err != nil {
			return err
		}
		if _, err := tx.Roles().Role(name); err != nil {
			return registry.Missing(err, registry.AboutRole, "there is no role %q", registry.Clip(name))
		}
		switch kind, holder, err := tx.Roles().RoleHolder(name); {
		case err == nil:
			return registry.Errorf(registry.Conflict, registry.AboutRole, "%s %q has the role %q; take it away first", kind, holder, name)
		case !errors.Is(err, metadata.ErrNotExist):
			return err
		}
		if err := tx.Roles().DeleteRole(name); err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventRoleDeleted, "", 0, 0, registry.EventData{Name: name})
		return err
	})
}
