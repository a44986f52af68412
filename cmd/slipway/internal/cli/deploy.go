package cli

import (
	"net/http"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var deploymentColumns = []column{field("ID", "id"), field("ENVIRONMENT", "environment"), field("SERVICE", "service"), field("STATUS", "status"),
	field("PURL", "purl"), field("UPDATED", "updated_at"), field("BY", "updated_by"), field("EXTERNAL ID", "external_id")}

func (c commands) deployCmd() *cobra.Command {
	var f Flags
	g := c.Group("deploy", "Record deployments, and look at them",
		`  slipway deploy record --environment prod --service web --repository main --purl pkg:npm/%40acme/web@1.4.2 --status succeeded --external-id "$BUILD"
  slipway deploy ls --environment prod
  slipway deploy show 12`, c.deployRecordCmd(&f), c.deployListCmd(&f), c.deployShowCmd(&f))
	f.Add(g)
	return g
}

// deployReport is what the command line says of a deployment; empty fields are not sent.
type deployReport struct {
	Environment string `json:"environment"`
	Service     string `json:"service"`
	Repository  string `json:"repository"`
	PURL        string `json:"purl,omitempty"`
	Digest      string `json:"digest,omitempty"`
	Status      string `json:"status"`
	ExternalID  string `json:"external_id,omitempty"`
	EventID     string `json:"event_id,omitempty"`
	URL         string `json:"url,omitempty"`
}

func (c commands) deployRecordCmd(f *Flags) *cobra.Command {
	var r deployReport
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
			return c.show(cmd, f, request{method: http.MethodPost, path: "/deployments", body: r}, deploymentColumns...)
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
	var environment, service, repository, status, purl, digest string
	cmd := &cobra.Command{
		Use: "ls", Short: "List deployments, newest first", Args: command.Exactly(0),
		Example: `  slipway deploy ls --environment prod --service web
  slipway deploy ls --status failed`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.list(cmd, f, "/deployments", queryOf("environment", environment, "service", service, "repository", repository,
				"status", status, "purl", purl, "digest", digest), deploymentColumns...)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&environment, "environment", "", "only of this environment")
	fs.StringVar(&service, "service", "", "only of this service")
	fs.StringVar(&repository, "repository", "", "only of versions from this repository")
	fs.StringVar(&status, "status", "", "only with this status")
	fs.StringVar(&purl, "purl", "", "only of this version")
	fs.StringVar(&digest, "digest", "", "only of what was reported with this digest")
	return cmd
}

func (c commands) deployShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one deployment", Example: "  slipway deploy show 12", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			columns := append(deploymentColumns[:len(deploymentColumns):len(deploymentColumns)], field("DIGEST", "digest"), field("EVENT ID", "event_id"),
				field("URL", "url"), field("CREATED", "created_at"), field("FINISHED", "finished_at"), field("LOG ENTRY", "last_seq"))
			return c.show(cmd, f, request{method: http.MethodGet, path: segments("deployments", args[0])}, columns...)
		},
	}
}
