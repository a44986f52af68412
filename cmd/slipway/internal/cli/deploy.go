package cli

import (
	"context"
	"iter"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var deploymentColumns = []column[api.Deployment]{
	{"ID", func(d api.Deployment) any { return d.ID }},
	{"ENVIRONMENT", func(d api.Deployment) any { return d.Environment }},
	{"SERVICE", func(d api.Deployment) any { return d.Service }},
	{"STATUS", func(d api.Deployment) any { return state(d.Status) }},
	{"VERSION", func(d api.Deployment) any { return shortPURL(d.PURL) }},
	{"UPDATED", func(d api.Deployment) any { return when(d.UpdatedAt) }},
	{"BY", func(d api.Deployment) any { return d.UpdatedBy }},
	{onlyWide("REASON"), func(d api.Deployment) any { return d.Reason }},
	{onlyWide("EXTERNAL ID"), func(d api.Deployment) any { return d.ExternalID }},
}

// deploymentDetail are the columns of one deployment.
var deploymentDetail = append(of(deploymentColumns, func(d api.DeploymentDetail) api.Deployment { return d.Deployment }), []column[api.DeploymentDetail]{
	{"DIGEST", func(d api.DeploymentDetail) any { return d.Digest }},
	{"EVENT ID", func(d api.DeploymentDetail) any { return d.EventID }},
	{"URL", func(d api.DeploymentDetail) any { return d.URL }},
	{"CREATED", func(d api.DeploymentDetail) any { return when(d.CreatedAt) }},
	{"FINISHED", func(d api.DeploymentDetail) any { return whenever(d.FinishedAt) }},
	{"LOG ENTRY", func(d api.DeploymentDetail) any { return d.LastSeq }},
	{"REPORTS", func(d api.DeploymentDetail) any {
		return lines(d.Reports, func(r api.ReportedStatus) string { return r.Status + " at " + cell(r.At) + " by " + cell(r.By) })
	}},
}...)

// deploymentStatuses are the statuses that a report can have.
var deploymentStatuses = []string{"queued", "running", "succeeded", "failed", "rolled_back", "cancelled"}

func (c commands) deployCmd() *cobra.Command {
	var f Flags
	g := c.Group("deploy", "Record deployments, and look at them",
		`  slipway deploy record --environment prod --service web --repository main --purl pkg:npm/%40acme/web@1.4.2 --status succeeded --external-id "$BUILD"
  slipway deploy ls --environment prod
  slipway deploy show 12`, c.deployRecordCmd(&f), c.deployUpdateCmd(&f), c.deployListCmd(&f), c.deployShowCmd(&f))
	f.Add(g)
	return g
}

func (c commands) deployRecordCmd(f *Flags) *cobra.Command {
	var r api.DeploymentReport
	cmd := &cobra.Command{
		Use: "record [REPO FORMAT PACKAGE VERSION]", Short: "Record a deployment, or its next status",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 4 && r.PURL == "" && r.Digest == "" {
				return nil
			}
			return command.Usagef("%s takes either REPO FORMAT PACKAGE VERSION, or --purl or --digest", cmd.CommandPath())
		},
		Long: `Record a deployment, or its next status. A report with the environment, service and --external-id of an earlier one is
about the same deployment; the same report again changes nothing. An environment that is not there is made.`,
		Example: `  slipway deploy record --environment prod --service web main oci team/app 1.0 --external-id "$BUILD"
  slipway deploy record --environment prod --service web --repository main --purl pkg:npm/%40acme/web@1.4.2 --status succeeded --external-id "$BUILD"
  slipway deploy record --environment prod --service api --repository main --digest sha256:… --status running --external-id "$BUILD"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for flag, value := range map[string]string{"environment": r.Environment, "service": r.Service} {
				if value == "" {
					return command.Usagef("--%s is needed", flag)
				}
			}
			if cmd.Flags().Changed("external-id") && r.ExternalID == "" {
				return command.Usagef("--external-id: it is empty, so no later report could be about this deployment; is a variable not set?")
			}
			if len(args) == 0 && r.PURL == "" && r.Digest == "" {
				return command.Usagef("name the version: REPO FORMAT PACKAGE VERSION, --purl or --digest")
			}
			return show(c, cmd, f, deploymentColumns, func(ctx context.Context, cl *client.Client) (api.Deployment, error) {
				if len(args) > 0 {
					version, err := resolve(ctx, cl, packageOf(args), args[3])
					if err != nil {
						return api.Deployment{}, err
					}
					v, err := cl.Version(withoutRaw(ctx), packageOf(args), version)
					if err != nil {
						return api.Deployment{}, err
					}
					r.Repository, r.PURL = args[0], v.PURL
				}
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
	command.EnumFlag(cmd, fs, &r.Status, "status", "", "succeeded", strings.Join(deploymentStatuses, ", "), deploymentStatuses...)
	fs.StringVar(&r.ExternalID, "external-id", "", "your own id of the deployment, such as the number of the run")
	fs.StringVar(&r.Reason, "reason", "", "why it has this status, such as why it failed; one line")
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
	command.EnumFlag(cmd, fs, &filter.Status, "status", "", "", "only with this status: "+strings.Join(deploymentStatuses, ", "), deploymentStatuses...)
	fs.StringVar(&filter.PURL, "purl", "", "only of this version")
	fs.StringVar(&filter.Digest, "digest", "", "only of versions reported with this digest")
	fs.StringVar(&filter.Since, "since", "", "only those made from this time on: RFC 3339, or a day (its start, in UTC)")
	return cmd
}

func (c commands) deployShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one deployment", Example: "  slipway deploy show 12", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, deploymentDetail, func(ctx context.Context, cl *client.Client) (api.DeploymentDetail, error) {
				return cl.Deployment(ctx, args[0])
			})
		},
	}
}
