// Package bench is "slipway bench": it fills data directories, and puts servers under load.
package bench

import (
	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
)

// commands makes the commands of this package.
type commands struct{ *command.Program }

// Commands returns the commands that fill a data directory and put a server under load.
func Commands(p *command.Program) []*cobra.Command {
	return []*cobra.Command{commands{p}.benchCmd()}
}

func (c commands) benchCmd() *cobra.Command {
	return c.Group("bench", "Fill a data directory, or put a server under load, to size a machine",
		`  slipway bench fill --data /srv/try --packages 200000 --versions 1000000
  slipway bench run --duration 1m --clients 8`,
		c.benchFillCmd(), c.benchRunCmd())
}
