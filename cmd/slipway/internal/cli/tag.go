package cli

import (
	"fmt"
	"net/http"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var tagColumns = []column{field("TAG", "tag"), field("VERSION", "version"), field("GENERATION", "generation"), field("SET", "set_at"),
	field("BY", "set_by"), field("ENDED", "ended_at"), field("REASON", "reason"), field("DIGEST", "digest")}

func (c commands) tagCmd() *cobra.Command {
	var f Flags
	g := c.Group("tag", "Set, remove and look at tags, now and in the past", `  slipway tag set main npm @acme/web production 1.4.2 --reason "release 12"
  slipway tag show main npm @acme/web production --as-of 2026-01-31T12:00:00Z
  slipway tag history main npm @acme/web production`,
		c.tagSetCmd(&f), c.tagRemoveCmd(&f), c.tagListCmd(&f), c.tagShowCmd(&f), c.tagHistoryCmd(&f))
	f.Add(g)
	return g
}

// tagPath is the resource of a package's tags, or of one.
func tagPath(args []string) string {
	path := segments("repositories", args[0], "packages", args[1], args[2]) + "/tags"
	if len(args) > 3 {
		path += segments(args[3])
	}
	return path
}

// swapFlag is the precondition of a change.
type swapFlag struct{ generation int64 }

func (s *swapFlag) add(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&s.generation, "if-generation", 0, "only if the tag is at this generation; 0: only if there is no such tag")
}

func (s *swapFlag) header(cmd *cobra.Command) http.Header {
	h := http.Header{}
	if cmd.Flags().Changed("if-generation") {
		h.Set("If-Match", fmt.Sprintf(`"%d"`, s.generation))
	}
	return h
}

func (c commands) tagSetCmd(f *Flags) *cobra.Command {
	var reason string
	var swap swapFlag
	cmd := &cobra.Command{
		Use: "set REPO FORMAT PACKAGE TAG VERSION", Short: "Point a tag at a version", Args: command.Exactly(5),
		Example: `  slipway tag set main npm @acme/web production 1.4.2 --reason "release 12"
  slipway tag set main raw tool stable 1.2.0 --if-generation 3`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, request{method: http.MethodPut, path: tagPath(args[:4]), header: swap.header(cmd),
				body: map[string]any{"version": args[4], "reason": reason}}, tagColumns...)
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
			return c.do(cmd, f, request{method: http.MethodDelete, path: tagPath(args), header: swap.header(cmd), query: queryOf("reason", reason)},
				fmt.Sprintf("Removed tag %s of %s", args[3], args[2]))
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
			return c.list(cmd, f, tagPath(args), nil, tagColumns...)
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
			return c.show(cmd, f, request{method: http.MethodGet, path: tagPath(args), query: queryOf("as_of", asOf)}, tagColumns...)
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "RFC 3339 time, or seq:N for a sequence number of the log")
	return cmd
}

func (c commands) tagHistoryCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "history REPO FORMAT PACKAGE TAG", Short: "List everything that a tag ever named, newest first", Args: command.Exactly(4),
		Example: "  slipway tag history main npm @acme/web production",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.list(cmd, f, tagPath(args)+"/history", nil, tagColumns...)
		},
	}
}
