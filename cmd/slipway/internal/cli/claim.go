package cli

import (
	"context"
	"iter"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var claimColumns = []column[api.Claim]{
	{"ID", func(c api.Claim) any { return c.ID }},
	{"FORMAT", func(c api.Claim) any { return c.Format }},
	{"PATTERN", func(c api.Claim) any { return c.Pattern }},
	{"REPOSITORY", func(c api.Claim) any { return c.Repository }},
	{"CREATED", func(c api.Claim) any { return when(c.CreatedAt) }},
	{"BY", func(c api.Claim) any { return c.CreatedBy }},
}

func (c commands) claimCmd() *cobra.Command {
	var f Flags
	g := c.Group("claim", "Reserve names, so that they never come from a registry elsewhere", `  slipway claim add npm '@acme/*'
  slipway claim add maven 'com.acme.**' --repository team-a
  slipway claim ls`, c.claimAddCmd(&f), c.claimListCmd(&f), c.claimSuggestCmd(&f), c.claimRemoveCmd(&f))
	f.Add(g)
	return g
}

func (c commands) claimAddCmd(f *Flags) *cobra.Command {
	var repository string
	cmd := &cobra.Command{
		Use: "add FORMAT PATTERN", Short: "Reserve the names that match a pattern, before they are published", Args: command.Exactly(2),
		Long: `Reserve the names that match a pattern: they come from what is published on this server only, also before anything is.
In a pattern * is any text; 'com.acme.**' is the group com.acme with everything below it. The case of letters does not count.`,
		Example: `  slipway claim add npm '@acme/*'
  slipway claim add pypi 'acme-*' --repository team-a`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, claimColumns, func(ctx context.Context, cl *client.Client) (api.Claim, error) {
				return cl.AddClaim(ctx, api.NewClaim{Repository: repository, Format: args[0], Pattern: args[1]})
			})
		},
	}
	cmd.Flags().StringVar(&repository, "repository", "", "where it holds (default: in every repository)")
	return cmd
}

func (c commands) claimListCmd(f *Flags) *cobra.Command {
	var repository string
	cmd := &cobra.Command{
		Use: "ls", Short: "List the claims on names", Example: "  slipway claim ls --repository team-a", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, claimColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Claim, error] {
				return cl.Claims(ctx, repository)
			})
		},
	}
	cmd.Flags().StringVar(&repository, "repository", "", "only those that hold in this repository")
	return cmd
}

var suggestedColumns = []column[api.SuggestedClaim]{
	{"FORMAT", func(s api.SuggestedClaim) any { return s.Format }},
	{"PATTERN", func(s api.SuggestedClaim) any { return s.Pattern }},
	{"PACKAGES", func(s api.SuggestedClaim) any { return s.Packages }},
	{"EXAMPLE", func(s api.SuggestedClaim) any { return s.Example }},
}

func (c commands) claimSuggestCmd(f *Flags) *cobra.Command {
	var repository string
	cmd := &cobra.Command{
		Use: "suggest", Short: "Suggest claims for names like those that are published", Args: command.Exactly(0),
		Long: `Suggest claims from what is published: npm's scopes, Maven's groups, folders of images, and prefixes that several PyPI projects share,
as far as no claim covers them. Nothing is claimed: "slipway claim add" does that.`,
		Example: `  slipway claim suggest
  slipway claim suggest --repository team-a`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, suggestedColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.SuggestedClaim, error] {
				return cl.SuggestClaims(ctx, repository)
			})
		},
	}
	cmd.Flags().StringVar(&repository, "repository", "", "from what is published there (default: in every repository)")
	return cmd
}

func (c commands) claimRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID", Short: "Remove a claim; what was published under it stays owned", Example: "  slipway claim rm 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Removed claim "+args[0], func(ctx context.Context, cl *client.Client) error { return cl.RemoveClaim(ctx, args[0]) })
		},
	}
}

