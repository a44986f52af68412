package access

import (
	"context"
	"time"

	"slipway/metadata"
)

// Bounds of the session of a browser.
const (
	SessionIdle = 12 * time.Hour     // after its last use
	SessionLife = 7 * 24 * time.Hour // after its beginning
)

// NewSession makes the secret of a browser's session, of 256 random bits, and the hash that is stored.
func NewSession() (secret string, hash []byte) {
	secret = NewSecret(32)
	return secret, HashToken(secret)
}

// Session returns the user who is logged in by the secret of a browser's cookie. ErrBadCredentials, which does not say why.
func (a *Authenticator) Session(ctx context.Context, secret string) (Actor, error) {
	return a.cached("session", secret, "", tokenTTL, func() (actor Actor, err error) {
		err = a.store.View(ctx, func(tx metadata.Tx) error {
			s, err := tx.Sessions().SessionByHash(HashToken(secret))
			if err != nil {
				return unknown(err)
			}
			actor, err = a.sessionActor(tx, s)
			return err
		})
		if err == nil {
			a.uses.note(Used{Session: actor.WebSession}, a.now(), Address(ctx))
		}
		return actor, err
	})
}

// sessionActor returns the user of a session. ErrBadCredentials: the session is over, or the user is disabled.
func (a *Authenticator) sessionActor(tx metadata.Tx, s metadata.Session) (Actor, error) {
	if a.SessionOver(s) {
		return Actor{}, ErrBadCredentials
	}
	u, err := tx.Users().UserByID(s.UserID)
	if err != nil {
		return Actor{}, unknown(err)
	}
	actor, err := userActor(tx, u)
	actor.WebSession = s.ID
	return actor, err
}

// SessionOver reports whether a session has lived or rested for too long.
func (a *Authenticator) SessionOver(s metadata.Session) bool {
	now := a.now()
	used := a.NotedUse(Used{Session: s.ID}, s.Use).UsedAt
	return !now.Before(s.ExpiresAt) || now.Sub(used) >= SessionIdle
}
