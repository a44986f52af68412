package serve

import (
	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
)

// commands makes the commands of this package.
type commands struct{ *command.Program }

// Commands returns the command that runs the server.
func Commands(p *command.Program) []*cobra.Command {
	return []*cobra.Command{commands{p}.serveCmd()}
}
