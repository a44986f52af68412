package cli

import (
	"context"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// promoteCmd makes a version one of another repository.
func (c commands) promoteCmd() *cobra.Command {
	var f Flags
	var to api.Promotion
	cmd := &cobra.Command{
		Use: "promote REPO FORMAT PACKAGE VERSION --to OTHER", Short: "Make a version one of another repository, with its bytes, facts and state", Args: command.Exactly(4),
		Long: `Make a version one of another repository: the same bytes, with the facts and the state of the version. Files that only a
registry elsewhere has are fetched and verified first. Of an image for several platforms, all are promoted. You need to read the
version, and to publish in the other repository.`,
		Example: `  slipway promote staging maven com.acme:lib 1.4.2 --to releases
  slipway promote npm-mirror npm lodash 4.17.21 --to main
  slipway promote staging oci acme/web 1.4.2 --to main --tag 1.4.2 --tag production`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if to.To == "" {
				return command.Usagef("--to names the repository that gets the version")
			}
			return show(c, cmd, &f, stateColumns, func(ctx context.Context, cl *client.Client) (api.VersionSummary, error) {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return api.VersionSummary{}, err
				}
				return cl.Promote(ctx, packageOf(args), version, to)
			})
		},
	}
	cmd.Flags().StringVar(&to.To, "to", "", "the repository that gets it")
	cmd.Flags().StringArrayVar(&to.Tags, "tag", nil, "a tag that is set to it there; may be given again")
	f.Add(cmd)
	return cmd
}
