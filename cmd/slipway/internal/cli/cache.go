package cli

import (
	"context"
	"iter"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"

	"github.com/spf13/cobra"
)

var cachedColumns = []column[api.CachedFile]{
	{"PURL", func(f api.CachedFile) any { return packageURL(f.PURL) }},
	{"FILE", func(f api.CachedFile) any { return f.Path }},
	{"SIZE", func(f api.CachedFile) any { return f.Size }},
	{"STATE", func(f api.CachedFile) any { return state(f.State) }},
	{"UPSTREAM", func(f api.CachedFile) any { return f.Upstream }},
	{"ENTERED", func(f api.CachedFile) any { return when(f.EnteredAt) }},
	{"BY", func(f api.CachedFile) any { return f.EnteredBy }},
	{"USED", func(f api.CachedFile) any { return when(f.UsedAt) }},
	{onlyWide("VERIFIED"), func(f api.CachedFile) any { return f.Verified }},
	{onlyWide("DIGEST"), func(f api.CachedFile) any { return api.Digest(f.Digest) }},
	{onlyWide("CHANGED"), func(f api.CachedFile) any { return f.Changed }},
	{onlyWide("URL"), func(f api.CachedFile) any { return f.URL }},
}

func (c commands) cacheCmd() *cobra.Command {
	var f Flags
	g := c.Group("cache", "List what came from registries elsewhere, let it go, and decide about what they changed", `  slipway cache ls npm-mirror --state changed
  slipway cache evict npm-mirror --unused 720h --dry-run
  slipway cache accept npm-mirror npm left-pad 1.3.0 left-pad-1.3.0.tgz`,
		c.cacheListCmd(&f), c.cacheEvictCmd(&f), c.cacheAcceptCmd(&f), c.cacheDenyCmd(&f), c.cacheRestoreCmd(&f))
	f.Add(g)
	return g
}

