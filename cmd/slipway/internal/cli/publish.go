package cli

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var publishDetail = []column[api.Publish]{
	{"ID", func(p api.Publish) any { return p.ID }},
	{"REPOSITORY", func(p api.Publish) any { return p.Repository }},
	{"BEGUN", func(p api.Publish) any { return when(p.CreatedAt) }},
	{"CHANGED", func(p api.Publish) any { return when(p.UpdatedAt) }},
	{"FILES", func(p api.Publish) any { return lines(p.Files, stagedLine) }},
}

func stagedLine(f api.StagedFile) string {
	return fmt.Sprintf("%s %s %s  %s  %s bytes", cell(f.Format), cell(f.Package), cell(f.Version), cell(f.Path), cell(f.Size))
}

var publishedColumns = []column[api.PublishedVersion]{
	{"FORMAT", func(v api.PublishedVersion) any { return v.Format }},
	{"NAME", func(v api.PublishedVersion) any { return v.Name }},
	{"VERSION", func(v api.PublishedVersion) any { return versionText(v.Version) }},
	{"NEW", func(v api.PublishedVersion) any { return yes(v.Created) }},
	{onlyWide("DIGEST"), func(v api.PublishedVersion) any { return v.Digest }},
}

func (c commands) publishCmd() *cobra.Command {
	var f Flags
	var of client.Publish
	g := c.Group("publish", "Look at, commit or drop what clients staged under an id, to appear at one moment", `  slipway publish ls
  slipway publish show release-12
  slipway publish commit release-12
  slipway publish drop release-12`, c.publishListCmd(&f, &of.Repository), c.publishShowCmd(&f, &of), c.publishCommitCmd(&f, &of), c.publishDropCmd(&f, &of))
	f.Add(g)
	g.PersistentFlags().StringVar(&of.Repository, "repository", "main", "repository that the files are staged in")
	return g
}

var waitingColumns = []column[api.WaitingPublish]{
	{"ID", func(p api.WaitingPublish) any { return cmp.Or(p.ID, p.Area) }},
	{"REPOSITORY", func(p api.WaitingPublish) any { return p.Repository }},
	{"PACKAGE", func(p api.WaitingPublish) any { return p.Package }},
	{"VERSION", func(p api.WaitingPublish) any { return versionText(p.Version) }},
	{"FILES", func(p api.WaitingPublish) any { return p.Files }},
	{"BY", func(p api.WaitingPublish) any { return p.By }},
	{onlyWide("OWNER"), func(p api.WaitingPublish) any { return p.Owner }},
	{"WAITS FOR", func(p api.WaitingPublish) any { return p.WaitsFor }},
	{"CHANGED", func(p api.WaitingPublish) any { return when(p.UpdatedAt) }},
	{onlyWide("ENDS"), func(p api.WaitingPublish) any { return when(p.EndsAt) }},
}

func (c commands) publishListCmd(f *Flags, repository *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "ls", Short: "List what you have sent and others do not see yet", Args: command.Exactly(0),
		Long: `List what you have sent and others do not see yet: publishes with an id, and versions of formats whose clients send file by file.
With --repository, what waits in that repository: of all users, if you administer it.`,
		Example: `  slipway publish ls
  slipway publish ls --repository team-a --wide
  slipway publish ls --all`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, waitingColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.WaitingPublish, error] {
				if all {
					return cl.AllPublishes(ctx)
				}
				in := ""
				if cmd.Flags().Changed("repository") {
					in = *repository
				}
				return cl.Publishes(ctx, in)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those of all users, for auditors of the server")
	return cmd
}

func (c commands) publishShowCmd(f *Flags, of *client.Publish) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show PUBLISH", Short: "Show what is staged under an id that clients sent in X-Slipway-Publish", Args: command.Exactly(1),
		Example: "  slipway publish show release-12",
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, publishDetail, func(ctx context.Context, cl *client.Client) (api.Publish, error) {
				return cl.Publish(ctx, named(of, args[0]))
			})
		},
	}
	addOwner(cmd, of)
	return cmd
}

func (c commands) publishCommitCmd(f *Flags, of *client.Publish) *cobra.Command {
	cmd := &cobra.Command{
		Use: "commit PUBLISH", Short: "Make all that is staged under an id visible at one moment, or nothing", Args: command.Exactly(1),
		Example: "  slipway publish commit release-12 --repository team-a",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			made, err := cl.CommitPublish(cmd.Context(), named(of, args[0]))
			if err != nil {
				return err
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, made)
			}
			return printList(c.Stdout, c.Screen(f.wide), made, publishedColumns)
		},
	}
	addOwner(cmd, of)
	return cmd
}

func (c commands) publishDropCmd(f *Flags, of *client.Publish) *cobra.Command {
	cmd := &cobra.Command{
		Use: "drop PUBLISH", Short: "Drop what is staged under an id", Args: command.Exactly(1), Example: "  slipway publish drop release-12",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Dropped "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DropPublish(ctx, named(of, args[0]))
			})
		},
	}
	addOwner(cmd, of)
	return cmd
}

// named is a publish with the id of the command line.
func named(of *client.Publish, id string) client.Publish {
	p := *of
	p.ID = id
	return p
}

// addOwner adds the flags by which a command ends what another has sent.
func addOwner(cmd *cobra.Command, of *client.Publish) {
	cmd.Flags().StringVar(&of.Owner, "owner", "", "id of the user or the token that sent the files, where that is not you, as publish ls --wide lists it")
	cmd.Flags().BoolVar(&of.Area, "area", false, "the id is that of a version which its format makes visible")
}
