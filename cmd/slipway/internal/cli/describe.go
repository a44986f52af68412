package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// describeColumns are the columns of a version's description.
var describeColumns = []column[api.Description]{
	{"SUMMARY", func(d api.Description) any { return d.Summary }},
	{"LICENSE", func(d api.Description) any { return d.License }},
	{"PROPERTIES", func(d api.Description) any { return lines(d.Properties, propertyLine) }},
	{"NEEDS", func(d api.Description) any { return lines(d.Dependencies, dependencyLine) }},
	{"COMMANDS", func(d api.Description) any { return lines(d.Commands, propertyLine) }},
	{"SCRIPTS", func(d api.Description) any { return lines(d.Scripts, scriptLine) }},
	{"CLASSIFIERS", func(d api.Description) any { return lines(d.Classifiers, func(s string) string { return cell(s) }) }},
	{"VARIANTS", func(d api.Description) any {
		return lines(d.Variants, func(v api.Variant) string {
			return fmt.Sprintf("%s  %s  %s  %s", cell(v.Languages), cell(v.ABIs), cell(v.Platforms), cell(v.File))
		})
	}},
	{"PLATFORM", func(d api.Description) any { return imageIn(d).Platform }},
	{"TYPE", func(d api.Description) any { return imageIn(d).ArtifactType }},
	{"ENTRYPOINT", func(d api.Description) any { return wordsOf(imageIn(d).Entrypoint) }},
	{"COMMAND", func(d api.Description) any { return wordsOf(imageIn(d).Command) }},
	{"USER", func(d api.Description) any { return imageIn(d).User }},
	{"FOLDER", func(d api.Description) any { return imageIn(d).WorkingDir }},
	{"PORTS", func(d api.Description) any { return imageIn(d).Ports }},
	{"ENVIRONMENT", func(d api.Description) any { return lines(imageIn(d).Environment, variableLine) }},
	{"LABELS", func(d api.Description) any { return lines(imageIn(d).Labels, propertyLine) }},
	{"ANNOTATIONS", func(d api.Description) any { return lines(imageIn(d).Annotations, propertyLine) }},
	{"BASE", func(d api.Description) any {
		b := *cmp.Or(imageIn(d).Base, &api.Base{})
		return strings.Trim(b.Name+"@"+b.Digest, "@")
	}},
	{"LAYERS", func(d api.Description) any { return lines(imageIn(d).Steps, stepLine) }},
	{"PARTS", func(d api.Description) any { return lines(d.Parts, partLine) }},
}

// imageIn is the image of a description; empty where it is of something else.
func imageIn(d api.Description) api.Image { return *cmp.Or(d.Image, &api.Image{}) }

func wordsOf(words []string) any {
	if len(words) == 0 {
		return nil
	}
	return strings.Join(words, " ")
}

func propertyLine(p api.Property) string { return cell(p.Name) + "=" + cell(p.Value) }

func dependencyLine(d api.Dependency) string {
	line := strings.TrimSuffix(cell(d.Name)+" "+d.Requirement, " ")
	for _, word := range []string{d.Scope, d.Note} {
		if word != "" {
			line += " (" + word + ")"
		}
	}
	if d.Optional {
		line += " (optional)"
	}
	return command.Clean(line)
}

func scriptLine(s api.Script) string {
	line := cell(s.Name) + ": " + cell(s.Command)
	if s.Installs {
		line += "  (runs at install)"
	}
	return line
}

func variableLine(v api.Variable) string {
	if v.Masked {
		return cell(v.Name) + "=(left out)"
	}
	return cell(v.Name) + "=" + command.Clean(v.Value)
}

func stepLine(s api.Step) string {
	return fmt.Sprintf("%-12s  %10d  %s", picture{}.digest(s.Digest), s.Size, command.Clean(s.Command))
}

func partLine(p api.Part) string {
	line := fmt.Sprintf("%s  %s", cell(p.Version), cell(cmp.Or(p.Platform, p.ArtifactType)))
	if !p.Here {
		line += "  not here"
	}
	return line
}

func (c commands) versionDescribeCmd(f *Flags) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "describe REPO FORMAT PACKAGE VERSION", Short: "Show what a version says of itself: dependencies, scripts, the configuration and layers of an image", Args: command.Exactly(4),
		Example: `  slipway version describe main npm @acme/web 1.4.2
  slipway version describe main oci team/app 1.0`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.Description, error) {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return api.Description{}, err
				}
				return cl.Describe(ctx, packageOf(args), version, asOf)
			}, func(d api.Description) error {
				said := slices.DeleteFunc(slices.Clone(describeColumns), func(c column[api.Description]) bool { return cell(c.value(d)) == "-" })
				return printItem(c.Stdout, c.Screen(f.wide), d, said)
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", asOfHelp)
	return cmd
}

// attachedItem is a referrer in a list, with its depth in the tree.
type attachedItem struct {
	api.Referrer
	depth int
}

var referrerColumns = []column[attachedItem]{
	{"KIND", func(r attachedItem) any { return strings.Repeat("  ", r.depth) + r.Kind }},
	{"TYPE", func(r attachedItem) any { return r.ArtifactType }},
	{"VERSION", func(r attachedItem) any { return versionText(r.Version) }},
	{"SIZE", func(r attachedItem) any { return r.Size }},
	{"PUBLISHED", func(r attachedItem) any { return when(r.PublishedAt) }},
	{"BY", func(r attachedItem) any { return r.PublishedBy }},
	{onlyWide("TAG"), func(r attachedItem) any { return r.Tag }},
}

// flat are the items of a tree in the order of reading.
func flat(list []api.Referrer, depth int) (out []attachedItem) {
	for _, r := range list {
		out = append(append(out, attachedItem{r, depth}), flat(r.Referrers, depth+1)...)
	}
	return out
}

func (c commands) versionReferrersCmd(f *Flags) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "referrers REPO FORMAT PACKAGE VERSION", Short: "Show what belongs to a version: signatures, SBOMs, attestations", Args: command.Exactly(4),
		Long: `Show what belongs to a version, as far as it is on the server: by the subject that it names, and by the tags of cosign. The server has not
looked at whether a signature is right, and whose it is.`,
		Example: "  slipway version referrers main oci team/app 1.0",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.Referrers, error) {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return api.Referrers{}, err
				}
				return cl.Referrers(ctx, packageOf(args), version, asOf)
			}, func(r api.Referrers) error {
				return printList(c.Stdout, c.Screen(f.wide), flat(r.Items, 0), referrerColumns)
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", asOfHelp)
	return cmd
}

func (c commands) versionReadmeCmd(f *Flags) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "readme REPO FORMAT PACKAGE VERSION", Short: "Print what the publishers wrote for the readers of a version", Args: command.Exactly(4),
		Example: "  slipway version readme main npm @acme/web 1.4.2",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.Readme, error) {
				version, err := resolve(ctx, cl, packageOf(args), args[3])
				if err != nil {
					return api.Readme{}, err
				}
				return cl.Readme(ctx, packageOf(args), version, asOf)
			}, func(r api.Readme) error {
				for line := range strings.Lines(r.Text) {
					if _, err := fmt.Fprintln(c.Stdout, command.Clean(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    "))); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", asOfHelp)
	return cmd
}
