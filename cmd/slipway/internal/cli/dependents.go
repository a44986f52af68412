package cli

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

var dependentColumns = []column[api.Dependent]{
	{"REPOSITORY", func(d api.Dependent) any { return d.Repository }},
	{"NAME", func(d api.Dependent) any { return d.Name }},
	{"VERSION", func(d api.Dependent) any { return versionText(d.Version) }},
	{"NEEDS", func(d api.Dependent) any { return d.Requirement }},
	{"FOR", func(d api.Dependent) any { return d.Scope }},
	{"PUBLISHED", func(d api.Dependent) any { return when(d.PublishedAt) }},
}

func (c commands) packageDependentsCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "dependents REPO FORMAT PACKAGE", Short: "List the packages of the server that need a package, of each the newest version that does", Args: command.Exactly(3),
		Example: "  slipway package dependents main npm left-pad",
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, dependentColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Dependent, error] {
				return cl.Dependents(ctx, packageOf(args))
			})
		},
	}
}
