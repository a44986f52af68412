package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

func (c commands) accessCmd() *cobra.Command {
	var f Flags
	g := c.Group("access", "Show who may do what, and why", `  slipway access who tag main
  slipway access who deploy env/prod
  slipway access why jane tag main`, c.accessWhoCmd(&f), c.accessWhyCmd(&f))
	f.Add(g)
	return g
}

// holderRow is a user, or a token of it, in the table of those who may do something.
type holderRow struct {
	who, kind string
	because   []api.Reason
}

var holderColumns = []column[holderRow]{
	{"WHO", func(r holderRow) any { return block{r.who} }},
	{"KIND", func(r holderRow) any { return r.kind }},
	{"ALLOWED BY", func(r holderRow) any { return block{reasonsText(r.because)} }},
}

// reasonsText lists permissions with the group that they come from.
func reasonsText(reasons []api.Reason) string {
	parts := make([]string, len(reasons))
	for i, r := range reasons {
		p := r.Permission
		if p.Role != "" {
			p.Actions = nil // the role says them
		}
		parts[i] = permissionText(p)
		if r.Group != "" {
			parts[i] += " of group " + command.Clean(r.Group)
		}
	}
	return strings.Join(parts, ", ")
}

// rowsOf are the rows of a user: itself, and its tokens below.
func rowsOf(h api.Holder) []holderRow {
	name, kind := command.Clean(h.User), h.Kind
	if h.User == "" {
		name, kind = "(everybody)", "anonymous"
	}
	rows := []holderRow{{name, kind, h.Because}}
	for _, t := range h.Tokens {
		kind := "token"
		if t.Kind == sessionKind {
			kind = "login"
		}
		rows = append(rows, holderRow{"└ token " + command.Clean(t.ID) + " " + command.Clean(t.Name), kind, t.Because})
	}
	return rows
}

// whoQuery asks about a repository, "env/ENVIRONMENT", or "*" for the server.
func whoQuery(action, on string) client.WhoQuery {
	p, _ := permissionOn(on)
	return client.WhoQuery{Action: api.Action(action), Repository: p.Repository, Environment: p.Environment}
}

// holders asks, and prints the answer as JSON or by table.
func (c commands) holders(cmd *cobra.Command, f *Flags, q client.WhoQuery, table func([]api.Holder) error) error {
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	var all []api.Holder
	raw := []json.RawMessage{}
	ctx := client.WithRaw(cmd.Context(), func(item json.RawMessage) { raw = append(raw, item) })
	for h, err := range cl.WhoMay(ctx, q) {
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	if f.output == command.JSON {
		return command.PrintJSON(c.Stdout, raw)
	}
	return table(all)
}

func (c commands) accessWhoCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "who ACTION REPOSITORY|env/ENVIRONMENT|*", Short: "List who may do something: users, service accounts and their tokens", Args: command.Exactly(2),
		Long: `List who may do something, and the permissions that say so: the user's own, or those of a group. A token is listed below its
user; it may do what its own permissions and its user's both allow. For administrators and auditors of the server, or of
the repository or environment; "*" is the server itself.`,
		Example: `  slipway access who tag main
  slipway access who deploy env/prod
  slipway access who admin '*'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.holders(cmd, f, whoQuery(args[0], args[1]), func(all []api.Holder) error {
				var rows []holderRow
				for _, h := range all {
					rows = append(rows, rowsOf(h)...)
				}
				return printList(c.Stdout, c.Screen(f.wide), rows, holderColumns)
			})
		},
	}
}

func (c commands) accessWhyCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "why USER ACTION REPOSITORY|env/ENVIRONMENT|*", Short: "Show why a user may do something, or that it may not", Args: command.Exactly(3),
		Long: "Show the permissions by which a user may do something, and the user's tokens that may do it too. The exit code is 1 where it may not.",
		Example: `  slipway access why jane tag main
  slipway access why deploy-bot deploy env/prod`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q := whoQuery(args[1], args[2])
			q.User = args[0]
			return c.holders(cmd, f, q, func(all []api.Holder) error {
				if len(all) == 0 {
					return fmt.Errorf("%s may not %s in %s", command.Clean(args[0]), command.Clean(args[1]), command.Clean(args[2]))
				}
				return printList(c.Stdout, c.Screen(f.wide), rowsOf(all[0]), holderColumns)
			})
		},
	}
}
