package cli

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

var pullColumns = []column[api.Pull]{
	{"BY", func(p api.Pull) any { return p.By }},
	{"FIRST", func(p api.Pull) any { return when(p.FirstAt) }},
	{"LAST", func(p api.Pull) any { return when(p.LastAt) }},
}

// foundPullColumns are those of downloads of several versions.
var foundPullColumns = append([]column[api.Pull]{
	{"REPOSITORY", func(p api.Pull) any { return p.Repository }},
	{"FORMAT", func(p api.Pull) any { return p.Format }},
	{"NAME", func(p api.Pull) any { return p.Name }},
	{"VERSION", func(p api.Pull) any { return versionText(p.Version) }},
}, pullColumns...)

func (c commands) versionPullsCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "pulls REPO FORMAT PACKAGE VERSION", Short: "List who downloaded a version", Args: command.Exactly(4),
		Long: `List who downloaded a version, or a part of it, by any client, each with the first time and the last day. It needs the right
audit. 'slipway query --pulls' lists it for every version that a query finds, as for those that hold a digest.`,
		Example: `  slipway version pulls main npm @acme/web 1.4.2
  slipway version pulls main oci team/app 1.0`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, pullColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Pull, error] {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return func(yield func(api.Pull, error) bool) { yield(api.Pull{}, err) }
				}
				return cl.Pulls(ctx, packageOf(args), version)
			})
		},
	}
}

// pullsOf lists the downloads of all versions that a query finds.
func pullsOf(ctx context.Context, cl *client.Client, query, asOf string) iter.Seq2[api.Pull, error] {
	return func(yield func(api.Pull, error) bool) {
		for h, err := range cl.Search(withoutRaw(ctx), query, asOf) {
			if err != nil {
				yield(api.Pull{}, err)
				return
			}
			for p, err := range cl.Pulls(ctx, client.Package{Repository: h.Repository, Format: h.Format, Name: h.Name}, h.Version) {
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}
