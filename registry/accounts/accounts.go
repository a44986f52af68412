// Package accounts keeps users and tokens: their names, rights and credentials.
package accounts

import (
	"slipway/registry"
	"slipway/registry/access"
)

// Accounts keeps the users and tokens of an instance.
type Accounts struct {
	core         *registry.Core
	auth         *access.Authenticator
	passwordCost int
}

// New makes the part. Changes of users and tokens empty the cache of auth; passwordCost is bcrypt's, 0 is access.PasswordCost.
func New(core *registry.Core, auth *access.Authenticator, passwordCost int) *Accounts {
	if passwordCost == 0 {
		passwordCost = access.PasswordCost
	}
	return &Accounts{core: core, auth: auth, passwordCost: passwordCost}
}
