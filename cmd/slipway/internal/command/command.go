package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes.
const (
	Done   = 0
	Failed = 1
	Usage  = 2
	// Interrupted is that of a command that SIGINT ended, as shells count it.
	Interrupted = 130
)

// Program is what every command shares: the streams, the environment, the user and the version of the process.
type Program struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Env    func(string) string
	// ConfigDir is where the user's configuration is, as os.UserConfigDir returns it.
	ConfigDir func() (string, error)
	// Environ is the whole environment, as os.Environ returns it; nil is none.
	Environ func() []string
	// BuildVersion is the version given to the build; "" when none was given.
	BuildVersion string
	// Terminal returns the width of the terminal that a stream is; ok is false for any other stream. nil asks the system.
	Terminal func(stream any) (columns int, ok bool)
	// BuildCommit is the commit given to the build, which is used where Go has noted none.
	BuildCommit string

	args    []string // of the command line
	started bool     // a command's own code runs: later errors are no usage errors unless they say so
}

// UsageError makes the exit code 2: the command line or the configuration is wrong.
type UsageError struct{ Err error }

// Error is the text of the cause.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError with this text.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Run executes a command line and returns the exit code. A command's error is printed to standard error, as one line.
func (p *Program) Run(ctx context.Context, root *cobra.Command, args []string) int {
	p.args = dashes(root, args)
	root.SetArgs(p.args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return Done
	}
	var usage *UsageError
	code := Failed
	switch {
	case errors.Is(err, ErrInterrupted):
		code = Interrupted
	case !p.started || errors.As(err, &usage):
		code = Usage
	}
	if !errors.Is(err, ErrReported) {
		fmt.Fprintf(p.Stderr, "slipway: %v\n", OneLine(err.Error()))
	}
	return code
}

// ErrReported fails a command that has already printed why.
var ErrReported = errors.New("failed")

// ErrInterrupted is the cause of the end of a command that SIGINT or SIGTERM stopped.
var ErrInterrupted = errors.New("interrupted")

// OneLine joins the lines of a text with semicolons.
func OneLine(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ") }

// Root completes the command that holds all others: help, errors and the mark that a command's own code runs.
func (p *Program) Root(root *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = p.VersionText()
	root.SetVersionTemplate("{{.Version}}\n")
	root.Args, root.RunE = SubcommandOnly, p.help
	root.PersistentPreRun = func(*cobra.Command, []string) { p.started = true }
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		err = p.flagError(cmd, err)
		var usage *UsageError
		if errors.As(err, &usage) {
			return err
		}
		return &UsageError{err}
	})
	root.SetHelpCommand(p.helpCmd(root))
	root.AddCommand(subs...)
	return root
}

// Group is a command that only holds others.
func (p *Program) Group(use, short, example string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Example: example, Args: SubcommandOnly, RunE: p.help, DisableFlagsInUseLine: true}
	g.AddCommand(subs...)
	return g
}

// helpCmd is cobra's, but refuses unknown commands.
func (p *Program) helpCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about any command", Example: "  slipway help tag set",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil {
				return &UsageError{err}
			}
			if err := SubcommandOnly(cmd, rest); err != nil {
				return err
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// SubcommandOnly refuses arguments of a command that takes none but its subcommands; cobra alone would print help and succeed.
func SubcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	return nil
}

// help handles a group that is called without a subcommand.
func (p *Program) help(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(p.Stderr)
	if err := cmd.Help(); err != nil {
		return err
	}
	return &UsageError{ErrReported}
}

// Exactly requires the n arguments that the usage line names.
func Exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
		switch {
		case len(args) == n:
			return nil
		case n == 0:
			return Usagef("%s takes no arguments: %s", name, cmd.UseLine())
		case n == 1:
			return Usagef("%s takes 1 argument, not %d: %s", name, len(args), cmd.UseLine())
		default:
			return Usagef("%s takes %d arguments, not %d: %s", name, n, len(args), cmd.UseLine())
		}
	}
}

// ValueError says why a flag does not take a value; cause is what its Set returned.
func ValueError(f *pflag.Flag, value string, cause error) error {
	switch f.Value.Type() {
	case "bool":
		return fmt.Errorf("%q is neither true nor false", value)
	case "duration":
		return fmt.Errorf("%q is not a duration such as 90m or 720h", value)
	case "int", "int64", "uint64":
		return fmt.Errorf("%q is not a number", value)
	default:
		return cause
	}
}
