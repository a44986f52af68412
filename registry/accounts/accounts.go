// Package accounts keeps users and tokens: their names, rights and credentials.
package accounts

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Accounts keeps the users and tokens of an instance. It is one type because every change here, of whatever it is, renews the caller in its
// transaction and empties the one cache of logins after it.
type Accounts struct {
	core         *registry.Core
	auth         *access.Authenticator
	passwordCost int
	logins       *prometheus.CounterVec // by outcome
	failed       failedLogins
}

// New makes the part. Changes of users and tokens empty the cache of auth; passwordCost is bcrypt's, 0 is access.PasswordCost.
// reg takes the metrics; nil: none.
func New(core *registry.Core, auth *access.Authenticator, passwordCost int, reg prometheus.Registerer) *Accounts {
	if passwordCost == 0 {
		passwordCost = access.PasswordCost
	}
	return &Accounts{core: core, auth: auth, passwordCost: passwordCost, logins: newLogins(reg)}
}

// Effective returns what the caller may do now, also in the environments that its user owns.
func (s *Accounts) Effective(ctx context.Context) ([]access.Grant, error) {
	a := access.From(ctx)
	if a.UserID == 0 {
		return a.Effective(), nil
	}
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		owned, err := tx.Environments().Owned(a.UserID, registry.MaxPage)
		a = access.From(ctx)
		for _, e := range owned {
			a = a.InEnvironment(e)
		}
		return err
	})
	return a.Effective(), err
}

// renew returns a caller as it is in the transaction of its change: while its request came in, its login may have ended or its
// rights may have shrunk, and what it makes here would outlast that. Unauthenticated.
func (s *Accounts) renew(tx metadata.Tx, was access.Actor) (access.Actor, error) {
	now, err := s.auth.Renew(tx, was)
	if errors.Is(err, access.ErrBadCredentials) {
		err = registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "the login has ended since the request began")
	}
	return now, err
}

// administrator is renew for a change that needs to administer the instance. Unauthenticated, Denied.
func (s *Accounts) administrator(tx metadata.Tx, was access.Actor) error {
	now, err := s.renew(tx, was)
	if err == nil && access.Decide(now, access.Admin, access.Instance) != access.Allow {
		err = registry.Errorf(registry.Denied, registry.AboutRequest, "%s administers the server no more", registry.Describe(now))
	}
	return err
}
