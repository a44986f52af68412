package cli

import (
	"net/http"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// versionStateCmd sets a version to a state.
func (c commands) versionStateCmd(f *Flags, name, short, example, state string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name + " REPO FORMAT PACKAGE VERSION", Short: short, Example: example, Args: command.Exactly(4),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, request{method: http.MethodPatch, path: versionPath(args), body: map[string]string{"state": state, "reason": reason}},
				field("PURL", "purl"), field("STATE", "state"), field("REASON", "reason"))
		},
	}
	if state != "published" {
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
