package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands makes the commands of this package.
type commands struct {
	*command.Program
	Options
}

// Options are what the commands need from the rest of the program.
type Options struct {
	// OnMachine makes a UserTool for a command that can also work without a server.
	OnMachine func() UserTool
	// EventTypes are the types of events, and the globs over them, that shells complete.
	EventTypes []string
	// Formats are the formats of packages, which shells complete.
	Formats []string
}

// UserTool changes users without a server, on the server's machine; the flags that it adds say where the stores are.
type UserTool interface {
	AddFlags(fs *pflag.FlagSet)
	// Chosen reports whether the flags ask for it.
	Chosen(fs *pflag.FlagSet) bool
	SetPassword(cmd *cobra.Command, name, password string) error
	Enable(cmd *cobra.Command, name string) error
}

// Commands returns the commands that talk to a server.
func Commands(p *command.Program, o Options) []*cobra.Command {
	c := commands{p, o}
	list := []*cobra.Command{c.healthCmd(), c.loginCmd(), c.logoutCmd(), c.whoamiCmd(), c.tokenCmd(), c.sessionCmd(), c.storageCmd(), c.userCmd(), c.groupCmd(), c.roleCmd(), c.accessCmd(),
		c.repoCmd(), c.upstreamCmd(), c.cacheCmd(), c.mirrorCmd(), c.claimCmd(), c.ruleCmd(), c.originCmd(), c.resolveCmd(), c.promoteCmd(), c.packageCmd(), c.versionCmd(), c.tagCmd(), c.pullCmd(), c.publishCmd(), c.deployCmd(), c.envCmd(), c.queryCmd(), c.eventsCmd(),
		c.subscriptionCmd(), c.logCmd(), c.whyCmd(), c.serverCmd(), c.clusterCmd()}
	c.completeAll(list)
	return list
}

// list fetches and prints a whole list.
func list[T any](c commands, cmd *cobra.Command, f *Flags, columns []column[T], call func(context.Context, *client.Client) iter.Seq2[T, error]) error {
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	items, raw := []T{}, []json.RawMessage{}
	ctx := client.WithRaw(cmd.Context(), func(item json.RawMessage) { raw = append(raw, item) })
	for item, err := range call(ctx, cl.Client) {
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	if f.output == command.JSON {
		return command.PrintJSON(c.Stdout, raw)
	}
	return printList(c.Stdout, c.Screen(f.wide), items, columns)
}

// show makes a call and prints the object that it returns.
func show[T any](c commands, cmd *cobra.Command, f *Flags, columns []column[T], call func(context.Context, *client.Client) (T, error)) error {
	return ask(c, cmd, f, call, func(item T) error { return printItem(c.Stdout, c.Screen(f.wide), item, columns) })
}

// ask makes a call, and prints its answer as JSON if that is wanted, else by table.
func ask[T any](c commands, cmd *cobra.Command, f *Flags, call func(context.Context, *client.Client) (T, error), table func(T) error) error {
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	item, err := call(client.WithRaw(cmd.Context(), func(answer json.RawMessage) { raw = answer }), cl.Client)
	if err != nil {
		return err
	}
	if f.output == command.JSON {
		return command.PrintJSON(c.Stdout, raw)
	}
	return table(item)
}

// do makes a call without an answer and prints what was done; with JSON output nothing is printed.
func (c commands) do(cmd *cobra.Command, f *Flags, done string, call func(context.Context, *client.Client) error) error {
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	if err := call(cmd.Context(), cl.Client); err != nil || f.output == command.JSON {
		return err
	}
	_, err = fmt.Fprintln(c.Stdout, command.Clean(done))
	return err
}
