package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// ackTimeout bounds one attempt to acknowledge an event.
const ackTimeout = 10 * time.Second

// consume follows the events from a consumer's position on, until a signal or the end of ctx.
func (t *follower) consume(ctx context.Context, after string) error {
	if t.consumer == "" {
		return command.Usagef("--consumer: it needs a name")
	}
	ctx, stop := command.UntilSignal(ctx)
	defer stop()
	err := t.persist(ctx, temporary, func() error { return t.resume(ctx, after) })
	if err == nil {
		err = t.run(ctx)
	}
	if errors.Is(err, context.Canceled) {
		return nil // ended by a signal while no event was handled
	}
	return err
}

// resume asks for the position of the consumer, and makes the consumer if it is new.
func (t *follower) resume(ctx context.Context, after string) error {
	place, err := t.c.Consumer(ctx, t.consumer)
	if client.IsStatus(err, http.StatusNotFound) {
		var change api.ConsumerChange
		if after != "" || t.once {
			first, err := t.start(ctx, after)
			if err != nil {
				return err
			}
			change.Acked = &first
		}
		place, err = t.c.PutConsumer(ctx, t.consumer, change)
	}
	t.acked, t.after = place.Acked, place.Acked
	return err
}

// settle handles one event until the command succeeds, and acknowledges the event.
func (t *follower) settle(ctx context.Context, seq int64, e *client.Event) error {
	always := func(error) bool { return true }
	err := t.persist(ctx, always, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		// After a signal, a command that has begun still runs to its end: half a deployment is of no use.
		if err := t.handle(context.WithoutCancel(ctx), e); err != nil {
			return fmt.Errorf("event %d: %w", seq, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.after = seq
	return t.ack(ctx, seq)
}

// ack moves the consumer's position, also when a signal came meanwhile, as the event was handled.
func (t *follower) ack(ctx context.Context, seq int64) error {
	if t.consumer == "" || seq <= t.acked {
		return nil
	}
	err := t.persist(ctx, temporary, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
		defer cancel()
		_, err := t.c.PutConsumer(ctx, t.consumer, api.ConsumerChange{Acked: &seq})
		return err
	})
	if err != nil {
		return fmt.Errorf("event %d was dealt with, but not acknowledged: %w", seq, err)
	}
	t.acked = seq
	return nil
}
