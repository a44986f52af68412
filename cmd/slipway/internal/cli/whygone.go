package cli

import (
	"context"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

var deletionColumns = []column[api.Deletion]{
	{"DELETED", func(d api.Deletion) any { return when(d.At) }},
	{"BY", func(d api.Deletion) any { return d.By }},
	{"REASON", func(d api.Deletion) any { return d.Reason }},
	{"LOG ENTRY", func(d api.Deletion) any { return d.Seq }},
	{"CAN BE RESTORED", func(d api.Deletion) any { return yes(d.Restorable) }},
	{"UNTIL", func(d api.Deletion) any { return when(d.RestorableUntil) }},
}

func (c commands) whyGoneCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "gone REPO [FORMAT PACKAGE VERSION]", Short: "Say who deleted a repository or a version, when and why, and whether it can be restored",
		Example: `  slipway why gone main npm @acme/web 1.4.2
  slipway why gone team-a`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return command.Exactly(4)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, deletionColumns, func(ctx context.Context, cl *client.Client) (api.Deletion, error) {
				if len(args) == 1 {
					return cl.RepositoryDeletion(ctx, args[0])
				}
				return cl.VersionDeletion(ctx, packageOf(args), args[3])
			})
		},
	}
}
