package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var deliveryColumns = []column{field("ID", "id"), field("SEQ", "seq"), field("TYPE", "type"), field("SUBJECT", "subject"), field("STATE", "state"),
	field("ATTEMPTS", "attempt_count"), field("STATUS", "status"), field("NEXT", "next_at"), field("ERROR", "error")}

// pingPatience is how long "subscription ping" waits for the outcome: longer than the server waits for the receiver.
const (
	pingPatience = 30 * time.Second
	pingPause    = 200 * time.Millisecond
)

// delivery is what the commands need of one.
type delivery struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Status int    `json:"status"`
	Error  string `json:"error"`
}

func (c commands) subscriptionPingCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ping ID", Short: "Send a test event and tell what came of it", Args: command.Exactly(1),
		Long:    `Send a test event, once, and wait for the outcome: exit code 0 when the receiver took it, 1 when not.`,
		Example: "  slipway subscription ping 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(f)
			if err != nil {
				return err
			}
			var made delivery
			if err := cl.call(cmd.Context(), request{method: http.MethodPost, path: segments("subscriptions", args[0], "ping")}, &made); err != nil {
				return err
			}
			raw, d, err := cl.settled(cmd.Context(), made.ID)
			if err != nil {
				return err
			}
			if f.output == command.JSON {
				if err := command.PrintJSON(c.Stdout, raw); err != nil {
					return err
				}
			}
			if d.State != "delivered" {
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

// settled waits until a delivery is pending no more.
func (c *Remote) settled(ctx context.Context, id string) (raw json.RawMessage, d delivery, err error) {
	for deadline := time.Now().Add(pingPatience); ; {
		if err := c.get(ctx, segments("deliveries", id), nil, &raw); err != nil {
			return nil, d, err
		}
		d = delivery{}
		if err := json.Unmarshal(raw, &d); err != nil || d.State != "pending" {
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
	var state string
	cmd := &cobra.Command{
		Use: "deliveries ID", Short: "List what was sent and what waits, the newest first", Args: command.Exactly(1),
		Example: "  slipway subscription deliveries 3 --state dead",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.list(cmd, f, segments("subscriptions", args[0], "deliveries"), queryOf("state", state), deliveryColumns...)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "pending, delivered or dead (default: all)")
	return cmd
}

func (c commands) subscriptionDeliveryCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "delivery ID", Short: "Show one delivery: what is sent, and how each attempt went", Args: command.Exactly(1),
		Long:    `Show one delivery as JSON: the request without its signature, and every attempt. What the receiver answered is for administrators.`,
		Example: "  slipway subscription delivery 1207",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(f)
			if err != nil {
				return err
			}
			var raw json.RawMessage
			if err := cl.get(cmd.Context(), segments("deliveries", args[0]), nil, &raw); err != nil {
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
				return c.show(cmd, f, request{method: http.MethodPost, path: segments("deliveries", args[0], "redeliver")}, deliveryColumns...)
			}
			return c.show(cmd, f, request{method: http.MethodPost, path: segments("subscriptions", args[0], "redeliver"), body: map[string]any{"since": since}},
				subscriptionColumns...)
		},
	}
	cmd.Flags().Int64Var(&since, "since", 0, "sequence number of the first log entry to send; ID is a subscription then")
	return cmd
}
