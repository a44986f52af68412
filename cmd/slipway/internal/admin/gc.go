package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/registry/instance"
	"slipway/registry/maintain"
)

func (c commands) gcCmd() *cobra.Command {
	var cfg installation.Config
	var o maintain.CollectOptions
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
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Grace < 0 {
				return command.Usagef("--grace: can't be negative")
			}
			return c.offline(cmd, &cfg, func(ctx context.Context, core *instance.Instance) error {
				return c.gc(ctx, core, o, output)
			})
		},
	}
	cfg.StoreFlags(cmd.Flags())
	cmd.Flags().DurationVar(&o.Grace, "grace", 24*time.Hour, "how long a blob stays after its last use ended")
	cmd.Flags().BoolVar(&o.Force, "force", false, "also remove more than a fifth of all blobs")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be removed")
	command.OutputFlag(cmd, cmd.Flags(), &output, "table or json")
	return cmd
}

func (c commands) gc(ctx context.Context, core *instance.Instance, o maintain.CollectOptions, output string) error {
	r, err := core.Maintain.Collect(ctx, o)
	if err != nil {
		return err
	}
	if output == command.JSON {
		return json.NewEncoder(c.Stdout).Encode(r)
	}
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	_, err = fmt.Fprintf(c.Stdout, "gc: %s %d blobs (%d bytes), %d orphans (%d bytes), %d unfinished uploads\n",
		verb, r.Blobs, r.Bytes, r.Orphans, r.OrphanBytes, r.Uploads)
	return err
}
