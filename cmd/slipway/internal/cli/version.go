package cli

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"runtime"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// versionColumns are the columns of a version in a list.
var versionColumns = []column[api.VersionSummary]{
	{"VERSION", func(v api.VersionSummary) any { return v.Version }},
	{"STATE", func(v api.VersionSummary) any { return v.State }},
	{"SIZE", func(v api.VersionSummary) any { return v.Size }},
	{"PUBLISHED", func(v api.VersionSummary) any { return v.PublishedAt }},
	{"BY", func(v api.VersionSummary) any { return v.PublishedBy }},
	{"DIGEST", func(v api.VersionSummary) any { return v.Digest }},
}

// versionDetail are the columns of one version.
var versionDetail = []column[api.Version]{
	{"PURL", func(v api.Version) any { return v.PURL }},
	{"STATE", func(v api.Version) any { return v.State }},
	{"REASON", func(v api.Version) any { return v.Reason }},
	{"PUBLISHED", func(v api.Version) any { return v.PublishedAt }},
	{"BY", func(v api.Version) any { return v.PublishedBy }},
	{"SIZE", func(v api.Version) any { return v.Size }},
	{"DIGEST", func(v api.Version) any { return v.Digest }},
	{"TAGS", func(v api.Version) any { return v.Tags }},
	{"LOG ENTRY", func(v api.Version) any { return v.Seq }},
	{"REPOSITORY", func(v api.Version) any { return source(v).Repository }},
	{"COMMIT", func(v api.Version) any { return source(v).Commit }},
	{"REF", func(v api.Version) any { return source(v).Ref }},
	{"BUILD", func(v api.Version) any { return build(v).URL }},
	{"FILES", func(v api.Version) any { return lines(v.Files, fileLine) }},
	{"FACTS", func(v api.Version) any { return lines(v.Facts, factLine) }},
}

// source is the source that a version was built from, as far as it is known.
func source(v api.Version) api.Source { return *cmp.Or(v.Release.Source, &api.Source{}) }

// build is how a version was built, as far as it is known.
func build(v api.Version) api.Build { return *cmp.Or(v.Release.Build, &api.Build{}) }

func fileLine(f api.File) string {
	return fmt.Sprintf("%s  %s  %s", cell(f.SHA256), cell(f.Path), cell(f.Size))
}

func factLine(f api.Fact) string {
	return fmt.Sprintf("%s=%s (%s, rank %s, %s)", cell(f.Key), cell(f.Value), cell(f.Source), cell(f.Rank), cell(f.At))
}

func (c commands) versionCmd() *cobra.Command {
	var f Flags
	g := c.Group("version", "Print this program's version; list, show, annotate, yank, deprecate and remove versions of packages",
		`  slipway version
  slipway version ls main npm @acme/web
  slipway version show main npm @acme/web 1.4.2`,
		c.versionListCmd(&f), c.versionShowCmd(&f), c.versionAnnotateCmd(&f), c.versionRemoveCmd(&f))
	g.AddCommand(c.versionStateCmds(&f)...)
	g.RunE = func(*cobra.Command, []string) error {
		if err := command.CheckOutput(f.output); err != nil {
			return err
		}
		if f.output == command.JSON {
			return command.PrintJSON(c.Stdout, c.versionInfo())
		}
		_, err := fmt.Fprintln(c.Stdout, c.versionText())
		return err
	}
	f.Add(g)
	return g
}

func (c commands) versionListCmd(f *Flags) *cobra.Command {
	var deleted bool
	cmd := &cobra.Command{
		Use: "ls REPO FORMAT PACKAGE", Short: "List the versions of a package, newest first", Args: command.Exactly(3),
		Example: "  slipway version ls main npm @acme/web",
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, versionColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.VersionSummary, error] {
				return cl.Versions(ctx, packageOf(args), deleted)
			})
		},
	}
	cmd.Flags().BoolVar(&deleted, "deleted", false, "also show the tombstones of deleted versions")
	return cmd
}

func (c commands) versionShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show REPO FORMAT PACKAGE VERSION", Short: "Show all that is known of one version", Args: command.Exactly(4),
		Example: `  slipway version show main npm @acme/web 1.4.2
  slipway version show main raw team/tool 1.2.0 --output json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, versionDetail, func(ctx context.Context, cl *client.Client) (api.Version, error) {
				return cl.Version(ctx, packageOf(args), args[3])
			})
		},
	}
}

func (c commands) versionRemoveCmd(f *Flags) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "rm REPO FORMAT PACKAGE VERSION", Short: "Delete a version; a tombstone stays", Args: command.Exactly(4),
		Example: `  slipway version rm main npm @acme/web 1.4.2 --reason "leaked a key"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, fmt.Sprintf("Deleted %s %s", args[2], args[3]), func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteVersion(ctx, packageOf(args), args[3], reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	return cmd
}

func (c commands) versionAnnotateCmd(f *Flags) *cobra.Command {
	var source api.Source
	var build api.Build
	var dirty bool
	var custom map[string]string
	cmd := &cobra.Command{
		Use: "annotate REPO FORMAT PACKAGE VERSION", Short: "Add release metadata to a version", Args: command.Exactly(4),
		Long: `Add release metadata to a version: where it came from and how it was built. What was stored before stays in its facts;
the newest of the same rank is shown.`,
		Example: `  slipway version annotate main npm @acme/web 1.4.2 --source-repository https://git.example.com/acme/web --commit 4f0c2d1 --ref refs/heads/main
  slipway version annotate main raw tool 1.2.0 --build-url https://ci.example.com/runs/77 --custom team.ticket=ABC-1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("dirty") {
				source.Dirty = &dirty
			}
			if source == (api.Source{}) && build == (api.Build{}) && len(custom) == 0 {
				return command.Usagef("there is nothing to add: see '%s --help'", cmd.CommandPath())
			}
			return c.do(cmd, f, fmt.Sprintf("Annotated %s %s", args[2], args[3]), func(ctx context.Context, cl *client.Client) error {
				return cl.Annotate(ctx, packageOf(args), args[3], api.DeclaredMetadata{Source: &source, Build: &build, Custom: custom})
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&source.Repository, "source-repository", "", "URL of the source repository")
	fs.StringVar(&source.Commit, "commit", "", "commit that it was built from")
	fs.StringVar(&source.Ref, "ref", "", "branch or tag, such as refs/heads/main")
	fs.BoolVar(&dirty, "dirty", false, "the working tree had changes")
	fs.StringVar(&build.System, "build-system", "", "what built it")
	fs.StringVar(&build.ID, "build-id", "", "id of the build")
	fs.StringVar(&build.URL, "build-url", "", "URL of the build")
	fs.StringVar(&build.StartedAt, "build-started-at", "", "RFC 3339 time")
	fs.StringVar(&build.FinishedAt, "build-finished-at", "", "RFC 3339 time")
	fs.StringToStringVar(&custom, "custom", nil, "KEY=VALUE, such as team.ticket=ABC-1; may be given again")
	return cmd
}

// versionInfo is the result of "slipway version".
func (c commands) versionInfo() map[string]string {
	version, commit := c.Version()
	return map[string]string{"version": version, "commit": commit, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
}

func (c commands) versionText() string {
	v := c.versionInfo()
	return fmt.Sprintf("slipway %s (commit %s, %s, %s)", v["version"], v["commit"], v["go"], v["platform"])
}
