package ledger

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Consumer is a named position in the event feed that the server keeps for jobs that can't keep it themselves. It belongs to a
// user, and so to all of the user's tokens; each user has its own names.
type Consumer = metadata.Consumer

var consumerName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

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
	owner, err := consumerOwner(ctx)
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
			c = Consumer{OwnerID: owner, Name: name, Acked: size - 1}
			if change.Acked != nil {
				c.Acked = *change.Acked
			}
		case err != nil:
			return err
		case change.Acked == nil, *change.Acked == c.Acked, *change.Acked < c.Acked && !change.Reset:
			return nil
		default:
			c.Acked = *change.Acked
		}
		c, err = tx.Consumers().PutConsumer(c)
		return err
	})
	return c, created, err
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
	owner, err := consumerOwner(ctx)
	if err != nil {
		return Consumer{}, err
	}
	var c Consumer
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		c, err = tx.Consumers().Consumer(owner, name)
		return registry.Missing(err, registry.AboutConsumer, "you have no consumer %q", registry.Clip(name))
	})
	return c, err
}

// Consumers lists the caller's consumers, by name. Unauthenticated.
func (s *Ledger) Consumers(ctx context.Context, p registry.Page) ([]Consumer, error) {
	owner, err := consumerOwner(ctx)
	if err != nil {
		return nil, err
	}
	p.Limit = registry.Bound(p.Limit)
	var out []Consumer
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Consumers().Consumers(owner, p)
		return err
	})
	return out, err
}

// DeleteConsumer deletes a consumer of the caller. NotFound, Unauthenticated.
func (s *Ledger) DeleteConsumer(ctx context.Context, name string) error {
	owner, err := consumerOwner(ctx)
	if err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		return registry.Missing(tx.Consumers().DeleteConsumer(owner, name), registry.AboutConsumer, "you have no consumer %q", registry.Clip(name))
	})
}

// consumerOwner is the caller's user, or the user of the caller's token.
func consumerOwner(ctx context.Context) (string, error) {
	a := access.From(ctx)
	if a.UserID == 0 {
		return "", registry.Errorf(registry.Unauthenticated, registry.AboutConsumer, "log in to keep a place in the events")
	}
	return fmt.Sprintf("user:%d", a.UserID), nil
}
