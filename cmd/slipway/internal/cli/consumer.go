package cli

import (
	"context"
	"iter"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var consumerColumns = []column[api.Consumer]{
	{"NAME", func(c api.Consumer) any { return c.Name }},
	{"HANDLED UP TO", func(c api.Consumer) any { return c.Acked }},
	{"MOVED", func(c api.Consumer) any { return when(c.UpdatedAt) }},
	{"CREATED", func(c api.Consumer) any { return when(c.CreatedAt) }},
}

func (c commands) consumerCmd(f *Flags) *cobra.Command {
	return c.Group("consumer", "Look at and move the places that the server keeps in the events", `  slipway events consumer ls
  slipway events consumer set prod-web 1042`, c.consumerListCmd(f), c.consumerShowCmd(f), c.consumerSetCmd(f), c.consumerRemoveCmd(f))
}

func (c commands) consumerListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List your consumers", Example: "  slipway events consumer ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, consumerColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Consumer, error] {
				return cl.Consumers(ctx)
			})
		},
	}
}

func (c commands) consumerShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show one consumer", Example: "  slipway events consumer show prod-web", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, consumerColumns, func(ctx context.Context, cl *client.Client) (api.Consumer, error) {
				return cl.Consumer(ctx, args[0])
			})
		},
	}
}

func (c commands) consumerSetCmd(f *Flags) *cobra.Command {
	var back bool
	cmd := &cobra.Command{
		Use: "set NAME LOG-ENTRY", Short: "Say that everything up to a log entry was handled; makes a consumer that is not there", Args: command.Exactly(2),
		Long: `Move a consumer behind a log entry; start is before the first one. It only moves forward unless --back is given: then the
events behind the entry come again.`,
		Example: `  slipway events consumer set prod-web 1042
  slipway events consumer set prod-web start --back`,
		RunE: func(cmd *cobra.Command, args []string) error {
			acked := int64(-1)
			if args[1] != "start" {
				var err error
				if acked, err = parseSeq(args[1]); err != nil {
					return err
				}
			}
			return show(c, cmd, f, consumerColumns, func(ctx context.Context, cl *client.Client) (api.Consumer, error) {
				return cl.PutConsumer(ctx, args[0], api.ConsumerChange{Acked: &acked, Reset: back})
			})
		},
	}
	cmd.Flags().BoolVar(&back, "back", false, "also move it back")
	return cmd
}

func (c commands) consumerRemoveCmd(f *Flags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm NAME", Short: "Forget a consumer and its place", Example: "  slipway events consumer rm prod-web", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.Confirm(yes, "Forget consumer "+args[0]+" and its place"); err != nil {
				return err
			}
			return c.do(cmd, f, "Removed consumer "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteConsumer(ctx, args[0])
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}
