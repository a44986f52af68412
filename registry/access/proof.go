package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Proof names a credential that was verified, for front-ends whose protocol hands out short-lived tokens in its place. It
// is no secret: what carries it must be signed. The zero Proof is of a caller without credentials.
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

// Resume returns the actor of a proof, with the rights it has now: a token that was revoked or has expired, a user that
// was disabled, and a password that was changed end it within tokenTTL. ErrBadCredentials.
func (a *Authenticator) Resume(ctx context.Context, p Proof) (Actor, error) {
	if p == (Proof{}) {
		return Anonymous(a.anonymousRead), nil
	}
	return a.cached("proof", p.ID, p.Mark, tokenTTL, func() (Actor, time.Time, error) {
		actor, err := a.Actor(ctx, p.ID)
		if err == nil && (actor.Type == TypeSystem || actor.mark != p.Mark) {
			err = ErrBadCredentials
		}
		return actor, time.Time{}, err
	})
}

// mark tells one password hash from another without telling either.
func mark(passwordHash string) string {
	sum := sha256.Sum256([]byte("slipway password mark\x00" + passwordHash))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
