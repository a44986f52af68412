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

// usageRow is what a repository holds in a format.
type usageRow struct {
	repository string
	api.Usage
}

var usageColumns = []column[usageRow]{
	{"FORMAT", func(u usageRow) any { return u.Format }},
	{"PACKAGES", func(u usageRow) any { return u.Packages }},
	{"VERSIONS", func(u usageRow) any { return u.Versions }},
	{"BYTES", func(u usageRow) any { return u.Bytes }},
	{"FROM ELSEWHERE", func(u usageRow) any { return u.CachedBytes }},
}

var repositoryUsageColumns = append([]column[usageRow]{{"REPOSITORY", func(u usageRow) any { return u.repository }}}, usageColumns...)

func (c commands) storageCmd() *cobra.Command {
	var f Flags
	g := c.Group("storage", "Show what is stored, in which repository, and why", `  slipway storage show
  slipway storage ls
  slipway storage why sha256:…`, c.storageShowCmd(&f), c.storageListCmd(&f), c.storageWhyCmd(&f))
	f.Add(g)
	return g
}

// usageRows makes rows of what is held by format.
func usageRows(repository string, list []api.Usage) []usageRow {
	out := make([]usageRow, len(list))
	for i, u := range list {
		out[i] = usageRow{repository, u}
	}
	return out
}

func (c commands) storageShowCmd(f *Flags) *cobra.Command {
	var count bool
	cmd := &cobra.Command{
		Use: "show [REPO]", Short: "Show what a repository holds, or all together and what is stored of it", Args: cobra.MaximumNArgs(1),
		Long: `Show what a repository holds itself, by format. Without one, show what all hold together, and what the store has of it, each content
once; that is for auditors and administrators of the server. It is counted by itself a minute after changes, the blobs every hour;
--count does it now, for administrators.`,
		Example: `  slipway storage show
  slipway storage show main
  slipway storage show --count -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if count {
					return command.Usagef("--count counts everything: leave the repository out")
				}
				return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.RepositoryUsage, error) {
					return cl.RepositoryUsage(ctx, args[0])
				},
					func(u api.RepositoryUsage) error {
						return printList(c.Stdout, c.Screen(f.wide), usageRows(u.Repository, u.Formats), usageColumns)
					})
			}
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.Storage, error) {
				if count {
					return cl.CountStorage(ctx)
				}
				return cl.Storage(ctx)
			}, func(s api.Storage) error {
				if err := printList(c.Stdout, c.Screen(f.wide), usageRows("", s.Formats), usageColumns); err != nil || s.CountedAt == nil {
					return err
				}
				_, err := fmt.Fprintf(c.Stdout, "stored: %d blobs, %d bytes, counted %s\n", s.StoredBlobs, s.StoredBytes, cell(when(*s.CountedAt)))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&count, "count", false, "count anew first")
	return cmd
}

func (c commands) storageListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List what each repository holds, by format", Args: command.Exactly(0),
		Long:    `List what each repository holds itself, by format, for auditors and administrators of the server.`,
		Example: "  slipway storage ls",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.output == command.JSON {
				return list(c, cmd, f, nil, func(ctx context.Context, cl *client.Client) iter.Seq2[api.RepositoryUsage, error] {
					return cl.RepositoryUsages(ctx)
				})
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			rows := []usageRow{}
			for u, err := range cl.RepositoryUsages(cmd.Context()) {
				if err != nil {
					return err
				}
				rows = append(rows, usageRows(u.Repository, u.Formats)...)
			}
			return printList(c.Stdout, c.Screen(f.wide), rows, repositoryUsageColumns)
		},
	}
}

var blobUseColumns = []column[api.BlobUse]{
	{"NEEDED BY", func(u api.BlobUse) any { return u.Kind }},
	{"REPOSITORY", func(u api.BlobUse) any { return u.Repository }},
	{"FORMAT", func(u api.BlobUse) any { return u.Format }},
	{"PACKAGE", func(u api.BlobUse) any { return u.Package }},
	{"VERSION", func(u api.BlobUse) any { return versionText(u.Version) }},
	{"PATH", func(u api.BlobUse) any { return u.Path }},
	{"UNTIL", func(u api.BlobUse) any {
		if u.Until == nil {
			return ""
		}
		return when(*u.Until)
	}},
}

func (c commands) storageWhyCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "why DIGEST", Short: "Say what keeps bytes in the store", Args: command.Exactly(1),
		Long: `Say what keeps bytes in the store: files of versions, versions that were deleted and can be restored, publishes and uploads that
have not ended, what is known of registries elsewhere. For auditors and administrators of the server.`,
		Example: "  slipway storage why sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.KeptBlob, error) { return cl.KeptBlob(ctx, args[0]) },
				func(b api.KeptBlob) error {
					if !b.Needed {
						_, err := fmt.Fprintf(c.Stdout, "Nothing needs these %d bytes: a collection takes them when its grace is over.\n", b.Size)
						return err
					}
					return printList(c.Stdout, c.Screen(f.wide), b.Uses, blobUseColumns)
				})
		},
	}
}
