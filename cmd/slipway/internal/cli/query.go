package cli

import (
	"github.com/spf13/cobra"

	"slipway/cmd/slipway/internal/command"
)

func (c commands) queryCmd() *cobra.Command {
	var f Flags
	var asOf string
	cmd := &cobra.Command{
		Use: "query QUERY", Short: "Find versions by what is known of them", Args: command.Exactly(1),
		Long: `Find versions in every repository that you may read, those published last first. Words are joined by AND; there are OR,
parentheses, - for not, * for any text, and "quotes". A word without a field is part of a package's name.

  repo: format: name: version: purl: tag: state: by:   what a version is, and who published it
  commit: source: ref: build: builder:                 what it was built from; a commit by its first characters
  digest:sha256:…                                      of the version or of one of its files
  published:>2026-01-01                                also <, >=, <=, or the day itself; a day or an RFC 3339 time
  has:commit has:provenance has:sbom                   what is known at all
  custom.team.ticket:ABC-1                             release metadata of your own`,
		Example: `  slipway query 'commit:4f0c2d1'
  slipway query 'tag:production -has:commit' --as-of 2026-01-31T12:00:00Z
  slipway query '(format:npm OR format:oci) published:>2026-01-01 by:jane'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.list(cmd, &f, segments("versions"), queryOf("q", args[0], "as_of", asOf),
				field("PUBLISHED", "published_at"), field("BY", "published_by"), field("REPOSITORY", "repository"), field("FORMAT", "format"),
				field("NAME", "name"), field("VERSION", "version"), field("STATE", "state"))
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "the state of then: RFC 3339 time, or seq:N")
	f.Add(cmd)
	return cmd
}
