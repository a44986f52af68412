package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slipway/registry"
)

func (c *cli) gcCmd() *cobra.Command {
	var cfg config
	var o registry.CollectOptions
	var output string
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove blobs that nothing needs, on the machine of a server that does not run",
		Long: `Remove the bytes that no version and no unfinished upload needs, once the grace period is over. A running server does
this by itself every --gc-interval; POST /api/v1/gc asks it to do so now.

It stops before it removes anything where more than a fifth of all blobs would go: look with "slipway fsck" first, then
use --force.`,
		Example: `  slipway gc --dry-run
  slipway gc --data /var/lib/slipway --grace 1h`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if o.Grace < 0 {
				return usagef("--grace: can't be negative")
			}
			return c.offline(cmd, &cfg, func(ctx context.Context, core *registry.Service) error {
				return c.gc(ctx, core, o, output)
			})
		},
	}
	cfg.storeFlags(cmd.Flags())
	cmd.Flags().DurationVar(&o.Grace, "grace", 24*time.Hour, "how long a blob stays after its last use ended")
	cmd.Flags().BoolVar(&o.Force, "force", false, "also remove more than a fifth of all blobs")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be removed")
	cmd.Flags().StringVar(&output, "output", outputTable, "table or json")
	return cmd
}

func (c *cli) gc(ctx context.Context, core *registry.Service, o registry.CollectOptions, output string) error {
	r, err := core.Collect(ctx, o)
	if err != nil {
		return err
	}
	if output == outputJSON {
		return json.NewEncoder(c.stdout).Encode(r)
	}
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	_, err = fmt.Fprintf(c.stdout, "gc: %s %d blobs (%d bytes), %d orphans (%d bytes), %d unfinished uploads\n",
		verb, r.Blobs, r.Bytes, r.Orphans, r.OrphanBytes, r.Uploads)
	return err
}
