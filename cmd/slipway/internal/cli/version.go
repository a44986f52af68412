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

// taggedVersion is a version in a list with the tags that name it.
type taggedVersion struct {
	api.VersionSummary
	tags []string
}

// versionColumns are the columns of a version in a list.
var versionColumns = []column[taggedVersion]{
	{"VERSION", func(v taggedVersion) any { return versionText(v.Version) }},
	{"TAGS", func(v taggedVersion) any { return v.tags }},
	{"STATE", func(v taggedVersion) any { return state(v.State) }},
	{"SIZE", func(v taggedVersion) any { return v.Size }},
	{"PUBLISHED", func(v taggedVersion) any { return when(v.PublishedAt) }},
	{"BY", func(v taggedVersion) any { return v.PublishedBy }},
	{onlyWide("COMMIT"), func(v taggedVersion) any { return overview(v).Commit }},
	{onlyWide("RUNS"), func(v taggedVersion) any { return lines(overview(v).Runs, runsIn) }},
	{onlyWide("EVIDENCE"), func(v taggedVersion) any { return overview(v).Evidence }},
	{onlyWide("DIGEST"), func(v taggedVersion) any { return v.Digest }},
}

// overview is what else is known of a version at a glance.
func overview(v taggedVersion) api.Overview { return *cmp.Or(v.Overview, &api.Overview{}) }

func runsIn(r api.RunsIn) string { return r.Environment + "/" + r.Service }

// versionText is a version as lists show it: that of an image is a digest.
func versionText(v string) any {
	if isDigest(v) {
		return api.Digest(v)
	}
	return v
}

// versionDetail are the columns of one version.
var versionDetail = []column[api.Version]{
	{"PURL", func(v api.Version) any { return v.PURL }},
	{"STATE", func(v api.Version) any { return state(v.State) }},
	{"REASON", func(v api.Version) any { return v.Reason }},
	{"PUBLISHED", func(v api.Version) any { return when(v.PublishedAt) }},
	{"BY", func(v api.Version) any { return v.PublishedBy }},
	{"ORIGIN", func(v api.Version) any { return v.Origin }},
	{"UPSTREAM", func(v api.Version) any { return cmp.Or(v.Upstream, &api.VersionUpstream{}).Name }},
	{"PUBLISHED THERE", func(v api.Version) any { return when(v.UpstreamPublishedAt) }},
	{"FIRST SEEN", func(v api.Version) any { return when(v.FirstSeenAt) }},
	{"ENTERED", func(v api.Version) any { return when(v.EnteredAt) }},
	{"ENTERED BY", func(v api.Version) any { return v.EnteredBy }},
	{"SIZE", func(v api.Version) any { return v.Size }},
	{"DIGEST", func(v api.Version) any { return v.Digest }},
	{"TAGS", func(v api.Version) any { return v.Tags }},
	{"LOG ENTRY", func(v api.Version) any { return v.Seq }},
	{"SOURCE", func(v api.Version) any { return source(v).Repository }},
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
	line := fmt.Sprintf("%s  %s  %s", cell(f.SHA256), cell(f.Path), cell(f.Size))
	if f.Verified != "" {
		line += "  verified by " + f.Verified
	}
	if !f.Here {
		line += "  not here"
	}
	return line
}

func factLine(f api.Fact) string {
	return fmt.Sprintf("%s=%s (from %s, weight %s, %s)", cell(f.Key), cell(f.Value), cell(f.Source), cell(f.Rank), cell(f.At))
}

func (c commands) versionCmd() *cobra.Command {
	var f Flags
	g := c.Group("version", "Print this program's version; list, show, describe, tell who downloaded, annotate, yank, deprecate, remove and restore versions of packages",
		`  slipway version
  slipway version ls main npm @acme/web
  slipway version show main npm @acme/web 1.4.2`,
		c.versionListCmd(&f), c.versionShowCmd(&f), c.versionDescribeCmd(&f), c.versionReferrersCmd(&f), c.versionReadmeCmd(&f), c.versionPullsCmd(&f), c.versionAnnotateCmd(&f), c.versionRemoveCmd(&f), c.versionRestoreCmd(&f))
	g.AddCommand(c.versionStateCmds(&f)...)
	g.RunE = func(*cobra.Command, []string) error {
		if f.output == command.JSON {
			return command.PrintJSON(c.Stdout, c.versionInfo())
		}
		_, err := fmt.Fprintln(c.Stdout, c.VersionText())
		return err
	}
	f.Add(g)
	return g
}