func (c commands) originCmd() *cobra.Command {
	var f Flags
	g := c.Group("origin", "Say where the versions of a package may come from", `  slipway origin set main npm left-pad both --reason "we patch it" --expires 720h
  slipway origin clear main npm left-pad`, c.originSetCmd(&f), c.originClearCmd(&f))
	f.Add(g)
	return g
}

func (c commands) originSetCmd(f *Flags) *cobra.Command {
	var reason, upstream string
	var expires time.Duration
	cmd := &cobra.Command{
		Use: "set REPO FORMAT PACKAGE ORIGIN", Short: "Set the origin of a package: published, upstream or both", Args: command.Exactly(4),
		Long: `Say where the versions of a package may come from, against what the server would decide by itself, which is that a name that is
published here never comes from a registry elsewhere: "published" is what is published here only, "upstream" registries elsewhere
only, "both" the two together, where what is published wins.`,
		Example: `  slipway origin set main npm left-pad both --reason "we patch it" --expires 720h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change := api.OriginChange{Origin: args[3], Upstream: upstream, Reason: reason}
			switch {
			case expires < 0:
				return command.Usagef("--expires: can't be negative")
			case expires > 0:
				change.ExpiresAt = time.Now().Add(expires).UTC().Format(time.RFC3339)
			}
			return c.do(cmd, f, args[2]+" in repository "+args[0]+" comes from: "+args[3], func(ctx context.Context, cl *client.Client) error {
				return cl.SetOrigin(ctx, packageOf(args), change)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	cmd.Flags().StringVar(&upstream, "upstream", "", "name of the only registry elsewhere that is asked (default: every one)")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it holds, such as 720h (default: for ever)")
	return cmd
}

func (c commands) originClearCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "clear REPO FORMAT PACKAGE", Short: "Let the server decide again where a package comes from", Example: "  slipway origin clear main npm left-pad", Args: command.Exactly(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "The server decides where "+args[2]+" in repository "+args[0]+" comes from", func(ctx context.Context, cl *client.Client) error {
				return cl.ClearOrigin(ctx, packageOf(args))
			})
		},
	}
}

var placeColumns = []column[api.Place]{
	{"REPOSITORY", func(p api.Place) any { return p.Repository }},
	{"BY", func(p api.Place) any { return strings.Join(p.Path, " > ") }},
	{"KIND", func(p api.Place) any { return p.Kind }},
	{"VERSIONS", func(p api.Place) any { return p.Versions }},
	{"LATEST", func(p api.Place) any { return p.Latest }},
	{"ANSWERS", func(p api.Place) any { return yes(p.Answers) }},
	{"WHY NOT", func(p api.Place) any { return p.Why }},
}

func (c commands) resolveCmd() *cobra.Command {
	var f Flags
	var version string
	cmd := &cobra.Command{
		Use: "resolve REPO FORMAT PACKAGE", Short: "Explain which repositories and registries a package comes from", Args: command.Exactly(3),
		Long: `List the places that a repository may answer from, in the order in which they are asked: which of them answer for the package, and
why the others do not. narrowed: the formats or patterns of an upstream leave the name out; absent: the place does not have it;
emptied: all that it had is deleted; shadowed: an earlier place answers alone. Of registries elsewhere, which are not asked for this,
published: the name is published here; claimed: a claim reserves it; owned: a registry that owns names has it; elsewhere: it stays
with the registry that it first came from; origin: an administrator has it come from somewhere else; silent: it does not answer; absent:
it was not asked for the name yet, or does not have it. "-o json" also has claims, rules and the origin.`,
		Example: `  slipway resolve all npm @acme/web
  slipway resolve all npm @acme/web --version 1.4.2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, cmd, &f, func(ctx context.Context, cl *client.Client) (api.Resolution, error) {
				return cl.Resolution(ctx, packageOf(args), version)
			}, func(r api.Resolution) error { return printList(c.Stdout, c.Screen(f.wide), r.Places, placeColumns) })
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "explain it for this version")
	f.Add(cmd)
	return cmd
}
