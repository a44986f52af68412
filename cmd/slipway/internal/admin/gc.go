package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/cmd/slipway/internal/cli"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/registry/instance"
	"slipway/registry/maintain"
)

func (c commands) gcCmd() *cobra.Command {
	var cfg installation.Config
	var o maintain.CollectOptions
	var f cli.Flags
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove blobs that nothing needs: in a running server, or on the machine of one that does not run",
		Long: `Remove the bytes that no version and no unfinished upload needs, once the grace period is over. Deleted versions keep theirs
for --deleted-grace, until when they can be restored. A running server does
this by itself every --gc-interval; --server asks it to do so now. Without --server it is done in the data directory of a
server that does not run, or beside the servers that share PostgreSQL and S3.

It stops before it removes anything where more than a fifth of all blobs would go: look with "slipway fsck" first, then
use --force.`,
		Example: `  slipway gc --dry-run
  slipway gc --data /var/lib/slipway --grace 1h
  slipway gc --server https://slipway.example.com --dry-run`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Grace < 0 {
				return command.Usagef("--grace: can't be negative")
			}
			if o.DeletedGrace < 0 {
				return command.Usagef("--deleted-grace: can't be negative")
			}
			if cmd.Flags().Changed("server") {
				return c.remoteGC(cmd.Context(), &f, o, cmd.Flags().Changed("deleted-grace"))
			}
			return orServer(c.onStores(cmd, &cfg, func(ctx context.Context, core *instance.Instance) error {
				r, err := core.Maintain.RunCollect(ctx, o)
				if err != nil {
					return err
				}
				return c.reportGC(api.CollectionReport(r), f.Output())
			}))
		},
	}
	cfg.StoreFlags(cmd.Flags())
	cmd.Flags().DurationVar(&o.Grace, "grace", 24*time.Hour, "how long a blob stays after its last use ended")
	cmd.Flags().DurationVar(&o.DeletedGrace, "deleted-grace", 7*24*time.Hour, "how long a deleted version can be restored")
	cmd.Flags().BoolVar(&o.Force, "force", false, "also remove more than a fifth of all blobs")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be removed")
	f.AddForServer(cmd)
	return cmd
}

// remoteGC asks a running server. Unless deleted says that the caller gave one, the grace of deleted versions is the server's own.
func (c commands) remoteGC(ctx context.Context, f *cli.Flags, o maintain.CollectOptions, deleted bool) error {
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	q := api.CollectionRequest{Grace: o.Grace.String(), Force: o.Force, DryRun: o.DryRun}
	if deleted {
		q.DeletedGrace = o.DeletedGrace.String()
	}
	r, err := cl.Collect(ctx, q)
	if err != nil {
		return err
	}
	return c.reportGC(r, f.Output())
}

func (c commands) reportGC(r api.CollectionReport, output string) error {
	if output == command.JSON {
		return json.NewEncoder(c.Stdout).Encode(r)
	}
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	_, err := fmt.Fprintf(c.Stdout, "gc: %s %d blobs (%d bytes), %d orphans (%d bytes), %d unfinished uploads\n",
		verb, r.Blobs, r.Bytes, r.Orphans, r.OrphanBytes, r.Uploads)
	return err
}
