package admin

import (
	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
)

// commands makes the commands of this package.
type commands struct{ *command.Program }

// Commands returns the tools on the data directory.
func Commands(p *command.Program) []*cobra.Command {
	c := commands{p}
	return []*cobra.Command{c.fsckCmd(), c.gcCmd(), c.backupCmd(), c.restoreCmd(), c.keyCmd()}
}
