package cli

import (
	"context"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

func (c commands) deployUpdateCmd(f *Flags) *cobra.Command {
	var change api.DeploymentChange
	cmd := &cobra.Command{
		Use: "update ID", Short: "Record the next status of a deployment by its id", Args: command.Exactly(1),
		Long: `Record the next status of a deployment by its id, as 'slipway deploy ls' shows it. One whose job has died is ended with
--status cancelled: a queued or running deployment keeps its version from being deleted.`,
		Example: `  slipway deploy update 17 --status succeeded
  slipway deploy update 17 --status failed --reason "it does not answer"
  slipway deploy update 17 --status cancelled`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if change.Status == "" {
				return command.Usagef("--status is needed: running, succeeded, failed, rolled_back or cancelled")
			}
			return show(c, cmd, f, deploymentColumns, func(ctx context.Context, cl *client.Client) (api.Deployment, error) {
				return cl.ChangeDeployment(ctx, args[0], change)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&change.Status, "status", "", "running, succeeded, failed, rolled_back or cancelled")
	fs.StringVar(&change.Reason, "reason", "", "why it has this status, such as why it failed; one line")
	fs.StringVar(&change.EventID, "event-id", "", "id of the event that caused it")
	fs.StringVar(&change.URL, "url", "", "where people can look at the run")
	return cmd
}
