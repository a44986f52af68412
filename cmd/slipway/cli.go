package main

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
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is what every command shares: the streams and the environment of the process.
type cli struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	env     func(string) string
	started bool // a command's own code runs: what fails from here on is no wrong usage by itself
}

// usageError makes the exit code 2: the command or its configuration can't be used as given.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	c := &cli{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var usage *usageError
	code := exitFailed
	if !c.started || errors.As(err, &usage) {
		code = exitUsage
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "slipway: %v\n", oneLine(err.Error()))
	}
	return code
}

// errReported fails a command that has said why already.
var errReported = errors.New("failed")

func oneLine(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ") }

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "slipway",
		Short: "Keep, find, prove and deploy every version of everything you build",
		Long: `Slipway keeps every version of everything a team builds: npm, Python and Maven packages, OCI images and plain files.

"slipway serve" runs the server; it needs no configuration. The other commands talk to a server (--server, or
SLIPWAY_SERVER), as the token of --token, SLIPWAY_TOKEN or "slipway login" may. "slipway fsck" and "slipway gc" work on
the data directory of a server that does not run, "slipway backup" also beside one that does.

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
		Example: `  slipway serve
  slipway login --user admin
  slipway token create ci --allow main:read,publish
  slipway tag set main npm @acme/web production 1.4.2 --reason "release 12"
  slipway events tail`,
		SilenceErrors: true, SilenceUsage: true,
		Args: subcommandOnly, RunE: c.help,
		PersistentPreRun: func(*cobra.Command, []string) { c.started = true },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{flagError(err)} })
	root.SetHelpCommand(c.helpCmd(root))
	root.AddCommand(c.serveCmd(), c.healthCmd(), c.fsckCmd(), c.gcCmd(), c.backupCmd(), c.restoreCmd(),
		c.loginCmd(), c.logoutCmd(), c.tokenCmd(), c.userCmd(),
		c.repoCmd(), c.packageCmd(), c.versionCmd(), c.tagCmd(), c.pullCmd(), c.deployCmd(), c.envCmd(), c.queryCmd(), c.eventsCmd(), c.subscriptionCmd(), c.logCmd(), c.benchCmd())
	return root
}

// group is a command that only holds others.
func (c *cli) group(use, short, example string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Example: example, Args: subcommandOnly, RunE: c.help, DisableFlagsInUseLine: true}
	g.AddCommand(subs...)
	return g
}

// helpCmd is cobra's, but refuses what is no command.
func (c *cli) helpCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about any command", Example: "  slipway help tag set",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil {
				return &usageError{err}
			}
			if err := subcommandOnly(cmd, rest); err != nil {
				return err
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// subcommandOnly refuses what is no subcommand; cobra alone would print help and call it done.
func subcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command %q for %q; see '%s --help'", args[0], cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

// help answers a group without a subcommand.
func (c *cli) help(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(c.stderr)
	if err := cmd.Help(); err != nil {
		return err
	}
	return &usageError{errReported}
}

// exactly requires the arguments that the usage line names.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
		switch {
		case len(args) == n:
			return nil
		case n == 0:
			return usagef("%s takes no arguments: %s", name, cmd.UseLine())
		case n == 1:
			return usagef("%s takes 1 argument, not %d: %s", name, len(args), cmd.UseLine())
		default:
			return usagef("%s takes %d arguments, not %d: %s", name, n, len(args), cmd.UseLine())
		}
	}
}

// flagError says what is wrong with a flag's value without the words of the parser.
func flagError(err error) error {
	var e *pflag.InvalidValueError
	if !errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("--%s: %w", e.GetFlag().Name, valueError(e.GetFlag(), e.GetValue(), e.Unwrap()))
}

// valueError says why a flag does not take a value.
func valueError(f *pflag.Flag, value string, cause error) error {
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
