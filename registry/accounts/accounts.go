// Package accounts keeps users and tokens: their names, rights and credentials.
package accounts

import (
	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
	"slipway/registry/access"
)

// Accounts keeps the users and tokens of an instance.
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