func (c commands) cacheListCmd(f *Flags) *cobra.Command {
	var filter client.CachedFilter
	cmd := &cobra.Command{
		Use: "ls REPO", Short: "List the files that came to a repository from registries elsewhere", Args: command.Exactly(1),
		Long: `List the files that came to a repository from registries elsewhere, with their sizes, and when they came, for whom, and were used last.
A state is one of
  here     its bytes are here
  evicted  they are not; when the file is asked for, the same ones come again, or none
  changed  the registry has other bytes: see "slipway cache accept" and "slipway cache deny"
  denied   an administrator has refused those`,
		Example: `  slipway cache ls npm-mirror
  slipway cache ls npm-mirror --part left-pad --state changed --wide`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, cachedColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.CachedFile, error] {
				return cl.Cached(ctx, args[0], filter)
			})
		},
	}
	cmd.Flags().StringVar(&filter.Part, "part", "", "only files with this text in the name of the package or of the file")
	cmd.Flags().StringVar(&filter.State, "state", "", "only files that are here, evicted, changed or denied")
	c.must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]cobra.Completion{"here", "evicted", "changed", "denied"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

var evictedColumns = []column[api.Evicted]{
	{"FILES", func(e api.Evicted) any { return e.Files }},
	{"BYTES", func(e api.Evicted) any { return e.Bytes }},
}

func (c commands) cacheEvictCmd(f *Flags) *cobra.Command {
	var e api.Eviction
	var unused time.Duration
	var keep installation.Bytes
	var yes bool
	cmd := &cobra.Command{
		Use: "evict REPO [FORMAT [PACKAGE]]", Short: "Let bytes go that can come again from registries elsewhere", Args: cobra.RangeArgs(1, 3),
		Long: `Let bytes of files go that came from registries elsewhere, those first that were not used for longest; without flags, all of them. What is
deployed, has a tag that was set here, is pinned by a rule or is on its way stays. The files stay listed: they are fetched when they
are asked for, with the same bytes. The disk has the space when the collector has run.`,
		Example: `  slipway cache evict npm-mirror --unused 720h --dry-run
  slipway cache evict everything npm left-pad --yes
  slipway cache evict npm-mirror --keep 100GiB --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			at := append(args, "", "")
			e.Format, e.Package = at[1], at[2]
			if cmd.Flags().Changed("unused") {
				e.Unused = unused.String()
			}
			if cmd.Flags().Changed("keep") {
				e.Keep = (*int64)(&keep)
			}
			if !e.DryRun {
				if err := c.Confirm(yes, "Let files of repository "+args[0]+" go"); err != nil {
					return err
				}
			}
			return show(c, cmd, f, evictedColumns, func(ctx context.Context, cl *client.Client) (api.Evicted, error) {
				return cl.Evict(ctx, args[0], e)
			})
		},
	}
	cmd.Flags().StringVar(&e.Upstream, "upstream", "", "only files of this upstream of the repository")
	c.must(cmd.RegisterFlagCompletionFunc("upstream", func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.offer(cmd, completeUpstreams, args, typed)
	}))
	cmd.Flags().DurationVar(&unused, "unused", 0, "only files that were not used for so long, such as 720h")
	cmd.Flags().Var(&keep, "keep", "how much of each upstream may stay, such as 100GiB (default: nothing)")
	cmd.Flags().BoolVar(&e.DryRun, "dry-run", false, "only say how much it would be")
	yesFlag(cmd, &yes)
	return cmd
}

// cachedAt is what the arguments of a command name.
func cachedAt(args []string) (repository string, at api.CachedCoordinate) {
	args = append(args, "", "")
	return args[0], api.CachedCoordinate{Format: args[1], Package: args[2], Version: args[3], Path: args[4]}
}

func (c commands) cacheAcceptCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "accept REPO FORMAT PACKAGE [VERSION [PATH]]", Short: "Take what a registry elsewhere has changed", Args: cobra.RangeArgs(3, 5),
		Long: `Fetch the other bytes that a registry elsewhere has of a file which came from it before, and put them in its place; without a PATH, of
every such file of the version. The log has both digests. Find out first why they are others: lock files name the former ones.
Without a VERSION, take the package's list of versions, although it has lost most of them.`,
		Example: `  slipway cache accept npm-mirror npm left-pad 1.3.0 left-pad-1.3.0.tgz
  slipway cache accept npm-mirror npm left-pad`,
		RunE: func(cmd *cobra.Command, args []string) error {
			repository, at := cachedAt(args)
			return c.do(cmd, f, "Accepted", func(ctx context.Context, cl *client.Client) error { return cl.AcceptCached(ctx, repository, at) })
		},
	}
}

func (c commands) cacheDenyCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "deny REPO FORMAT PACKAGE VERSION [PATH]", Short: "Refuse what a registry elsewhere has changed", Args: cobra.RangeArgs(4, 5),
		Long: `Keep to the bytes that came first. The log notes who refused the others, and no event tells of these again; what is here is served on, and
what was evicted is not served unless the registry has the former bytes again.`,
		Example: "  slipway cache deny npm-mirror npm left-pad 1.3.0",
		RunE: func(cmd *cobra.Command, args []string) error {
			repository, at := cachedAt(args)
			return c.do(cmd, f, "Refused", func(ctx context.Context, cl *client.Client) error { return cl.DenyCached(ctx, repository, at) })
		},
	}
}

func (c commands) cacheRestoreCmd(f *Flags) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "restore REPO FORMAT PACKAGE VERSION", Short: "Let a deleted version come again that came from a registry elsewhere", Args: command.Exactly(4),
		Long: `A version that came from a registry elsewhere and was deleted here is never fetched again, until it is restored. It has the facts and the state
that it had; bytes that are collected meanwhile are fetched when they are asked for.`,
		Example: `  slipway cache restore npm-mirror npm left-pad 1.3.0 --reason "deleted by mistake"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, stateColumns, func(ctx context.Context, cl *client.Client) (api.VersionSummary, error) {
				return cl.RestoreCached(ctx, args[0], api.CachedVersion{Format: args[1], Package: args[2], Version: args[3], Reason: reason})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
