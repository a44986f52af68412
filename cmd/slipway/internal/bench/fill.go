package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slipway/bench/fill"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/formats/all"
	"slipway/registry"
	"slipway/registry/instance"
)

func (c commands) benchFillCmd() *cobra.Command {
	var cfg installation.Config
	var o fill.Options
	var mix, output string
	plan := fill.Plan{}
	cmd := &cobra.Command{
		Use: "fill", Short: "Fill a data directory with packages of every format, on the machine of a server that does not run",
		Long: `Fill a data directory with packages, versions, files, tags and the log entries that they make, as if they had come from
clients over years; a directory that is not there is made. Few packages have many versions, most have few. Contents are small
and shared, so it is the database that grows: some 3 KiB for each version.

The same flags fill the same again, which changes nothing; a fill that was cut off, or stopped by Ctrl-C, is continued.`,
		Example: `  slipway bench fill --data /srv/try --packages 200000 --versions 1000000
  slipway bench fill --data /srv/try --mix npm=1,oci=1 --files 1 --tags 2`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if plan.Mix, err = fill.ParseMix(mix); err != nil {
				return command.Usagef("--mix: %w", err)
			}
			if err := plan.Check(); err != nil {
				return command.Usagef("%w", err)
			}
			if o.Workers < 1 {
				return command.Usagef("--workers: at least 1")
			}
			ctx, stop := command.UntilSignal(cmd.Context())
			defer stop()
			cmd.SetContext(ctx)
			return cfg.OnMachine(cmd, c.Program, (*installation.Config).CheckStores, func(ctx context.Context, core *instance.Instance) error {
				return c.fill(ctx, core, plan, o, output)
			})
		},
	}
	cfg.StoreFlags(cmd.Flags())
	fs := cmd.Flags()
	fs.StringVar(&plan.Repository, "repository", "main", "where to publish")
	fs.Uint64Var(&plan.Seed, "seed", 1, "another one makes other contents and commits, in another order")
	fs.IntVar(&plan.Packages, "packages", 10_000, "how many packages")
	fs.IntVar(&plan.Versions, "versions", 50_000, "how many versions, of all packages together")
	fs.IntVar(&plan.Files, "files", 2, "files of one version of PyPI, Maven and raw")
	fs.IntVar(&plan.Tags, "tags", 1, "tags of one package, beside those that its format sets")
	fs.StringVar(&mix, "mix", "npm=40,maven=20,pypi=20,oci=10,raw=10", "formats with their weights")
	fs.IntVar(&o.Workers, "workers", 64, "publishes at a time")
	command.OutputFlag(cmd, fs, &output, "table or json")
	return cmd
}

func (c commands) fill(ctx context.Context, core *instance.Instance, plan fill.Plan, o fill.Options, output string) error {
	bar := c.Progress("fill")
	o.Progress = func(versions, of int, elapsed time.Duration) {
		rate := float64(versions) / elapsed.Seconds()
		bar.Show(float64(versions)/float64(of), fmt.Sprintf("%d of %d versions, %.0f/s", versions, of, rate))
	}
	sum, err := fill.Run(ctx, core, all.All(), plan, o)
	bar.End()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("stopped after %d of %d versions; the same command goes on", sum.Versions, plan.Versions)
	case registry.KindOf(err) == registry.AlreadyExists:
		return fmt.Errorf("%s: the directory was filled with other flags, or is in use; take an empty one", registry.AsError(err).Detail)
	case err != nil:
		return err
	}
	if output == command.JSON {
		return command.PrintJSON(c.Stdout, struct {
			fill.Summary
			Seconds float64 `json:"seconds"`
		}{sum, sum.Elapsed.Seconds()})
	}
	_, err = fmt.Fprintf(c.Stdout, "fill: %d packages, %d versions (%d new), %d files, %d tags in %s: %.0f versions/s\n",
		sum.Packages, sum.Versions, sum.New, sum.Files, sum.Tags, sum.Elapsed.Round(time.Millisecond), float64(sum.Versions)/sum.Elapsed.Seconds())
	return err
}
