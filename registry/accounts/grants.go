package accounts

import (
	"errors"
	"slices"
	"strings"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// maxGrants bounds the permissions of a token, a user or a group.
const maxGrants = 100

// resolved checks the form of permissions, and returns them with the actions of their roles. Invalid.
func resolved(roles *access.Roles, about registry.Subject, list []access.Grant) ([]access.Grant, error) {
	if len(list) > maxGrants {
		return nil, registry.Errorf(registry.Invalid, about, "there are %d permissions; at most %d are kept", len(list), maxGrants)
	}
	for _, g := range list {
		if !access.ValidGrant(g) {
			return nil, invalidGrant(about, g)
		}
		if g.Role == "" {
			continue
		}
		if _, err := roles.Actions(g.Role); errors.Is(err, metadata.ErrNotExist) {
			known, err := roles.Names()
			if err != nil {
				return nil, err
			}
			return nil, registry.Errorf(registry.Invalid, about, "%s", registry.NoSuch("role", g.Role, known, known))
		} else if err != nil {
			return nil, err
		}
	}
	return roles.Resolve(list)
}

// invalidGrant says what is wrong with the form of a permission.
func invalidGrant(about registry.Subject, g access.Grant) error {
	switch {
	case g.Repository != "" && g.Environment != "":
		return registry.Errorf(registry.Invalid, about, "a permission is on a repository or on an environment, not on both")
	case g.Environment != "":
		return registry.Errorf(registry.Invalid, about, "a permission on an environment names it or a glob, and a role or some of the actions %s", words(access.EnvironmentActions))
	}
	return registry.Errorf(registry.Invalid, about, "a permission names a repository or a glob, and a role or some of the actions %s", words(access.Actions))
}

func words(actions []access.Action) string {
	out := make([]string, len(actions))
	for i, a := range actions {
		out[i] = string(a)
	}
	return strings.Join(out, ", ")
}

// administers reports whether a person may do everything everywhere, now. A service account does not count: nobody logs in as
// one.
func administers(tx metadata.Tx, roles *access.Roles, u registry.User) (bool, error) {
	if u.Disabled || !u.DeletedAt.IsZero() || u.Kind == metadata.Service {
		return false, nil
	}
	rights, err := access.RightsOf(tx, roles, u)
	return slices.ContainsFunc(rights, func(g access.Grant) bool {
		return g.Repository == access.Instance && slices.Contains(g.Actions, access.Admin)
	}), err
}

// hasAdministrator reports whether some person may administer the instance.
func hasAdministrator(tx metadata.Tx) (bool, error) {
	roles := access.RolesOf(tx.Roles())
	for p := (registry.Page{Limit: registry.MaxPage}); ; {
		users, err := tx.Users().Users(p)
		if err != nil {
			return false, err
		}
		for _, u := range users {
			p.After = u.Name
			if ok, err := administers(tx, roles, u); ok || err != nil {
				return ok, err
			}
		}
		if len(users) < p.Limit {
			return false, nil
		}
	}
}

// keepingAdministrator makes a change, and refuses it if nobody could administer the instance after it. Conflict.
func keepingAdministrator(tx metadata.Tx, change func() error) error {
	before, err := hasAdministrator(tx)
	if err != nil {
		return err
	}
	if err := change(); err != nil || !before {
		return err
	}
	after, err := hasAdministrator(tx)
	if err == nil && !after {
		err = registry.Errorf(registry.Conflict, registry.AboutUser, "nobody would be left who administers the server: give another user the right \"admin\" on \"*\" first")
	}
	return err
}
