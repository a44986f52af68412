package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var deliveryColumns = []column[api.Delivery]{
	{"ID", func(d api.Delivery) any { return d.ID }},
	{"LOG ENTRY", func(d api.Delivery) any { return d.Seq }},
	{"TYPE", func(d api.Delivery) any { return d.Type }},
	{onlyWide("SUBJECT"), func(d api.Delivery) any { return d.Subject }},
	{"STATE", func(d api.Delivery) any { return state(d.State) }},
	{"ATTEMPTS", func(d api.Delivery) any { return d.Attempts }},
	{"HTTP STATUS", func(d api.Delivery) any { return answered(d.Status) }},
	{"NEXT TRY", func(d api.Delivery) any { return whenever(d.NextAt) }},
	{"ERROR", func(d api.Delivery) any { return d.Error }},
}

// answered is the status of an answer; "" when no answer came.
func answered(status int) any {
	if status == 0 {
		return nil
	}
	return status
}

// pingPatience is how long "subscription ping" waits for the outcome: longer than the server waits for the receiver.
const (
	pingPatience = 30 * time.Second
	pingPause    = 200 * time.Millisecond
)

func (c commands) subscriptionPingCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ping ID", Short: "Send a test event and show the outcome", Args: command.Exactly(1),
		Long:    `Send a test event, once, and wait for the outcome: exit code 0 when the receiver took it, 1 when not.`,
		Example: "  slipway subscription ping 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			made, err := cl.Ping(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			raw, d, err := settled(cmd.Context(), cl.Client, made.ID)
			if err != nil {
				return err
			}
			if f.output == command.JSON {
				if err := command.PrintJSON(c.Stdout, raw); err != nil {
					return err
				}
			}
			if d.State != api.DeliveryDelivered {
				return fmt.Errorf("the ping did not arrive: %s (delivery %s)", command.Clean(d.Error), command.Clean(d.ID))
			}
			if f.output == command.JSON {
				return nil
			}
			_, err = fmt.Fprintf(c.Stdout, "The receiver took the ping: HTTP %d (delivery %s)\n", d.Status, command.Clean(d.ID))
			return err
		},
	}
}

// settled waits until a delivery is no longer pending.
func settled(ctx context.Context, cl *client.Client, id string) (raw json.RawMessage, d api.DeliveryDetail, err error) {
	asking := client.WithRaw(ctx, func(answer json.RawMessage) { raw = answer })
	for deadline := time.Now().Add(pingPatience); ; {
		if d, err = cl.Delivery(asking, id); err != nil || d.State != api.DeliveryPending {
			return raw, d, err
		}
		if time.Now().After(deadline) {
			return nil, d, errors.New("the ping still waits for its turn; see 'slipway subscription deliveries'")
		}
		select {
		case <-time.After(pingPause):
		case <-ctx.Done():
			return nil, d, ctx.Err()
		}
	}
}

func (c commands) subscriptionDeliveriesCmd(f *Flags) *cobra.Command {
	var in string
	cmd := &cobra.Command{
		Use: "deliveries ID", Short: "List sent and waiting deliveries, the newest first", Args: command.Exactly(1),
		Example: "  slipway subscription deliveries 3 --state dead",
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, deliveryColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Delivery, error] {
				return cl.Deliveries(ctx, args[0], api.DeliveryState(in))
			})
		},
	}
	command.EnumFlag(cmd, cmd.Flags(), &in, "state", "", "", "only in this state: pending, delivered or dead", "pending", "delivered", "dead")
	return cmd
}

func (c commands) subscriptionDeliveryCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "delivery ID", Short: "Show one delivery: what is sent, and how each attempt went", Args: command.Exactly(1),
		Long:    `Show one delivery as JSON: the request without its signature, and every attempt. What the receiver answered is for administrators.`,
		Example: "  slipway subscription delivery 1207",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			var raw json.RawMessage
			if _, err := cl.Delivery(client.WithRaw(cmd.Context(), func(answer json.RawMessage) { raw = answer }), args[0]); err != nil {
				return err
			}
			return command.PrintJSON(c.Stdout, raw)
		},
	}
}

func (c commands) subscriptionRedeliverCmd(f *Flags) *cobra.Command {
	var since int64
	cmd := &cobra.Command{
		Use: "redeliver ID", Short: "Send a delivery again, or with --since everything since a log entry", Args: command.Exactly(1),
		Long: `Send a delivery again at once, with the same bytes and the same id. With --since, ID is that of a subscription: every event since
that sequence number that it selects is sent again, also what came before it was made.`,
		Example: `  slipway subscription redeliver 1207
  slipway subscription redeliver 3 --since 4711`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("since") {
				return show(c, cmd, f, deliveryColumns, func(ctx context.Context, cl *client.Client) (api.Delivery, error) {
					return cl.Redeliver(ctx, args[0])
				})
			}
			return show(c, cmd, f, subscriptionColumns, func(ctx context.Context, cl *client.Client) (api.Subscription, error) {
				return cl.Replay(ctx, args[0], since)
			})
		},
	}
	cmd.Flags().Int64Var(&since, "since", 0, "sequence number of the first log entry to send; ID is a subscription then")
	return cmd
}
