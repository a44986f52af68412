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
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Exit with 0 when the server is ready, with 1 when it is not",
		Long: `Ask /readyz of a server: 0 when its metadata and blobs answer. Without --server and SLIPWAY_SERVER it asks the server
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
			err = cl.Ready(cmd.Context())
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
	return cmd
}
