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

var tagColumns = []column[api.Tag]{
	{"TAG", func(t api.Tag) any { return t.Tag }},
	{"VERSION", func(t api.Tag) any { return versionText(t.Version) }},
	{"SET", func(t api.Tag) any { return when(t.SetAt) }},
	{"BY", func(t api.Tag) any { return t.SetBy }},
	{"ENDED", func(t api.Tag) any { return whenever(t.EndedAt) }},
	{"REASON", func(t api.Tag) any { return t.Reason }},
	{onlyWide("GENERATION"), func(t api.Tag) any { return t.Generation }},
	{onlyWide("LOG ENTRY"), func(t api.Tag) any { return t.Seq }},
	{onlyWide("DIGEST"), func(t api.Tag) any { return t.Digest }},
}

func (c commands) tagCmd() *cobra.Command {
	var f Flags
	g := c.Group("tag", "Set, remove and look at tags, now and in the past", `  slipway tag set main npm @acme/web production 1.4.2 --reason "release 12"
  slipway tag show main npm @acme/web production --as-of 2026-01-31T12:00:00Z
  slipway tag history main npm @acme/web production`,
		c.tagSetCmd(&f), c.tagRemoveCmd(&f), c.tagListCmd(&f), c.tagShowCmd(&f), c.tagHistoryCmd(&f))
	f.Add(g)
	return g
}

// swapFlag is the precondition of a change.
type swapFlag struct{ generation int64 }

func (s *swapFlag) add(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&s.generation, "if-generation", 0, "only if the tag is at this generation; 0: only if there is no such tag")
}

// wanted is the generation that the tag must have; nil is any.
func (s *swapFlag) wanted(cmd *cobra.Command) *int64 {
	if !cmd.Flags().Changed("if-generation") {
		return nil
	}
	return &s.generation
}

func (c commands) tagSetCmd(f *Flags) *cobra.Command {
	var reason string
	var swap swapFlag
	cmd := &cobra.Command{
		Use: "set REPO FORMAT PACKAGE TAG VERSION", Short: "Point a tag at a version", Args: command.Exactly(5),
		Example: `  slipway tag set main npm @acme/web production 1.4.2 --reason "release 12"
  slipway tag set main oci team/app prod 1.0
  slipway tag set main raw tool stable 1.2.0 --if-generation 3`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, tagColumns, func(ctx context.Context, cl *client.Client) (api.Tag, error) {
				version, err := resolve(ctx, cl, packageOf(args), args[4])
				if err != nil {
					return api.Tag{}, err
				}
				return cl.SetTag(ctx, packageOf(args), args[3], api.TagChange{Version: version, Reason: reason}, swap.wanted(cmd))
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history")
	swap.add(cmd)
	return cmd
}

func (c commands) tagRemoveCmd(f *Flags) *cobra.Command {
	var reason string
	var swap swapFlag
	cmd := &cobra.Command{
		Use: "rm REPO FORMAT PACKAGE TAG", Short: "Remove a tag; its history stays", Args: command.Exactly(4),
		Example: "  slipway tag rm main npm @acme/web beta",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, fmt.Sprintf("Removed tag %s of %s", args[3], args[2]), func(ctx context.Context, cl *client.Client) error {
				return cl.RemoveTag(ctx, packageOf(args), args[3], reason, swap.wanted(cmd))
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	swap.add(cmd)
	return cmd
}

func (c commands) tagListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls REPO FORMAT PACKAGE", Short: "List the tags of a package", Example: "  slipway tag ls main npm @acme/web", Args: command.Exactly(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, tagColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Tag, error] {
				return cl.Tags(ctx, packageOf(args))
			})
		},
	}
}

func (c commands) tagShowCmd(f *Flags) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "show REPO FORMAT PACKAGE TAG", Short: "Show what a tag names, or named at a past moment", Args: command.Exactly(4),
		Example: `  slipway tag show main npm @acme/web production
  slipway tag show main npm @acme/web production --as-of 2026-01-31T12:00:00Z
  slipway tag show main npm @acme/web production --as-of seq:1042`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, tagColumns, func(ctx context.Context, cl *client.Client) (api.Tag, error) {
				return cl.Tag(ctx, packageOf(args), args[3], asOf)
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", asOfHelp)
	return cmd
}

func (c commands) tagHistoryCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "history REPO FORMAT PACKAGE TAG", Short: "List everything that a tag ever named, newest first", Args: command.Exactly(4),
		Example: "  slipway tag history main npm @acme/web production",
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, tagColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Tag, error] {
				return cl.TagHistory(ctx, packageOf(args), args[3])
			})
		},
	}
}
