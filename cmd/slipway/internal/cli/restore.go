package cli

import (
	"context"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// versionRestoreCmd brings a deleted version back.
func (c commands) versionRestoreCmd(f *Flags) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "restore REPO FORMAT PACKAGE VERSION", Short: "Bring a deleted version back, as long as its files are kept", Args: command.Exactly(4),
		Long: `Bring a deleted version back as it was, with its files, facts and state. That works until the server collects its files:
7 days after the deletion, unless the server was started with another --deleted-grace. The tags that the version had stay
ended: set them again with "slipway tag set". It needs the rights to delete and to publish.`,
		Example: `  slipway version ls main npm @acme/web --deleted
  slipway version restore main npm @acme/web 1.4.2 --reason "deleted by mistake"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, stateColumns, func(ctx context.Context, cl *client.Client) (api.VersionSummary, error) {
				return cl.RestoreVersion(ctx, packageOf(args), args[3], reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	return cmd
}

// repoRestoreCmd brings a deleted repository back.
func (c commands) repoRestoreCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "restore NAME", Short: "Bring a deleted repository back", Args: command.Exactly(1),
		Long: `Bring the repository back that had a name and was removed last, with its settings. A repository can be removed only when it
holds no versions, so it comes back without any: bring these back one by one with "slipway version restore".`,
		Example: "  slipway repo restore team-a",
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) (api.Repository, error) {
				return cl.RestoreRepository(ctx, args[0])
			})
		},
	}
}
