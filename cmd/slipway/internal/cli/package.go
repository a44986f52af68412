package cli

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

var packageColumns = []column[api.Package]{
	{"FORMAT", func(p api.Package) any { return p.Format }},
	{"NAME", func(p api.Package) any { return p.Name }},
	{"LATEST", func(p api.Package) any { return p.Latest }},
	{"VERSIONS", func(p api.Package) any { return p.Versions }},
	{"UPDATED", func(p api.Package) any { return p.UpdatedAt }},
}

func (c commands) packageCmd() *cobra.Command {
	var f Flags
	g := c.Group("package", "Look at packages", "  slipway package ls main --format npm", c.packageListCmd(&f))
	f.Add(g)
	return g
}

func (c commands) packageListCmd(f *Flags) *cobra.Command {
	var filter client.PackageFilter
	cmd := &cobra.Command{
		Use: "ls REPO", Short: "List the packages of a repository", Args: command.Exactly(1),
		Example: `  slipway package ls main
  slipway package ls main --format npm -q acme`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, packageColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Package, error] {
				return cl.Packages(ctx, args[0], filter)
			})
		},
	}
	cmd.Flags().StringVar(&filter.Format, "format", "", "only packages of this format")
	cmd.Flags().StringVarP(&filter.Part, "query", "q", "", "only packages whose name has this part")
	return cmd
}

// packageOf is the package that the first three arguments name.
func packageOf(args []string) client.Package {
	return client.Package{Repository: args[0], Format: args[1], Name: args[2]}
}
