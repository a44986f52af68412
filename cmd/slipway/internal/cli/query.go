package cli

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

var hitColumns = []column[api.Hit]{
	{"PUBLISHED", func(h api.Hit) any { return when(h.PublishedAt) }},
	{"BY", func(h api.Hit) any { return h.PublishedBy }},
	{"REPOSITORY", func(h api.Hit) any { return h.Repository }},
	{"FORMAT", func(h api.Hit) any { return h.Format }},
	{"NAME", func(h api.Hit) any { return h.Name }},
	{"VERSION", func(h api.Hit) any { return versionText(h.Version) }},
	{"STATE", func(h api.Hit) any { return state(h.State) }},
}

func (c commands) queryCmd() *cobra.Command {
	var f Flags
	var asOf string
	var pulls bool
	cmd := &cobra.Command{
		Use: "query QUERY", Short: "Find versions by what is known of them", Args: command.Exactly(1),
		Long: `Find versions in every repository that you may read, those published last first. Words are joined by AND; there are OR,
parentheses, - for not, * for any text, and "quotes". A word without a field is part of a package's name.

  repo: format: name: version: purl: tag: state:       what a version is
  by: token:                                           who published it: a user by any token, or a token; only a token
  commit: source: ref: build: builder:                 what it was built from; a commit by its first 4 characters or more
  digest:sha256:…                                      of the version or of one of its files
  published:>2026-01-01                                also <, >=, <=, or the day itself; a day or an RFC 3339 time
  file:web-1.4.2.tgz env:prod                          what has such a file; what runs in an environment
  has:commit has:provenance has:sbom                   what is known at all
  origin:cached upstream:npm entered:>2026-01-31 verified:none
                                                       what registries elsewhere delivered; origin: also published, promoted
  is:attached                                          signatures, attestations, SBOMs of images, which are left out else
  is:part                                              images that are only parts of an index, without a tag of their own
  custom.team.ticket:ABC-1                             release metadata of your own`,
		Example: `  slipway query 'commit:4f0c2d1'
  slipway query '-has:commit'
  slipway query --pulls 'digest:sha256:0b1…'
  slipway query 'tag:production -has:commit' --as-of 2026-01-31
  slipway query '(format:npm OR format:oci) published:>2026-01-01 by:jane'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if pulls {
				return list(c, cmd, &f, foundPullColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Pull, error] {
					return pullsOf(ctx, cl, args[0], asOf)
				})
			}
			return list(c, cmd, &f, hitColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Hit, error] {
				return cl.Search(ctx, args[0], asOf)
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", asOfHelp)
	cmd.Flags().BoolVar(&pulls, "pulls", false, "list who downloaded the versions that are found; needs the right audit")
	f.Add(cmd)
	command.TakesDashes(cmd)
	return cmd
}
