package cli

import (
	"errors"
	"net"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// healthReport is the result of "health" as JSON.
type healthReport struct {
	Server string `json:"server"`
	Ready  bool   `json:"ready"`
	Error  string `json:"error,omitempty"`
}

// healthCmd asks a server whether it is ready; containers without curl use it.
func (c commands) healthCmd() *cobra.Command {
	var f Flags
	var live, write bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Exit with 0 when the server is ready, with 1 when it is not",
		Long: `Ask /readyz of a server: 0 when its metadata and blobs answer. With --write it must also take changes, which it does not on
a full disk. With --live only its process must answer: that is what decides whether to restart a container. Without --server and SLIPWAY_SERVER it asks the server
that SLIPWAY_LISTEN makes on this machine.`,
		Example: `  slipway health --server http://127.0.0.1:8080
  slipway health -o json`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.server == "" && c.Env("SLIPWAY_SERVER") == "" {
				if host, port, err := net.SplitHostPort(c.Env("SLIPWAY_LISTEN")); err == nil {
					if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
						host = "127.0.0.1"
					}
					f.server = "http://" + net.JoinHostPort(host, port)
				}
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			ask := cl.Ready
			switch {
			case live && write:
				return command.Usagef("either --live or --write")
			case live:
				ask = cl.Live
			case write:
				ask = cl.Writable
			}
			err = ask(cmd.Context())
			if f.output == command.JSON {
				report := healthReport{Server: cl.Server(), Ready: err == nil}
				if err != nil {
					report.Error = err.Error()
				}
				return errors.Join(command.PrintJSON(c.Stdout, report), err)
			}
			return err
		},
	}
	f.Add(cmd)
	cmd.Flags().BoolVar(&live, "live", false, "ask only whether the process answers")
	cmd.Flags().BoolVar(&write, "write", false, "ask whether changes are taken, too")
	return cmd
}
