package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
)

// Proof names a verified credential, for front-ends whose protocol hands out short-lived tokens instead. A Proof is no secret,
// so the token that carries it must be signed. The zero Proof belongs to a caller without credentials.
type Proof struct {
	ID   string `json:"id,omitempty"`   // Actor.ID
	Mark string `json:"mark,omitempty"` // changes with the user's password
}

// Proof returns the proof of an authenticated actor.
func (a Actor) Proof() Proof {
	if a.Type == TypeAnonymous {
		return Proof{}
	}
	return Proof{ID: a.ID, Mark: a.mark}
}

// Resume returns the actor of a proof with its current rights. ErrBadCredentials, within tokenTTL after the token was revoked
// or expired, the user was disabled, or the password was changed.
func (a *Authenticator) Resume(ctx context.Context, p Proof) (Actor, error) {
	if p == (Proof{}) {
		return Anonymous(a.anonymousRead), nil
	}
	return a.cached("proof", p.ID, p.Mark, tokenTTL, func() (Actor, error) {
		actor, err := a.Actor(ctx, p.ID)
		if err == nil && (actor.Type == TypeSystem || actor.mark != p.Mark) {
			err = ErrBadCredentials
		}
		if err == nil && actor.TokenID != 0 {
			a.uses.note(Used{Token: actor.TokenID}, a.now(), Address(ctx))
		}
		return actor, err
	})
}

// mark identifies a password hash without revealing it.
func mark(passwordHash string) string {
	sum := sha256.Sum256([]byte("slipway password mark\x00" + passwordHash))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
