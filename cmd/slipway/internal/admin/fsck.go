package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/registry/instance"
	"slipway/registry/maintain"
)

func (c commands) fsckCmd() *cobra.Command {
	var cfg installation.Config
	var o maintain.FsckOptions
	var output string
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check that log, database and blobs agree, on the machine of a server that does not run",
		Long: `Check everything against everything, in both directions: the log's numbers, payloads, Merkle tree and signature; what
the log says happened against what the tables say holds; every file against its bytes.

Nothing is changed without --repair, and --repair only does what can't lose anything. The exit code is 1 when anything is
wrong; the last line is a summary.`,
		Example: `  slipway fsck --data /var/lib/slipway
  slipway fsck --repair`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.offline(cmd, &cfg, func(ctx context.Context, core *instance.Instance) error {
				return c.fsck(ctx, core, o, output)
			})
		},
	}
	cfg.StoreFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.Repair, "repair", false, "mend what can be mended without a loss")
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "compare the sizes of blobs, do not read them")
	command.OutputFlag(cmd, cmd.Flags(), &output, "table, or json: one line for each finding and one for the summary")
	return cmd
}

// offline opens an existing installation and runs fn over its core, as the system.
func (c commands) offline(cmd *cobra.Command, cfg *installation.Config, fn func(context.Context, *instance.Instance) error) error {
	return cfg.OnMachine(cmd, c.Program, (*installation.Config).MustExist, fn)
}

func (c commands) fsck(ctx context.Context, core *instance.Instance, o maintain.FsckOptions, output string) error {
	lines := json.NewEncoder(c.Stdout)
	var failed error
	sum, err := core.Maintain.Fsck(ctx, o, func(f maintain.Finding) {
		if output == command.JSON {
			failed = errors.Join(failed, lines.Encode(f))
			return
		}
		_, err := fmt.Fprintf(c.Stdout, "%s: %s: %s\n", verdict(f), f.Subject, command.Clean(f.Detail))
		failed = errors.Join(failed, err)
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if output == command.JSON {
		err = lines.Encode(sum)
	} else {
		err = printSummary(c.Stdout, sum)
	}
	if err == nil && sum.Wrong > 0 {
		return command.ErrReported
	}
	return err
}

func verdict(f maintain.Finding) string {
	switch {
	case f.Repaired:
		return "repaired"
	case f.Note:
		return "note"
	default:
		return "wrong"
	}
}

func printSummary(w io.Writer, s maintain.FsckSummary) error {
	result := "all is well"
	if s.Wrong > 0 {
		result = fmt.Sprintf("%d wrong", s.Wrong)
	}
	_, err := fmt.Fprintf(w, "fsck: %s; %d repaired, %d notes; %d log entries, %d packages, %d versions, %d files, %d blobs, %d bytes\n",
		result, s.Repaired, s.Notes, s.Entries, s.Packages, s.Versions, s.Files, s.Blobs, s.Bytes)
	return err
}
