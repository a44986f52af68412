package cli

import (
	"context"
	"fmt"
	"iter"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var statusColumns = []column[api.ServerStatus]{
	{"VERSION", func(s api.ServerStatus) any { return s.Version }},
	{"COMMIT", func(s api.ServerStatus) any { return s.Commit }},
	{"INSTANCE", func(s api.ServerStatus) any { return s.Instance }},
	{"STARTED", func(s api.ServerStatus) any { return when(s.StartedAt) }},
	{"READY", func(s api.ServerStatus) any { return wellText(s.Ready, s.NotReady) }},
	{"TAKES CHANGES", func(s api.ServerStatus) any { return wellText(s.Writable, s.NotWritable) }},
}

func wellText(well bool, why string) string {
	if well {
		return "yes"
	}
	return "no: " + why
}

var configurationColumns = []column[api.ConfigurationSetting]{
	{"SETTING", func(s api.ConfigurationSetting) any { return s.Name }},
	{"VALUE", func(s api.ConfigurationSetting) any {
		if s.Masked && s.Value == "" {
			return "(secret)"
		}
		return s.Value
	}},
	{"SOURCE", func(s api.ConfigurationSetting) any {
		if s.From != "" {
			return s.Source + " " + s.From
		}
		return s.Source
	}},
	{onlyWide("MEANING"), func(s api.ConfigurationSetting) any { return s.About }},
}

var dutyColumns = []column[api.Duty]{
	{"DUTY", func(d api.Duty) any { return d.Name }},
	{"HOLDER", func(d api.Duty) any { return d.Holder }},
	{"EPOCH", func(d api.Duty) any { return d.Epoch }},
	{"UNTIL", func(d api.Duty) any { return whenever(d.Until) }},
	{"DOES", func(d api.Duty) any { return d.About }},
}

var maintenanceColumns = []column[api.MaintenanceRun]{
	{"KIND", func(r api.MaintenanceRun) any { return r.Kind }},
	{"STATE", func(r api.MaintenanceRun) any { return state(r.State) }},
	{"BEGAN", func(r api.MaintenanceRun) any { return whenever(r.StartedAt) }},
	{"ENDED", func(r api.MaintenanceRun) any { return whenever(r.EndedAt) }},
	{"RESULT", func(r api.MaintenanceRun) any { return runText(r) }},
	{"NEXT", func(r api.MaintenanceRun) any { return whenever(r.NextAt) }},
	{onlyWide("BY"), func(r api.MaintenanceRun) any { return r.By }},
}

// runText is the result of a run in a line.
func runText(r api.MaintenanceRun) string {
	switch {
	case r.Error != "":
		return r.Error
	case r.Collection != nil:
		return fmt.Sprintf("%d blobs, %d bytes", r.Collection.Blobs+r.Collection.Orphans, r.Collection.Bytes+r.Collection.OrphanBytes)
	case r.Check != nil:
		return fmt.Sprintf("%d wrong, %d notes", r.Check.Wrong, r.Check.Notes)
	case r.Backup != nil:
		return fmt.Sprintf("%d blobs, %d lost", r.Backup.Blobs, r.Backup.Lost)
	}
	return ""
}

func (c commands) serverCmd() *cobra.Command {
	var f Flags
	g := c.Group("server", "Show how a server does, its settings, and its work in the background", `  slipway server status
  slipway server config
  slipway server run check`, c.serverStatusCmd(&f), c.serverConfigCmd(&f), c.serverDutiesCmd(&f), c.serverRunsCmd(&f), c.serverRunCmd(&f))
	f.Add(g)
	return g
}

func (c commands) serverStatusCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show version and health of the server", Args: command.Exactly(0), Example: "  slipway server status",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, f, statusColumns, func(ctx context.Context, cl *client.Client) (api.ServerStatus, error) { return cl.Status(ctx) })
		},
	}
}

func (c commands) serverConfigCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "List the settings that the server was started with, and where each comes from", Args: command.Exactly(0),
		Example: `  slipway server config
  slipway server config --wide`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, configurationColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.ConfigurationSetting, error] {
				return cl.Configuration(ctx)
			})
		},
	}
}

func (c commands) serverDutiesCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "duties", Short: "List the background work, and which process does it", Args: command.Exactly(0), Example: "  slipway server duties",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, dutyColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Duty, error] { return cl.Duties(ctx) })
		},
	}
}

func (c commands) serverRunsCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "runs", Short: "Show the last collection, check and backup, or the one that goes on", Args: command.Exactly(0), Example: "  slipway server runs",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, maintenanceColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.MaintenanceRun, error] {
				return cl.Maintenance(ctx)
			})
		},
	}
}

func (c commands) serverRunCmd(f *Flags) *cobra.Command {
	var req api.MaintenanceRequest
	cmd := &cobra.Command{
		Use: "run collect|look|check", Short: "Begin a collection or a check, and do not wait for its end", Args: command.Exactly(1),
		Long: `Begin a collection of bytes that nothing needs, or a check of log, database and blobs, which go on after the command: "slipway server
runs" tells how far they are, and what came of them. "look" is a collection that removes nothing and tells what one would remove, and why
the rest stays. "slipway gc --server" and "slipway fsck --server" wait for the end.`,
		Example: `  slipway server run look
  slipway server run check --quick`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Kind = args[0]
			return show(c, cmd, f, maintenanceColumns, func(ctx context.Context, cl *client.Client) (api.MaintenanceRun, error) {
				return cl.StartMaintenance(ctx, req)
			})
		},
	}
	cmd.Flags().BoolVar(&req.Force, "force", false, "with collect: also remove more than a fifth of all blobs")
	cmd.Flags().BoolVar(&req.Quick, "quick", false, "with check: compare the sizes of blobs, do not read them")
	return cmd
}
