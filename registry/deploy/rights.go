package deploy

import (
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Shares of what all users share.
const (
	maxOwned      = 100 // environments of one owner; administrators of the instance may own more
	serviceShare  = 200 // services of one environment that one user brought, who neither owns nor administers it
	followersRead = 1000
)

// may reports whether the caller may do something in an environment: by a grant on environments, as its owner, or because it has no
// owner.
func may(a access.Actor, action access.Action, e registry.Environment) bool {
	return access.DecideEnvironment(a.InEnvironment(e), action, e.Name) == access.Allow
}

// consents checks that an environment lets the caller deploy there. The right to deploy in the version's repository is asked for
// besides. Denied.
func consents(a access.Actor, e registry.Environment) error {
	switch {
	case may(a, access.Deploy, e):
		return nil
	case a.NamesEnvironments(), e.OwnerID == 0:
		return registry.Errorf(registry.Denied, registry.AboutEnvironment, "%s has no permission to deploy to environment %q", registry.Describe(a), e.Name)
	}
	return registry.Errorf(registry.Denied, registry.AboutEnvironment,
		"environment %q belongs to user %q: its owner, or an administrator, can give %s the right \"deploy\" there", e.Name, e.Owner, registry.Describe(a))
}

// governs checks that the caller may change or delete an environment: as its owner in person, by a grant to administer it, or as an
// administrator of the instance. Denied, Unauthenticated.
func governs(a access.Actor, e registry.Environment) error {
	if mayGovern(a, e) {
		return nil
	}
	if a.Type == access.TypeAnonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to change an environment")
	}
	return registry.Errorf(registry.Denied, registry.AboutEnvironment, "environment %q is changed by its owner, with the password or a login, and by administrators", e.Name)
}

// mayGovern: a token of the owner may deploy, but ends no runs of repositories that it was not made for, and does not change the
// environment, unless it was made to administer it.
func mayGovern(a access.Actor, e registry.Environment) bool { return may(a, access.Admin, e) }

// bindsOwn refuses an environment that would follow its tag in repositories from which the caller may not deploy: its owner deploys
// from more of them, or it has no owner and follows the tag in all. A caller who administers it by a permission may. Denied.
func bindsOwn(tx metadata.Tx, a access.Actor, e registry.Environment) error {
	if e.Tag == "" || access.DecideEnvironment(a, access.Admin, e.Name) == access.Allow {
		return nil
	}
	reach := []access.Grant{{Repository: "*", Actions: []access.Action{access.Deploy}}}
	if e.OwnerID != 0 {
		u, err := tx.Users().UserByID(e.OwnerID)
		if err != nil {
			return err
		}
		rights, err := access.RightsOf(tx, access.RolesOf(tx.Roles()), u)
		if err != nil {
			return err
		}
		reach = nil
		for _, g := range rights {
			if g.Repository != "" && (slices.Contains(g.Actions, access.Deploy) || slices.Contains(g.Actions, access.Admin)) {
				reach = append(reach, access.Grant{Repository: g.Repository, Actions: []access.Action{access.Deploy}})
			}
		}
	}
	if access.Covers(a, reach) {
		return nil
	}
	return registry.Errorf(registry.Denied, registry.AboutEnvironment, "environment %q would keep the tag %q also in repositories from which %s may not deploy: "+
		"an administrator can make it follow the tag", e.Name, registry.Clip(e.Tag), registry.Describe(a))
}

// roomToOwn refuses another environment for an owner who has the maximum. Conflict.
func roomToOwn(tx metadata.Tx, a access.Actor, ownerID int64) error {
	if ownerID == 0 || access.Decide(a, access.Admin, access.Instance) == access.Allow {
		return nil
	}
	n, err := tx.Environments().OwnedBy(ownerID)
	if err == nil && n >= maxOwned {
		err = registry.Errorf(registry.Conflict, registry.AboutEnvironment, "a user owns at most %d environments; delete one, or let an administrator make it", maxOwned)
	}
	return err
}

// roomFor refuses a new service in an environment that has its maximum of services, or that has the caller's share of them. Invalid.
func roomFor(tx metadata.Tx, a access.Actor, env registry.Environment, service string) error {
	known, err := tx.Deployments().Deployments(metadata.DeploymentQuery{EnvironmentID: env.ID, Service: service, Limit: 1})
	if err != nil || len(known) > 0 {
		return err
	}
	all, own, err := tx.Environments().ServicesOf(env.ID, a.UserID)
	switch {
	case err != nil:
		return err
	case all >= maxServices:
		return registry.Errorf(registry.Invalid, registry.AboutService, "environment %q has %d services already", env.Name, all)
	case own >= serviceShare && (env.OwnerID != a.UserID || !may(a, access.Deploy, env)) && !mayGovern(a, env):
		return registry.Errorf(registry.Invalid, registry.AboutService, "environment %q has %d services that you brought; only its owner brings more than %d", env.Name, own, serviceShare)
	}
	return nil
}

// Follower implements publish.Keeper: the name of an environment that follows a tag in a repository, "" for none. An environment
// follows its tag where its owner may deploy from, and where it has got a version from; one without an owner follows it everywhere.
// So a caller can't bind the tags of a repository in which it has no right.
func (s *Records) Follower(tx metadata.Tx, tag string, repo registry.Repository) (name string, err error) {
	err = s.followers(tx, tag, repo, func(e registry.Environment) bool {
		name = e.Name
		return false
	})
	return name, err
}

// followers calls fn for the environments that follow a tag in a repository, until it returns false.
func (s *Records) followers(tx metadata.Tx, tag string, repo registry.Repository, fn func(registry.Environment) bool) error {
	following, err := tx.Environments().Following(tag, followersRead)
	if err != nil {
		return err
	}
	mayDeploy := map[int64]bool{0: true}
	for _, e := range following {
		may, known := mayDeploy[e.OwnerID]
		if !known {
			if may, err = s.deploysFrom(tx, e.OwnerID, repo); err != nil {
				return err
			}
			mayDeploy[e.OwnerID] = may
		}
		if !may {
			if may, err = tx.Deployments().CameFrom(e.ID, repo.ID); err != nil {
				return err
			}
		}
		if may && !fn(e) {
			return nil
		}
	}
	return nil
}

// deploysFrom reports whether a user may deploy versions of a repository.
func (s *Records) deploysFrom(tx metadata.Tx, userID int64, repo registry.Repository) (bool, error) {
	u, err := tx.Users().UserByID(userID)
	if errors.Is(err, metadata.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rights, err := access.RightsOf(tx, access.RolesOf(tx.Roles()), u)
	return access.Decide(access.Actor{Type: access.TypeUser, Grants: rights}, access.Deploy, repo.Name) == access.Allow, err
}
