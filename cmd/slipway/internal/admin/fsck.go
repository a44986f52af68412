package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/cmd/slipway/internal/cli"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/metadata"
	"slipway/registry/instance"
	"slipway/registry/maintain"
)

func (c commands) fsckCmd() *cobra.Command {
	var cfg installation.Config
	var o maintain.FsckOptions
	var f cli.Flags
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check that log, database and blobs agree: in a running server, or on the machine of one that does not run",
		Long: `Check everything against everything, in both directions: the log's numbers, payloads, Merkle tree and signature; what
the log says happened against what the tables say holds; every file against its bytes.

With --server a running server checks itself, while it goes on working. Without --server the data directory of a server that
does not run is checked, or what servers share in PostgreSQL and S3, while they run.

Nothing is changed without --repair, which a server that is asked does not do, and --repair only does what can't lose anything. The exit code is 1 when anything is
wrong; the last line is a summary.`,
		Example: `  slipway fsck --data /var/lib/slipway
  slipway fsck --repair
  slipway fsck --quick --server https://slipway.example.com`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("server") {
				return c.remoteFsck(cmd.Context(), &f, o)
			}
			return orServer(c.onStores(cmd, &cfg, func(ctx context.Context, core *instance.Instance) error {
				return c.fsck(ctx, core, o, f.Output())
			}))
		},
	}
	cfg.StoreFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.Repair, "repair", false, "mend what can be mended without a loss")
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "compare the sizes of blobs, do not read them")
	f.AddForServer(cmd)
	return cmd
}

// orServer adds to the refusal of a directory in use that the server itself can be asked.
func orServer(err error) error {
	if errors.Is(err, metadata.ErrInUse) {
		return fmt.Errorf("%w; a running server does it itself with --server URL", err)
	}
	return err
}

// onStores opens an existing installation and runs fn over its core, as the system: beside servers where the stores can be shared.
func (c commands) onStores(cmd *cobra.Command, cfg *installation.Config, fn func(context.Context, *instance.Instance) error) error {
	return cfg.BesideServers(cmd, c.Program, (*installation.Config).MustExist, fn)
}

func (c commands) fsck(ctx context.Context, core *instance.Instance, o maintain.FsckOptions, output string) error {
	r := c.newReport(output)
	check, err := core.Maintain.BeginCheck(ctx)
	if err != nil {
		return err
	}
	sum, err := check(ctx, o, func(f maintain.Finding) { r.finding(api.CheckFinding(f)) })
	return r.end(api.CheckSummary(sum), err)
}

// remoteFsck lets a running server check itself.
func (c commands) remoteFsck(ctx context.Context, f *cli.Flags, o maintain.FsckOptions) error {
	if o.Repair {
		return command.Usagef("--repair: stop the server, and repair on its machine")
	}
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	r, bar := c.newReport(f.Output()), c.Progress("fsck")
	sum, err := cl.Check(ctx, api.CheckRequest{Quick: o.Quick}, func(line api.CheckReport) {
		switch {
		case line.Finding != nil:
			bar.End()
			r.finding(*line.Finding)
		case line.Progress != nil:
			bar.Count(fmt.Sprintf("%d log entries, %d packages, %d blobs", line.Progress.Entries, line.Progress.Packages, line.Progress.Blobs))
		}
	})
	bar.End()
	return r.end(sum, err)
}

// checkOutput prints the findings of a check.
type checkOutput struct {
	w      io.Writer
	lines  *json.Encoder // nil: as text
	failed error
}

func (c commands) newReport(output string) *checkOutput {
	r := &checkOutput{w: c.Stdout}
	if output == command.JSON {
		r.lines = json.NewEncoder(c.Stdout)
	}
	return r
}

func (r *checkOutput) finding(f api.CheckFinding) {
	if r.lines != nil {
		r.failed = errors.Join(r.failed, r.lines.Encode(f))
		return
	}
	_, err := fmt.Fprintf(r.w, "%s: %s: %s\n", verdict(f), command.Clean(f.Subject), command.Clean(f.Detail))
	r.failed = errors.Join(r.failed, err)
}

// end prints the summary of a check that has ended; err is why it ended early.
func (r *checkOutput) end(sum api.CheckSummary, err error) error {
	if err := errors.Join(err, r.failed); err != nil {
		return err
	}
	if r.lines != nil {
		err = r.lines.Encode(sum)
	} else {
		err = printSummary(r.w, sum)
	}
	if err == nil && sum.Wrong > 0 {
		return command.ErrReported
	}
	return err
}

func verdict(f api.CheckFinding) string {
	switch {
	case f.Repaired:
		return "repaired"
	case f.Note:
		return "note"
	default:
		return "wrong"
	}
}

func printSummary(w io.Writer, s api.CheckSummary) error {
	result := "all is well"
	if s.Wrong > 0 {
		result = fmt.Sprintf("%d wrong", s.Wrong)
	}
	_, err := fmt.Fprintf(w, "fsck: %s; %d repaired, %d notes; %d log entries, %d packages, %d versions, %d files, %d blobs, %d bytes\n",
		result, s.Repaired, s.Notes, s.Entries, s.Packages, s.Versions, s.Files, s.Blobs, s.Bytes)
	return err
}
