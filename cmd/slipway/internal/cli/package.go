package cli

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

var packageColumns = []column[api.Package]{
	{"FORMAT", func(p api.Package) any { return p.Format }},
	{"NAME", func(p api.Package) any { return p.Name }},
	{"LATEST", func(p api.Package) any { return versionText(p.Latest) }},
	{"VERSIONS", func(p api.Package) any { return p.Versions }},
	{onlyWide("SIZE"), func(p api.Package) any { return p.Size }},
	{"UPDATED", func(p api.Package) any { return when(p.UpdatedAt) }},
}

func (c commands) packageCmd() *cobra.Command {
	var f Flags
	g := c.Group("package", "Look at packages", "  slipway package ls main --format npm", c.packageListCmd(&f), c.packageShowCmd(&f), c.packageDependentsCmd(&f))
	f.Add(g)
	return g
}

func (c commands) packageListCmd(f *Flags) *cobra.Command {
	var filter client.PackageFilter
	cmd := &cobra.Command{
		Use: "ls REPO", Short: "List the packages of a repository", Args: command.Exactly(1),
		Example: `  slipway package ls main
  slipway package ls main --format npm -q acme
  slipway package ls main --sort size --wide
  slipway package ls main --as-of 2026-01-31`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, packageColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Package, error] {
				return cl.Packages(ctx, args[0], filter)
			})
		},
	}
	cmd.Flags().StringVar(&filter.Format, "format", "", "only packages of this format")
	cmd.Flags().StringVarP(&filter.Part, "query", "q", "", "only packages whose name has this part")
	cmd.Flags().StringVar(&filter.Sort, "sort", "", "name, newest (changed last) or size (the largest, as counted last); default: name. The last two leave out what other places have")
	cmd.Flags().StringVar(&filter.AsOf, "as-of", "", asOfHelp)
	return cmd
}

// packageDetail is a package with its tags.
type packageDetail struct {
	api.Package
	tags []api.Tag
}

var packageDetailColumns = append(of(packageColumns, func(p packageDetail) api.Package { return p.Package }), []column[packageDetail]{
	{"CREATED", func(p packageDetail) any { return when(p.CreatedAt) }},
	{"TAGS", func(p packageDetail) any {
		return lines(p.tags, func(t api.Tag) string { return cell(t.Tag) + " → " + cell(t.Version) })
	}},
}...)

func (c commands) packageShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show REPO FORMAT PACKAGE", Short: "Show one package, with its tags", Args: command.Exactly(3),
		Example: `  slipway package show main npm @acme/web
  slipway package show main oci team/app -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, packageDetailColumns, func(ctx context.Context, cl *client.Client) (packageDetail, error) {
				p, err := cl.Package(ctx, packageOf(args))
				if err != nil {
					return packageDetail{}, err
				}
				out := packageDetail{Package: p}
				for t, err := range cl.Tags(withoutRaw(ctx), packageOf(args)) {
					if err != nil {
						return out, err
					}
					out.tags = append(out.tags, t)
				}
				return out, nil
			})
		},
	}
}

// packageOf is the package that the first three arguments name.
func packageOf(args []string) client.Package {
	return client.Package{Repository: args[0], Format: args[1], Name: args[2]}
}
