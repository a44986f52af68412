package cli

import (
	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
)

func (c commands) packageCmd() *cobra.Command {
	var f Flags
	g := c.Group("package", "Look at packages", "  slipway package ls main --format npm", c.packageListCmd(&f))
	f.Add(g)
	return g
}

func (c commands) packageListCmd(f *Flags) *cobra.Command {
	var format, part string
	cmd := &cobra.Command{
		Use: "ls REPO", Short: "List the packages of a repository", Args: command.Exactly(1),
		Example: `  slipway package ls main
  slipway package ls main --format npm -q acme`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.list(cmd, f, segments("repositories", args[0], "packages"), queryOf("format", format, "q", part),
				field("FORMAT", "format"), field("NAME", "name"), field("LATEST", "latest"), field("VERSIONS", "versions"), field("UPDATED", "updated_at"))
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "only packages of this format")
	cmd.Flags().StringVarP(&part, "query", "q", "", "only packages whose name has this part")
	return cmd
}
