package cli

import (
	"context"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// caller is who a command acts as, and where.
type caller struct {
	api.Caller
	server string
}

var callerColumns = []column[caller]{
	{"SERVER", func(c caller) any { return c.server }},
	{"NAME", func(c caller) any { return c.Name }},
	{"TYPE", func(c caller) any { return c.Type }},
	{"TOKEN", func(c caller) any { return c.Token }},
	{"ID", func(c caller) any { return c.ID }},
	{"EXPIRES", func(c caller) any { return whenever(c.ExpiresAt) }},
	{"PERMISSIONS", func(c caller) any { return permissions(c.Permissions) }},
}

func (c commands) whoamiCmd() *cobra.Command {
	var f Flags
	cmd := &cobra.Command{
		Use: "whoami", Short: "Show which server commands ask, as whom, and what you may do there", Args: command.Exactly(0),
		Example: `  slipway whoami
  slipway whoami --server https://slipway.example.com -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, &f, callerColumns, func(ctx context.Context, cl *client.Client) (caller, error) {
				who, err := cl.WhoAmI(ctx)
				return caller{who, cl.Server()}, err
			})
		},
	}
	f.Add(cmd)
	return cmd
}
