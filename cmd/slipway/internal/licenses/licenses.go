// Package licenses has the licenses of all software that is linked into the program.
package licenses

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
)

// Notices is the license of Slipway, and the licenses and notices of the modules and the standard library that are linked into
// it, as a text for people. Each license stands once, below the names of all that have it.
//
//go:generate go test -run TestNotices . -update
//go:embed notices.txt
var Notices string

// commands makes the commands of this package.
type commands struct{ *command.Program }

// Commands returns the command that prints the licenses.
func Commands(p *command.Program) []*cobra.Command {
	return []*cobra.Command{commands{p}.licensesCmd()}
}

// licensesCmd is "slipway licenses". Most licenses ask that their text goes with the binary: so it does wherever the binary
// goes, also into an image that holds nothing else.
func (c commands) licensesCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "licenses",
		Short: "Print the licenses of Slipway and of all software that is linked into it",
		Example: `  slipway licenses
  slipway licenses > THIRD-PARTY-NOTICES`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(c.Stdout, Notices)
			return err
		},
	}
}
