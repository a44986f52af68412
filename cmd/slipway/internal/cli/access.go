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
  slipway access why jane tag main --tag production`, c.accessWhoCmd(&f), c.accessWhyCmd(&f))
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
		switch parts[i] = permissionText(p); r.Ownership {
		case "owner":
			parts[i] = "owner of " + command.Clean(p.Environment)
		case "no_owner":
			parts[i] = command.Clean(p.Environment) + " has no owner"
		}
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

// moreWho are the flags that ask about more than an action in one place.
type moreWho struct{ tag, format, repository string }

func (m *moreWho) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.tag, "tag", "", "with the action tag: who may move this tag of the repository, by its rules and the environments that follow it")
	cmd.Flags().StringVar(&m.format, "format", "", "with --tag: the format of the packages; else the strictest answer of all formats")
	cmd.Flags().StringVar(&m.repository, "repository", "", "with the action deploy and an environment: who may deploy versions of this repository there")
}

// query is whoQuery with the flags.
func (m *moreWho) query(action, on string) (client.WhoQuery, error) {
	q := whoQuery(action, on)
	switch {
	case m.tag != "" && (q.Action != api.ActionTag || q.Environment != ""):
		return q, command.Usagef("--tag asks who may move a tag: slipway access who tag REPOSITORY --tag TAG")
	case m.format != "" && m.tag == "":
		return q, command.Usagef("--format goes with --tag")
	case m.repository != "" && (q.Action != api.ActionDeploy || q.Environment == ""):
		return q, command.Usagef("--repository asks who may deploy its versions: slipway access who deploy env/ENVIRONMENT --repository REPOSITORY")
	case m.repository != "":
		q.Repository = m.repository
	}
	q.Tag, q.Format = m.tag, m.format
	return q, nil
}

// guardText says what keeps a tag where it is.
func guardText(g api.TagGuard) string {
	var why []string
	if g.Rule != "" {
		why = append(why, fmt.Sprintf("the tag rule %s=%s", command.Clean(g.Pattern), command.Clean(g.Rule)))
	}
	for _, e := range g.FollowedBy {
		why = append(why, "environment "+command.Clean(e)+" follows it")
	}
	text := fmt.Sprintf("The tag %s of repository %s", command.Clean(g.Tag), command.Clean(g.Repository))
	rights := make([]string, len(g.MovedWith))
	for i, a := range g.MovedWith {
		rights[i] = command.Clean(string(a))
	}
	switch {
	case g.Rule == immutable:
		return text + " is not moved while its rule stands; to change that needs admin: " + strings.Join(why, ", ") + "."
	case len(why) == 0:
		return text + " is free: no rule protects it and no environment follows it. Moved with " + strings.Join(rights, " or ") + "."
	}
	return text + " is moved with " + strings.Join(rights, " or ") + ": " + strings.Join(why, ", ") + "."
}

const immutable = "immutable"

// explainTag prints, above a table, what keeps the tag that is asked about.
func (c commands) explainTag(cmd *cobra.Command, f *Flags, q client.WhoQuery) error {
	if q.Tag == "" {
		return nil
	}
	cl, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	g, err := cl.TagGuard(cmd.Context(), q.Repository, q.Format, q.Tag)
	if err == nil {
		_, err = fmt.Fprintln(c.Stdout, guardText(g))
	}
	return err
}

func (c commands) accessWhoCmd(f *Flags) *cobra.Command {
	var more moreWho
	cmd := &cobra.Command{
		Use: "who ACTION REPOSITORY|env/ENVIRONMENT|*", Short: "List who may do something: users, service accounts and their tokens", Args: command.Exactly(2),
		Long: `List who may do something, and the permissions that say so: the user's own, or those of a group. The owner of an environment
needs none. A token is listed below its user; it may do what its own permissions and its user's both allow. For administrators
and auditors of the server, or of the repository or environment; "*" is the server itself.

To deploy needs the right deploy in the environment and in the repository of the version: --repository asks for both.`,
		Example: `  slipway access who tag main
  slipway access who tag main --tag production
  slipway access who deploy env/prod --repository main
  slipway access who admin '*'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := more.query(args[0], args[1])
			if err != nil {
				return err
			}
			return c.holders(cmd, f, q, func(all []api.Holder) error {
				var rows []holderRow
				for _, h := range all {
					rows = append(rows, rowsOf(h)...)
				}
				if err := c.explainTag(cmd, f, q); err != nil {
					return err
				}
				return printList(c.Stdout, c.Screen(f.wide), rows, holderColumns)
			})
		},
	}
	more.add(cmd)
	return cmd
}

func (c commands) accessWhyCmd(f *Flags) *cobra.Command {
	var more moreWho
	cmd := &cobra.Command{
		Use: "why USER ACTION REPOSITORY|env/ENVIRONMENT|*", Short: "Show why a user may do something, or that it may not", Args: command.Exactly(3),
		Long: "Show the permissions by which a user may do something, and the user's tokens that may do it too. The exit code is 1 where it may not.",
		Example: `  slipway access why jane tag main --tag production
  slipway access why deploy-bot deploy env/prod --repository main`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := more.query(args[1], args[2])
			if err != nil {
				return err
			}
			q.User = args[0]
			return c.holders(cmd, f, q, func(all []api.Holder) error {
				if err := c.explainTag(cmd, f, q); err != nil {
					return err
				}
				if len(all) == 0 {
					what := args[1]
					if q.Tag != "" {
						what = "move the tag " + q.Tag
					}
					return fmt.Errorf("%s may not %s in %s", command.Clean(args[0]), command.Clean(what), command.Clean(args[2]))
				}
				return printList(c.Stdout, c.Screen(f.wide), rowsOf(all[0]), holderColumns)
			})
		},
	}
	more.add(cmd)
	return cmd
}
