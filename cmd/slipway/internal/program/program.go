// Package program puts the commands of all packages together.
package program

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/admin"
	"slipway/cmd/slipway/internal/bench"
	"slipway/cmd/slipway/internal/cli"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/licenses"
	"slipway/cmd/slipway/internal/serve"
	"slipway/formats/all"
	"slipway/registry"
)

// Run executes a command line and returns the exit code of the process.
func Run(ctx context.Context, p *command.Program, args []string) int {
	root := Root
	if len(args) > 0 && args[0] == "serve" {
		root = serving
	}
	return p.Run(ctx, root(p), args)
}

// serving is the command with those of a server alone: it runs for long, and the others would be in its memory.
func serving(p *command.Program) *cobra.Command { return topmost(p, serve.Commands(p)) }

// Root is the command that holds all others.
func Root(p *command.Program) *cobra.Command {
	types := registry.EventTypeGroups()
	for _, t := range registry.EventTypes() {
		types = append(types, t.String())
	}
	client := cli.Options{OnMachine: func() cli.UserTool { return admin.NewUsers(p) }, EventTypes: types}
	for _, f := range all.All() {
		client.Formats = append(client.Formats, f.Name())
	}
	root := topmost(p, slices.Concat(serve.Commands(p), admin.Commands(p), cli.Commands(p, client), bench.Commands(p), licenses.Commands(p)))
	root.AddCommand(p.ReferenceCmd(root), p.ManCmd(root))
	return root
}

func topmost(p *command.Program, commands []*cobra.Command) *cobra.Command {
	return p.Root(&cobra.Command{
		Use:   "slipway",
		Short: "Keep, find, prove and deploy every version of everything you build",
		Long: `Slipway keeps every version of everything a team builds: npm, Python and Maven packages, OCI images and plain files.

"slipway serve" runs the server; it needs no configuration. The other commands talk to a server (--server,
SLIPWAY_SERVER, or that of the latest "slipway login"), as the token of --token, SLIPWAY_TOKEN or the login may. "slipway fsck" and "slipway gc" work on
the data directory of a server that does not run, "slipway backup" also beside one that does.

Exit codes: 0 done, 1 failed, 2 wrong usage; 130 interrupted by Ctrl-C, 143 ended by SIGTERM.`,
		Example: `  slipway serve
  slipway login --user admin
  slipway token create ci --allow main:read,publish
  slipway tag set main npm @acme/web production 1.4.2 --reason "release 12"
  slipway events tail`,
	}, commands...)
}
