package cli

import (
	"encoding/json"
	"fmt"
	"net/url"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands makes the commands of this package.
type commands struct {
	*command.Program
	Options
}

// Options is what the commands leave to the rest of the program.
type Options struct {
	// OnMachine makes a UserTool for a command that may do without a server.
	OnMachine func() UserTool
	// EventTypes are the types of events, and the globs over them, that shells complete.
	EventTypes []string
}

// UserTool changes users without a server, on its machine, where the flags that it adds say where that is.
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
	return []*cobra.Command{c.healthCmd(), c.loginCmd(), c.logoutCmd(), c.tokenCmd(), c.userCmd(),
		c.repoCmd(), c.packageCmd(), c.versionCmd(), c.tagCmd(), c.pullCmd(), c.deployCmd(), c.envCmd(), c.queryCmd(), c.eventsCmd(),
		c.subscriptionCmd(), c.logCmd()}
}

// list fetches and prints a whole list.
func (c commands) list(cmd *cobra.Command, f *Flags, path string, query url.Values, columns ...column) error {
	cl, err := c.client(f)
	if err != nil {
		return err
	}
	items, err := cl.all(cmd.Context(), path, query)
	if err != nil {
		return err
	}
	return printList(c.Stdout, f.output, items, columns)
}

// show makes a call and prints the object that it answers.
func (c commands) show(cmd *cobra.Command, f *Flags, rq request, columns ...column) error {
	cl, err := c.client(f)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := cl.call(cmd.Context(), rq, &raw); err != nil {
		return err
	}
	return printItem(c.Stdout, f.output, raw, columns)
}

// do makes a call that answers nothing and prints what was done; as JSON, nothing is printed.
func (c commands) do(cmd *cobra.Command, f *Flags, rq request, done string) error {
	cl, err := c.client(f)
	if err != nil {
		return err
	}
	if err := cl.call(cmd.Context(), rq, nil); err != nil || f.output == command.JSON {
		return err
	}
	_, err = fmt.Fprintln(c.Stdout, command.Clean(done))
	return err
}

// queryOf makes a query of key, value, key, value…; empty values are left out.
func queryOf(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
