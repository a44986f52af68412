package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"slipway/registry"
	"slipway/registry/access"
)

func (c *cli) fsckCmd() *cobra.Command {
	var cfg config
	var o registry.FsckOptions
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
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			return c.offline(cmd, &cfg, func(ctx context.Context, core *registry.Service) error {
				return c.fsck(ctx, core, o, output)
			})
		},
	}
	cfg.storeFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.Repair, "repair", false, "mend what can be mended without a loss")
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "compare the sizes of blobs, do not read them")
	cmd.Flags().StringVar(&output, "output", outputTable, "table, or json: one line for each finding and one for the summary")
	return cmd
}

// offline opens an installation that is there and runs fn over its core, as the system.
func (c *cli) offline(cmd *cobra.Command, cfg *config, fn func(context.Context, *registry.Service) error) error {
	return c.onMachine(cmd, cfg, (*config).mustExist, fn)
}

// onMachine opens an installation that check finds fit, and makes what is missing; it runs fn over its core, as the system.
func (c *cli) onMachine(cmd *cobra.Command, cfg *config, check func(*config) error, fn func(context.Context, *registry.Service) error) (err error) {
	if err := cfg.resolve(cmd.Flags(), c.env); err != nil {
		return err
	}
	if err := check(cfg); err != nil {
		return err
	}
	ctx := access.With(cmd.Context(), access.System())
	s, err := openStores(ctx, cfg)
	if err != nil {
		return inUse(err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	core, err := s.core(ctx, cfg, nil, slog.New(slog.NewTextHandler(c.stderr, nil)), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	return refusal(fn(ctx, core))
}

// refusal shows of a refusal by the core what a server would show of it.
func refusal(err error) error {
	if e, ok := err.(*registry.Error); ok && e.Kind != registry.Internal {
		return errors.New(e.Detail)
	}
	return err
}

func (c *cli) fsck(ctx context.Context, core *registry.Service, o registry.FsckOptions, output string) error {
	lines := json.NewEncoder(c.stdout)
	var failed error
	sum, err := core.Fsck(ctx, o, func(f registry.Finding) {
		if output == outputJSON {
			failed = errors.Join(failed, lines.Encode(f))
			return
		}
		_, err := fmt.Fprintf(c.stdout, "%s: %s: %s\n", verdict(f), f.Subject, clean(f.Detail))
		failed = errors.Join(failed, err)
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if output == outputJSON {
		err = lines.Encode(sum)
	} else {
		err = printSummary(c.stdout, sum)
	}
	if err == nil && sum.Wrong > 0 {
		return errReported
	}
	return err
}

func verdict(f registry.Finding) string {
	switch {
	case f.Repaired:
		return "repaired"
	case f.Note:
		return "note"
	default:
		return "wrong"
	}
}

func printSummary(w io.Writer, s registry.FsckSummary) error {
	result := "all is well"
	if s.Wrong > 0 {
		result = fmt.Sprintf("%d wrong", s.Wrong)
	}
	_, err := fmt.Fprintf(w, "fsck: %s; %d repaired, %d notes; %d log entries, %d packages, %d versions, %d files, %d blobs, %d bytes\n",
		result, s.Repaired, s.Notes, s.Entries, s.Packages, s.Versions, s.Files, s.Blobs, s.Bytes)
	return err
}
