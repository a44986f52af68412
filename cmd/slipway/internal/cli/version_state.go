package cli

import (
	"context"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// stateColumns are the columns of a version whose state was set.
var stateColumns = []column[api.VersionSummary]{
	{"PURL", func(v api.VersionSummary) any { return v.PURL }},
	{"STATE", func(v api.VersionSummary) any { return state(v.State) }},
	{"REASON", func(v api.VersionSummary) any { return v.Reason }},
}

// versionStateCmd sets a version to a state.
func (c commands) versionStateCmd(f *Flags, name, short, example, to string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name + " REPO FORMAT PACKAGE VERSION", Short: short, Example: example, Args: command.Exactly(4),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, stateColumns, func(ctx context.Context, cl *client.Client) (api.VersionSummary, error) {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return api.VersionSummary{}, err
				}
				return cl.ChangeVersion(ctx, packageOf(args), version, api.VersionChange{State: to, Reason: reason})
			})
		},
	}
	if to != "published" {
		cmd.Flags().StringVar(&reason, "reason", "", "why; clients that know the state show it")
	}
	return cmd
}

func (c commands) versionStateCmds(f *Flags) []*cobra.Command {
	return []*cobra.Command{
		c.versionStateCmd(f, "yank", "Keep a version from being chosen; who asks for it by number still gets it",
			`  slipway version yank main pypi acme-web 1.4.2 --reason "breaks on 32 bits"`, "yanked"),
		c.versionStateCmd(f, "deprecate", "Warn of a version",
			`  slipway version deprecate main npm @acme/web 1.4.2 --reason "use 1.5"`, "deprecated"),
		c.versionStateCmd(f, "unyank", "Take a yank or a deprecation back",
			"  slipway version unyank main pypi acme-web 1.4.2", "published"),
	}
}
