package cli

import (
	"context"
	"iter"
	"slices"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var deploymentColumns = []column[api.Deployment]{
	{"ID", func(d api.Deployment) any { return d.ID }},
	{"ENVIRONMENT", func(d api.Deployment) any { return d.Environment }},
	{"SERVICE", func(d api.Deployment) any { return d.Service }},
	{"STATUS", func(d api.Deployment) any { return d.Status }},
	{"PURL", func(d api.Deployment) any { return d.PURL }},
	{"UPDATED", func(d api.Deployment) any { return d.UpdatedAt }},
	{"BY", func(d api.Deployment) any { return d.UpdatedBy }},
	{"EXTERNAL ID", func(d api.Deployment) any { return d.ExternalID }},
}

// deploymentDetail are the columns of one deployment.
var deploymentDetail = append(slices.Clip(deploymentColumns), []column[api.Deployment]{
	{"DIGEST", func(d api.Deployment) any { return d.Digest }},
	{"EVENT ID", func(d api.Deployment) any { return d.EventID }},
	{"URL", func(d api.Deployment) any { return d.URL }},
	{"CREATED", func(d api.Deployment) any { return d.CreatedAt }},
	{"FINISHED", func(d api.Deployment) any { return d.FinishedAt }},
	{"LOG ENTRY", func(d api.Deployment) any { return d.LastSeq }},
}...)

func (c commands) deployCmd() *cobra.Command {
	var f Flags
	g := c.Group("deploy", "Record deployments, and look at them",
		`  slipway deploy record --environment prod --service web --repository main --purl pkg:npm/%40acme/web@1.4.2 --status succeeded --external-id "$BUILD"
  slipway deploy ls --environment prod
  slipway deploy show 12`, c.deployRecordCmd(&f), c.deployListCmd(&f), c.deployShowCmd(&f))
	f.Add(g)
	return g
}

func (c commands) deployRecordCmd(f *Flags) *cobra.Command {
	var r api.DeploymentReport
	cmd := &cobra.Command{
		Use: "record", Short: "Record a deployment, or its next status", Args: command.Exactly(0),
		Long: `Record a deployment, or its next status. A report with the environment, service and --external-id of an earlier one is
about the same deployment; the same report again changes nothing. An environment that is not there is made.`,
		Example: `  slipway deploy record --environment prod --service web --repository main --purl pkg:npm/%40acme/web@1.4.2 --status succeeded --external-id "$BUILD"
  slipway deploy record --environment prod --service api --repository main --digest sha256:… --status running --external-id "$BUILD"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for flag, value := range map[string]string{"environment": r.Environment, "service": r.Service} {
				if value == "" {
					return command.Usagef("--%s is needed", flag)
				}
			}
			if r.PURL == "" && r.Digest == "" {
				return command.Usagef("name the version with --purl or --digest")
			}
			return show(c, cmd, f, deploymentColumns, func(ctx context.Context, cl *client.Client) (api.Deployment, error) {
				return cl.ReportDeployment(ctx, r)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&r.Environment, "environment", "", "where it is deployed, such as prod")
	fs.StringVar(&r.Service, "service", "", "what it runs as, such as web")
	fs.StringVar(&r.Repository, "repository", "main", "repository of the version")
	fs.StringVar(&r.PURL, "purl", "", "package URL of the version, as 'slipway version show' prints it")
	fs.StringVar(&r.Digest, "digest", "", "digest of the manifest, or sha256 of a file, such as sha256:9f86d0…")
	fs.StringVar(&r.Status, "status", "succeeded", "queued, running, succeeded, failed, rolled_back or cancelled")
	fs.StringVar(&r.ExternalID, "external-id", "", "your own id of the deployment, such as the number of the run")
	fs.StringVar(&r.EventID, "event-id", "", "id of the event that caused it")
	fs.StringVar(&r.URL, "url", "", "where people can look at the run")
	return cmd
}

func (c commands) deployListCmd(f *Flags) *cobra.Command {
	var filter client.DeploymentFilter
	cmd := &cobra.Command{
		Use: "ls", Short: "List deployments, newest first", Args: command.Exactly(0),
		Example: `  slipway deploy ls --environment prod --service web
  slipway deploy ls --status failed`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, deploymentColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Deployment, error] {
				return cl.Deployments(ctx, filter)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&filter.Environment, "environment", "", "only of this environment")
	fs.StringVar(&filter.Service, "service", "", "only of this service")
	fs.StringVar(&filter.Repository, "repository", "", "only of versions from this repository")
	fs.StringVar(&filter.Status, "status", "", "only with this status")
	fs.StringVar(&filter.PURL, "purl", "", "only of this version")
	fs.StringVar(&filter.Digest, "digest", "", "only of versions reported with this digest")
	return cmd
}

func (c commands) deployShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one deployment", Example: "  slipway deploy show 12", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, deploymentDetail, func(ctx context.Context, cl *client.Client) (api.Deployment, error) {
				return cl.Deployment(ctx, args[0])
			})
		},
	}
}
