package access

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"slipway/metadata"
)

// ErrRightsShrank: a caller has lost rights since its request began.
var ErrRightsShrank = errors.New("access: the caller has lost rights")

// look says when an actor was looked up, and how long it counts without another look. The zero look is over.
type look struct {
	epoch uint64 // of the Authenticator
	until time.Time
}

// lookedUp returns the actor as looked up in an epoch. It counts until a time, or until it ends.
func (a Actor) lookedUp(epoch uint64, until time.Time) Actor {
	if !a.Ends.IsZero() && a.Ends.Before(until) {
		until = a.Ends
	}
	a.look = look{epoch, until}
	return a
}

// Same reports whether two look-ups found the same caller with the same rights.
func (a Actor) Same(b Actor) bool {
	a.look, b.look = look{}, look{}
	return reflect.DeepEqual(a, b)
}

// current returns the epoch, which grows with Forget, and whenever people are changed.
func (a *Authenticator) current() uint64 {
	epoch := a.epoch.Load()
	if a.versioned != nil {
		epoch += a.versioned.GenerationOf(metadata.People)
	}
	return epoch
}

// Actor returns the current actor of an Actor.ID, for work that goes on after its request. ErrBadCredentials: the actor is
// unknown or no longer valid.
func (a *Authenticator) Actor(ctx context.Context, id string) (actor Actor, err error) {
	now, epoch := a.now(), a.current()
	err = a.store.View(ctx, func(tx metadata.Tx) error {
		actor, err = a.actorIn(tx, id)
		return err
	})
	return actor.lookedUp(epoch, now.Add(tokenTTL)), err
}

// Renew returns an actor with its rights in a transaction, for changes that a caller must not make any more once its login has
// ended: its body may have come in slowly. ErrBadCredentials: the login has ended, or the password changed.
func (a *Authenticator) Renew(tx metadata.Tx, was Actor) (Actor, error) {
	now, err := a.actorIn(tx, was.ID)
	if err == nil && now.mark != was.mark {
		err = ErrBadCredentials
	}
	if err == nil && was.WebSession != 0 {
		s, err := tx.Sessions().Session(was.WebSession)
		if err != nil {
			return now, unknown(err)
		}
		return a.sessionActor(tx, s)
	}
	return now, err
}

// StillMay reports why a caller may not do in a transaction all that it might do when its request began: its body may have come in
// slowly. It reads nothing where a request that begins now would not be looked up either. ErrBadCredentials: the login has ended;
// ErrRightsShrank.
func (a *Authenticator) StillMay(tx metadata.Tx, was Actor) error {
	if was.UserID == 0 || was.look.epoch == a.current() && a.now().Before(was.look.until) {
		return nil
	}
	now, err := a.Renew(tx, was)
	if err == nil && !keeps(now, was) {
		err = ErrRightsShrank
	}
	return err
}

// keeps reports whether an actor still has all rights that it had. It may say no where the globs of lists that bound the actor
// overlap, and one of these has shrunk.
func keeps(now, was Actor) bool {
	for _, g := range was.Grants {
		if !Covers(now, []Grant{g}) {
			return keepsLists(now, was)
		}
	}
	return true
}

// keepsLists reports whether each list of grants that bounds an actor contains what it contained.
func keepsLists(now, was Actor) bool {
	if len(now.Bounds) != len(was.Bounds) || !contains(now.Grants, was.Grants) || !contains(now.Owner, was.Owner) {
		return false
	}
	for i := range was.Bounds {
		if !contains(now.Bounds[i], was.Bounds[i]) {
			return false
		}
	}
	return true
}

func contains(outer, inner []Grant) bool { return Covers(Actor{Grants: outer}, inner) }

// actorIn is Actor in a transaction.
func (a *Authenticator) actorIn(tx metadata.Tx, id string) (Actor, error) {
	if id == System().ID {
		return System(), nil
	}
	kind, number, _ := strings.Cut(id, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || kind != TypeToken && kind != TypeUser {
		return Actor{}, ErrBadCredentials
	}
	if kind == TypeUser {
		u, err := tx.Users().UserByID(n)
		if err != nil {
			return Actor{}, unknown(err)
		}
		return userActor(tx, u)
	}
	t, err := tx.Tokens().Token(n)
	if err != nil {
		return Actor{}, unknown(err)
	}
	return a.TokenActor(tx, t)
}