func (c commands) versionListCmd(f *Flags) *cobra.Command {
	var filter client.VersionFilter
	cmd := &cobra.Command{
		Use: "ls REPO FORMAT PACKAGE", Short: "List the versions of a package, newest first", Args: command.Exactly(3),
		Example: `  slipway version ls main npm @acme/web
  slipway version ls main npm @acme/web --wide --query 'env:prod'
  slipway version ls main oci team/app --whole --as-of 2026-01-31`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter.Overview = f.wide
			return list(c, cmd, f, versionColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[taggedVersion, error] {
				return withTags(ctx, cl, packageOf(args), filter.AsOf, f.output, cl.Versions(ctx, packageOf(args), filter))
			})
		},
	}
	cmd.Flags().BoolVar(&filter.Deleted, "deleted", false, "also show the tombstones of deleted versions")
	cmd.Flags().BoolVar(&filter.Attached, "attached", false, "also show what belongs to other versions: signatures, attestations, SBOMs of images")
	cmd.Flags().BoolVar(&filter.NoParts, "whole", false, "leave out images that are only parts of an index, without a tag of their own")
	cmd.Flags().StringVar(&filter.Query, "query", "", "only versions that a query finds, as that of slipway query")
	cmd.Flags().StringVar(&filter.AsOf, "as-of", "", asOfHelp)
	return cmd
}

func (c commands) versionShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show REPO FORMAT PACKAGE VERSION", Short: "Show all that is known of one version", Args: command.Exactly(4),
		Example: `  slipway version show main npm @acme/web 1.4.2
  slipway version show main oci team/app 1.0
  slipway version show main raw team/tool 1.2.0 --output json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, versionDetail, func(ctx context.Context, cl *client.Client) (api.Version, error) {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return api.Version{}, err
				}
				return cl.Version(ctx, packageOf(args), version)
			})
		},
	}
}

func (c commands) versionRemoveCmd(f *Flags) *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use: "rm REPO FORMAT PACKAGE VERSION", Short: "Delete a version; a tombstone stays, and it can be restored for a time", Args: command.Exactly(4),
		Example: `  slipway version rm main npm @acme/web 1.4.2 --reason "leaked a key"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.Confirm(yes, fmt.Sprintf("Delete version %s of %s in %s", args[3], args[2], args[0])); err != nil {
				return err
			}
			return c.do(cmd, f, fmt.Sprintf("Deleted %s %s", args[2], args[3]), func(ctx context.Context, cl *client.Client) error {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return err
				}
				return cl.DeleteVersion(ctx, packageOf(args), version, reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	yesFlag(cmd, &yes)
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
			build.StartedAt, build.FinishedAt = startOfDay(build.StartedAt), startOfDay(build.FinishedAt)
			if source == (api.Source{}) && build == (api.Build{}) && len(custom) == 0 {
				return command.Usagef("there is nothing to add: see '%s --help'", cmd.CommandPath())
			}
			return c.do(cmd, f, fmt.Sprintf("Annotated %s %s", args[2], args[3]), func(ctx context.Context, cl *client.Client) error {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return err
				}
				return cl.Annotate(ctx, packageOf(args), version, api.DeclaredMetadata{Source: &source, Build: &build, Custom: custom})
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
	fs.StringVar(&build.StartedAt, "build-started-at", "", "RFC 3339 time, or a day")
	fs.StringVar(&build.FinishedAt, "build-finished-at", "", "RFC 3339 time, or a day")
	fs.StringToStringVar(&custom, "custom", nil, "KEY=VALUE, such as team.ticket=ABC-1; may be given again")
	return cmd
}

// versionInfo is the result of "slipway version".
func (c commands) versionInfo() map[string]string {
	version, commit := c.Version()
	return map[string]string{"version": version, "commit": commit, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
}
