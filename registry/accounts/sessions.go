package accounts

import (
	"context"
	"errors"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// maxSessions bounds the sessions of one user: a new one ends those that were used least lately.
const maxSessions = 50

// sweptAtOnce is how many sessions that are over one login deletes.
const sweptAtOnce = 100

// SessionRequest is a login by the pages' form.
type SessionRequest struct {
	User, Password string
	Agent          string // User-Agent of the browser
	Former         string // secret of the session that the browser had, which ends; "": none
}

// StartSession logs a browser in by a user's password, and returns the secret for its cookie. Every login has a new one, so a
// secret that somebody has planted in the browser is worth nothing. Unauthenticated, Invalid for a token in the password's place;
// TooMany after too many wrong passwords.
func (s *Accounts) StartSession(ctx context.Context, req SessionRequest) (secret string, made registry.Session, err error) {
	if strings.HasPrefix(req.Password, access.TokenPrefix) {
		return "", made, registry.Errorf(registry.Invalid, registry.AboutSession, "this is a token: in a browser you log in with your password. "+
			"Programs send the token, and what a token may see is shown by: curl -u NAME:TOKEN")
	}
	if req.User == "" || req.Password == "" {
		return "", made, registry.Errorf(registry.Invalid, registry.AboutSession, "give a user name and a password")
	}
	actor, err := s.Authenticate(ctx, access.Credentials{User: req.User, Password: req.Password})
	if err != nil {
		return "", made, err
	}
	ctx = access.With(ctx, actor) // the browser may have been logged in before, as another or with another password
	secret, hash := access.NewSession()
	now := s.core.Now().UTC().Truncate(time.Microsecond)
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		actor, err := s.renew(tx, actor)
		if err != nil {
			return err
		}
		if err := s.makeRoom(tx, actor, req.Former, now); err != nil {
			return err
		}
		made = registry.Session{UserID: actor.UserID, Hash: hash, Agent: browserName(req.Agent), ExpiresAt: now.Add(access.SessionLife),
			Use: registry.LastUse{UsedAt: now, UsedFrom: access.Address(ctx)}}
		if made, err = tx.Sessions().CreateSession(made); err != nil {
			return err
		}
		if err := tx.Users().NoteLogin(actor.UserID); err != nil {
			return err
		}
		made.User = actor.Name
		_, err = registry.Append(tx.Log(), actor, registry.EventSessionStarted, "", 0, 0, registry.EventData{Name: made.Agent, User: made.User})
		return err
	})
	s.auth.Forget() // the former session has ended
	return secret, made, err
}

// makeRoom ends the session that a browser had, those of the user that are too many, and sessions of all users that are over.
func (s *Accounts) makeRoom(tx metadata.Tx, actor access.Actor, former string, now time.Time) error {
	if _, err := tx.Sessions().DeleteUnused(now.Add(-access.SessionLife), sweptAtOnce); err != nil {
		return err
	}
	if former != "" {
		was, err := tx.Sessions().SessionByHash(access.HashToken(former))
		if err == nil {
			err = endSession(tx, actor, was, "logged in again")
		}
		if err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
	}
	list, err := tx.Sessions().Sessions(actor.UserID, 0, 0)
	if err != nil {
		return err
	}
	var left []registry.Session
	for _, was := range list {
		if !s.auth.SessionOver(was) {
			left = append(left, was)
		} else if err := tx.Sessions().DeleteSession(was.ID); err != nil {
			return err
		}
	}
	for len(left) >= maxSessions {
		oldest := 0
		for i, was := range left {
			if was.UsedAt.Before(left[oldest].UsedAt) {
				oldest = i
			}
		}
		if err := endSession(tx, actor, left[oldest], "too many sessions"); err != nil {
			return err
		}
		left = append(left[:oldest], left[oldest+1:]...)
	}
	return nil
}

// BySession returns the user of a browser by the secret in its cookie. Unauthenticated.
func (s *Accounts) BySession(ctx context.Context, secret string) (access.Actor, error) {
	a, err := s.auth.Session(ctx, secret)
	if errors.Is(err, access.ErrBadCredentials) {
		err = &registry.Error{Kind: registry.Unauthenticated, Subject: registry.AboutSession, Detail: "the session has ended: log in again", Err: err}
	}
	return a, err
}

