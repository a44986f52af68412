package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// described reports whether a command belongs into the reference.
func described(cmd *cobra.Command) bool {
	return cmd.IsAvailableCommand() && cmd.Name() != "help" && cmd.Name() != "completion"
}

// walk calls fn for a command and all below it, in the order of their names.
func walk(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, sub := range cmd.Commands() {
		if described(sub) {
			walk(sub, fn)
		}
	}
}

// options are the flags of a command: its own, and those of the commands above it.
func options(cmd *cobra.Command) []*pflag.Flag {
	out := ownOptions(cmd)
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { out = append(out, f) })
	return out
}

// ownOptions are the flags of a command that are not those of a command above it.
func ownOptions(cmd *cobra.Command) []*pflag.Flag {
	var out []*pflag.Flag
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && f.Name != "version" {
			out = append(out, f)
		}
	})
	return out
}

// optionText is a flag as it is written, and what it does.
func optionText(f *pflag.Flag) (name, usage string) {
	kind, usage := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if kind != "" {
		name += " " + kind
	}
	switch f.DefValue {
	case "", "false", "[]", "0", "0s":
	default:
		if !strings.Contains(usage, "default") {
			usage += fmt.Sprintf(" (default: %s)", f.DefValue)
		}
	}
	return name, usage
}

const referenceHead = `# The command line

Every command of this program, made from its own help by ` + "`slipway reference`" + `. ` + "`slipway man DIR`" + ` writes the same as man pages, and ` + "`slipway completion bash|zsh|fish`" + `
prints a script with which the shell completes commands, flags, and what the server has: repositories, packages, versions, tags, environments.

Exit codes: 0 done, 1 failed, 2 wrong usage; 130 interrupted by Ctrl-C, 143 ended by SIGTERM. Results go to standard output, everything else to standard error. With ` + "`-o json`" + `
the answer of the server is printed as it came. On a terminal, tables fit 80 columns, with short digests, relative times and colours (not with ` + "`NO_COLOR`" + `);
` + "`--wide`" + ` shows everything. A day (` + "`2026-01-31`" + `) stands for a time wherever one is asked for.

Commands that talk to a server also have ` + "`--server URL`" + ` (else ` + "`SLIPWAY_SERVER`" + `, else that of the latest ` + "`slipway login`" + `), ` + "`--token`" + ` (else ` + "`SLIPWAY_TOKEN`" + `, else that of the
login), ` + "`-o, --output table|json`" + ` and ` + "`--wide`" + `.
`

// Reference is the reference of all commands, in Markdown.
func Reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(referenceHead)
	walk(root, func(cmd *cobra.Command) {
		if cmd == root {
			return
		}
		level := strings.Repeat("#", min(1+strings.Count(cmd.CommandPath(), " "), 4))
		fmt.Fprintf(&b, "\n%s %s\n\n%s.\n", level, cmd.CommandPath(), strings.TrimSuffix(cmd.Short, "."))
		if cmd.Long != "" {
			fmt.Fprintf(&b, "\n```text\n%s\n```\n", strings.TrimSpace(cmd.Long))
		}
		if cmd.HasAvailableSubCommands() && !cmd.Flags().HasAvailableFlags() {
			return // the commands below say it all
		}
		fmt.Fprintf(&b, "\n```text\n%s\n", cmd.UseLine())
		for _, f := range ownOptions(cmd) {
			name, usage := optionText(f)
			fmt.Fprintf(&b, "  %-28s %s\n", name, usage)
		}
		fmt.Fprintf(&b, "\nExamples:\n%s\n```\n", strings.TrimRight(cmd.Example, "\n"))
	})
	return b.String()
}

// roff makes text safe for a man page.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// manName is the name of a command's page.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// ManPage is the man page of a command, in section 1.
func ManPage(cmd *cobra.Command, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 \"\" %q \"Slipway\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(manName(cmd)), "Slipway "+version, roff(manName(cmd)), roff(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(cmd.UseLine()))
	if cmd.Long != "" {
		fmt.Fprintf(&b, ".SH DESCRIPTION\n.nf\n%s\n.fi\n", roff(strings.TrimSpace(cmd.Long)))
	}
	if flags := options(cmd); len(flags) > 0 {
		b.WriteString(".SH OPTIONS\n")
		for _, f := range flags {
			name, usage := optionText(f)
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(name), roff(usage))
		}
	}
	fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(strings.TrimRight(cmd.Example, "\n")))
	b.WriteString(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage; 130 interrupted by Ctrl\\-C, 143 ended by SIGTERM.\n")
	var also []string
	if cmd.HasParent() {
		also = append(also, manName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if described(sub) {
			also = append(also, manName(sub))
		}
	}
	for i, name := range also {
		also[i] = fmt.Sprintf(".BR %s (1)", roff(name))
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(also, ",\n"))
	return b.String()
}

// ReferenceCmd prints the reference of all commands below root.
func (p *Program) ReferenceCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		DisableFlagsInUseLine: true, // that it has --help is known only while it runs
		Use:                   "reference", Short: "Print the reference of all commands, in Markdown", Example: "  slipway reference > cli.md", Args: Exactly(0),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(p.Stdout, Reference(root))
			return err
		},
	}
}

// ManCmd writes the man pages of all commands below root.
func (p *Program) ManCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write a man page for every command into a directory", Args: Exactly(1),
		Example: `  slipway man /usr/local/share/man/man1
  slipway man . && man ./slipway-tag-set.1`,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			version, _ := p.Version()
			n := 0
			var failed error
			walk(root, func(cmd *cobra.Command) {
				if failed == nil {
					failed = os.WriteFile(filepath.Join(args[0], manName(cmd)+".1"), []byte(ManPage(cmd, version)), 0o666)
					n++
				}
			})
			if failed != nil {
				return failed
			}
			_, err := fmt.Fprintf(p.Stdout, "%d pages in %s\n", n, Clean(args[0]))
			return err
		},
	}
}
