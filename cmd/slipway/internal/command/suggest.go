package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Nearest returns the candidate that a misspelt word most likely stands for; "" where none is near.
func Nearest(word string, candidates []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if len(word) > 1 && strings.HasPrefix(c, word) {
			d = min(d, 1)
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, replace or swap with their neighbour until a is b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// DidYouMean is the end of an error about a misspelt word; "" where no candidate is near.
func DidYouMean(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// unknownCommand is the error for a word that is no subcommand of cmd.
func unknownCommand(cmd *cobra.Command, word string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(append(names, sub.Name()), sub.Aliases...)
		}
	}
	return Usagef("unknown command %q for %q%s; see '%s --help'", word, cmd.CommandPath(), strings.TrimSuffix(DidYouMean(word, names), "?"), cmd.CommandPath())
}

// flagError describes a wrong flag or flag value without the parser's own wording. When the words before the flag name no
// command, that is what is wrong.
func (p *Program) flagError(cmd *cobra.Command, err error) error {
	if word := p.wordAfter(cmd); word != "" && cmd.HasSubCommands() {
		return unknownCommand(cmd, word)
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		near := Nearest(unknown.GetSpecifiedName(), names)
		if near != "" {
			near = fmt.Sprintf("; did you mean --%s?", near)
		}
		return fmt.Errorf("%w%s", err, near)
	}
	var e *pflag.InvalidValueError
	if !errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("--%s: %w", e.GetFlag().Name, ValueError(e.GetFlag(), e.GetValue(), e.Unwrap()))
}

// wordAfter is the first argument behind the words that name a command; "" where only flags follow.
func (p *Program) wordAfter(cmd *cobra.Command) string {
	_, rest, _ := cmd.Root().Find(p.args) // what it did not find is what follows
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case arg == "--":
			return ""
		case !strings.HasPrefix(arg, "-"):
			return arg
		case strings.Contains(arg, "="):
		default:
			if f := cmd.Flags().Lookup(strings.TrimLeft(arg, "-")); f != nil && f.NoOptDefVal == "" {
				i++ // its value
			}
		}
	}
	return ""
}

// enum is the value of a flag that takes one of some words.
type enum struct {
	value *string
	words []string
}

func (e *enum) Set(s string) error {
	if !slices.Contains(e.words, s) {
		return fmt.Errorf("%q is none of %s%s", s, strings.Join(e.words, ", "), DidYouMean(s, e.words))
	}
	*e.value = s
	return nil
}

func (e *enum) String() string { return *e.value }

func (*enum) Type() string { return "word" }

// EnumFlag adds a flag to a command's flags that takes one of some words, which shells complete. otherwise is its value
// when it is not given, and need not be one of them.
func EnumFlag(cmd *cobra.Command, fs *pflag.FlagSet, value *string, name, short, otherwise, usage string, words ...string) {
	*value = otherwise
	fs.VarP(&enum{value, words}, name, short, usage)
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was added to another command: a programming error that any test finds
	}
}

// queryWords marks commands whose arguments may begin with a dash.
const queryWords = "slipway-query-words"

// TakesDashes makes arguments of cmd that begin with a dash and are no flag of it arguments all the same: in
// "slipway query -has:commit" the dash is a part of the query.
func TakesDashes(cmd *cobra.Command) {
	cmd.Annotations = map[string]string{queryWords: "true"}
}

// dashes moves arguments that only look like flags behind "--".
func dashes(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd.Annotations[queryWords] == "" {
		return args
	}
	var before, behind []string
	for i, arg := range args {
		if arg == "--" {
			behind = append(behind, args[i+1:]...)
			break
		}
		if dashWord(cmd, arg) {
			behind = append(behind, arg)
		} else {
			before = append(before, arg)
		}
	}
	if len(behind) == 0 {
		return before
	}
	return append(append(before, "--"), behind...)
}

func dashWord(cmd *cobra.Command, arg string) bool {
	if len(arg) < 2 || arg[0] != '-' || arg[1] == '-' {
		return false
	}
	cmd.InitDefaultHelpFlag()
	known := cmd.Flags().ShorthandLookup(arg[1:2]) != nil || cmd.InheritedFlags().ShorthandLookup(arg[1:2]) != nil
	return !known || strings.ContainsAny(arg, `:( "`)
}