// Sessions lists sessions that are not over, ascending by id: the caller's own, where it is logged in as a user, or those of any user
// for an administrator or auditor of the server. Unauthenticated, Denied, NotFound.
func (s *Accounts) Sessions(ctx context.Context, user string, afterID int64, limit int) ([]registry.Session, error) {
	actor := access.From(ctx)
	if actor.UserID == 0 {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutSession, "log in to see sessions")
	}
	own := user == "" || user == actor.Name && actor.ActsForUser()
	if own && !actor.ActsForUser() {
		return nil, nil // a token for a narrow use sees nothing of its user's
	}
	if !own && !seesAll(actor) {
		return nil, registry.Errorf(registry.Denied, registry.AboutSession, "%s may not see the sessions of another user", registry.Describe(actor))
	}
	limit = registry.Bound(limit)
	var out []registry.Session
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		out = nil
		id := actor.UserID
		if !own {
			u, err := existing(tx.Users(), user)
			if err != nil {
				return err
			}
			id = u.ID
		}
		for len(out) < limit {
			list, err := tx.Sessions().Sessions(id, afterID, limit)
			if err != nil {
				return err
			}
			for _, one := range list {
				afterID = one.ID
				if one.Use = s.auth.NotedUse(access.Used{Session: one.ID}, one.Use); !s.auth.SessionOver(one) && len(out) < limit {
					out = append(out, one)
				}
			}
			if len(list) < limit {
				break
			}
		}
		return nil
	})
	return out, err
}

// EndSession ends a session that the caller sees: its browser has to log in again. To see it as an auditor is not enough. NotFound,
// Denied, Unauthenticated.
func (s *Accounts) EndSession(ctx context.Context, id int64) error {
	actor := access.From(ctx)
	if actor.UserID == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutSession, "log in to end a session")
	}
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		actor, err := s.renew(tx, actor)
		if err != nil {
			return err
		}
		hidden := registry.Errorf(registry.NotFound, registry.AboutSession, "there is no session %d", id)
		was, err := tx.Sessions().Session(id)
		switch {
		case errors.Is(err, metadata.ErrNotExist):
			return hidden
		case err != nil:
			return err
		case actor.ActsForUser() && was.UserID == actor.UserID, access.Decide(actor, access.Admin, access.Instance) == access.Allow:
			return endSession(tx, actor, was, "")
		case seesAll(actor):
			return registry.Errorf(registry.Denied, registry.AboutSession, "%s may not end a session of user %q", registry.Describe(actor), was.User)
		}
		return hidden
	})
	s.auth.Forget()
	return err
}

// EndSessions ends all sessions of a user but the one that the caller acts in: the caller's own for "", those of any user for an
// administrator of the server. NotFound, Denied, Unauthenticated.
func (s *Accounts) EndSessions(ctx context.Context, user string) error {
	actor := access.From(ctx)
	if actor.UserID == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutSession, "log in to end sessions")
	}
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		actor, err := s.renew(tx, actor)
		if err != nil {
			return err
		}
		own := actor.ActsForUser() && (user == "" || user == actor.Name)
		if !own && access.Decide(actor, access.Admin, access.Instance) != access.Allow {
			return registry.Errorf(registry.Denied, registry.AboutSession, "%s may not end the sessions of a user", registry.Describe(actor))
		}
		name := user
		if name == "" {
			name = actor.Name
		}
		u, err := existing(tx.Users(), name)
		if err != nil {
			return err
		}
		return endSessions(tx, actor, u, "")
	})
	s.auth.Forget()
	return err
}

// endSessions ends all sessions of a user, but for the caller's own.
func endSessions(tx metadata.Tx, actor access.Actor, u registry.User, reason string) error {
	list, err := tx.Sessions().Sessions(u.ID, 0, 0)
	for _, was := range list {
		if err == nil && was.ID != actor.WebSession {
			err = endSession(tx, actor, was, reason)
		}
	}
	return err
}

func endSession(tx metadata.Tx, actor access.Actor, was registry.Session, reason string) error {
	if err := tx.Sessions().DeleteSession(was.ID); err != nil {
		return err
	}
	_, err := registry.Append(tx.Log(), actor, registry.EventSessionEnded, "", 0, 0, registry.EventData{Name: was.Agent, User: was.User, Reason: reason})
	return err
}
