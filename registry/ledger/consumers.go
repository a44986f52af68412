package ledger

import (
	"context"
	"errors"
	"fmt"

	"slipway/internal/lazyregexp"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Consumer is a named position in the event feed that the server keeps for jobs that can't keep it themselves. It belongs to a
// user or service account; each has its own names. The user, logged in, and every token of a service account have all of them.
// A token of a person has those that it or a token of its line below made, and takes over those of tokens that have ended.
type Consumer = metadata.Consumer

var consumerName = lazyregexp.New(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// maxConsumers bounds the consumers of one user.
const maxConsumers = 1000

// ConsumerChange says how a consumer is to be made or moved.
type ConsumerChange struct {
	// Acked is the last acknowledged log entry, -1 for none; nil keeps the position, and is the end of the log for a new
	// consumer.
	Acked *int64
	// Reset also moves the position back: the entries after it come again.
	Reset bool
}

// PutConsumer makes a consumer of the caller or moves its position, and returns the consumer as stored. Without Reset the
// position never moves back, so a late or repeated acknowledgement changes nothing. Invalid, Conflict, Unauthenticated.
func (s *Ledger) PutConsumer(ctx context.Context, name string, change ConsumerChange) (c Consumer, created bool, err error) {
	actor, owner, err := consumerOwner(ctx)
	if err != nil {
		return c, false, err
	}
	switch {
	case !consumerName.MatchString(name):
		return c, false, registry.Errorf(registry.Invalid, registry.AboutConsumer, "%q can't name a consumer: lower-case letters, digits, '.', '_', '-', at most 63", registry.Clip(name))
	case change.Reset && change.Acked == nil:
		return c, false, registry.Errorf(registry.Invalid, registry.AboutConsumer, `"reset" goes with "acked", which says where to`)
	case change.Acked != nil && *change.Acked < -1:
		return c, false, registry.Errorf(registry.Invalid, registry.AboutConsumer, "acked is a sequence number of the log, or -1 for its start")
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		if change.Acked != nil && *change.Acked >= size {
			return registry.Errorf(registry.Invalid, registry.AboutConsumer, "acked is %d, but the newest event has the sequence number %d", *change.Acked, size-1)
		}
		c, err = tx.Consumers().Consumer(owner, name)
		created = errors.Is(err, metadata.ErrNotExist)
		switch {
		case created:
			if err := checkConsumers(tx.Consumers(), owner); err != nil {
				return err
			}
			c = Consumer{OwnerID: owner, Name: name, TokenID: maker(actor), Acked: size - 1}
			if change.Acked != nil {
				c.Acked = *change.Acked
			}
			c, err = tx.Consumers().PutConsumer(c)
			return err
		case err != nil:
			return err
		}
		mine, takeOver, err := s.has(tx, actor, c)
		switch {
		case err != nil:
			return err
		case !mine:
			return registry.Errorf(registry.Conflict, registry.AboutConsumer, "another token of %q has a consumer %q; choose another name, or revoke that token to take it over", actor.Name, name)
		case change.Acked == nil, *change.Acked == c.Acked, *change.Acked < c.Acked && !change.Reset:
			return nil
		}
		if c.Acked = *change.Acked; takeOver {
			c.TokenID = maker(actor)
		}
		c, err = tx.Consumers().PutConsumer(c)
		return err
	})
	return c, created, err
}

// unknownMaker is the TokenID of a consumer of before makers were kept.
const unknownMaker = -1

// maker is the TokenID of a consumer that a caller makes: 0 where all credentials of its owner that may do so share it.
func maker(a access.Actor) int64 {
	if a.ActsForUser() || a.Service {
		return 0
	}
	return a.TokenID
}

// has reports whether a consumer of the caller's user is the caller's, and whether the caller's token takes it over with the
// next acknowledgement.
func (s *Ledger) has(tx metadata.Tx, a access.Actor, c Consumer) (mine, takeOver bool, err error) {
	switch {
	case a.ActsForUser() || a.Service:
		return true, false, nil
	case c.TokenID == unknownMaker:
		return true, true, nil
	}
	if mine, err = a.Descends(tx.Tokens(), c.TokenID); mine || err != nil {
		return mine, false, err
	}
	if c.TokenID != 0 {
		takeOver, err = access.LineEnded(tx.Tokens(), c.TokenID, s.core.Now())
	}
	return takeOver, takeOver, err
}

// checkConsumers refuses a new consumer of an owner who has the maximum.
func checkConsumers(consumers metadata.Consumers, owner string) error {
	all, err := consumers.Consumers(owner, registry.Page{Limit: maxConsumers})
	if err == nil && len(all) == maxConsumers {
		err = registry.Errorf(registry.Conflict, registry.AboutConsumer, "you have %d consumers already, which is the most", maxConsumers)
	}
	return err
}

// Consumer returns a consumer of the caller. NotFound, Unauthenticated.
func (s *Ledger) Consumer(ctx context.Context, name string) (Consumer, error) {
	actor, owner, err := consumerOwner(ctx)
	if err != nil {
		return Consumer{}, err
	}
	var c Consumer
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		c, err = s.own(tx, actor, owner, name)
		return err
	})
	return c, err
}

// own returns a consumer of the caller. NotFound.
func (s *Ledger) own(tx metadata.Tx, actor access.Actor, owner, name string) (Consumer, error) {
	c, err := tx.Consumers().Consumer(owner, name)
	if err == nil {
		mine := false
		if mine, _, err = s.has(tx, actor, c); err == nil && !mine {
			err = metadata.ErrNotExist
		}
	}
	return c, registry.Missing(err, registry.AboutConsumer, "you have no consumer %q", registry.Clip(name))
}

// Consumers lists the caller's consumers, by name. Unauthenticated.
func (s *Ledger) Consumers(ctx context.Context, p registry.Page) ([]Consumer, error) {
	actor, owner, err := consumerOwner(ctx)
	if err != nil {
		return nil, err
	}
	var out []Consumer
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		all, err := tx.Consumers().Consumers(owner, registry.Page{After: p.After, Limit: maxConsumers})
		out = nil
		for _, c := range all {
			mine, _, err := s.has(tx, actor, c)
			if err != nil {
				return err
			}
			if mine && len(out) < registry.Bound(p.Limit) {
				out = append(out, c)
			}
		}
		return err
	})
	return out, err
}

// DeleteConsumer deletes a consumer of the caller. NotFound, Unauthenticated.
func (s *Ledger) DeleteConsumer(ctx context.Context, name string) error {
	actor, owner, err := consumerOwner(ctx)
	if err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		if _, err := s.own(tx, actor, owner, name); err != nil {
			return err
		}
		return registry.Missing(tx.Consumers().DeleteConsumer(owner, name), registry.AboutConsumer, "you have no consumer %q", registry.Clip(name))
	})
}

// consumerOwner returns the caller, and as the owner of its consumers its user, or the user of its token.
func consumerOwner(ctx context.Context) (access.Actor, string, error) {
	a := access.From(ctx)
	if a.UserID == 0 {
		return a, "", registry.Errorf(registry.Unauthenticated, registry.AboutConsumer, "log in to keep a place in the events")
	}
	return a, fmt.Sprintf("user:%d", a.UserID), nil
}
