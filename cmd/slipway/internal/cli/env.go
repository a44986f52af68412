package cli

import (
	"encoding/json"
	"fmt"
	"net/http"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var environmentColumns = []column{field("NAME", "name"), field("TAG", "tag"), field("DESCRIPTION", "description"), field("CREATED", "created_at")}

func (c commands) envCmd() *cobra.Command {
	var f Flags
	g := c.Group("env", "Make, list, look at and remove environments: what runs where, now and in the past", `  slipway env create prod --tag production
  slipway env show prod
  slipway env show prod --as-of 2026-01-31T12:00:00Z`,
		c.envCreateCmd(&f), c.envListCmd(&f), c.envShowCmd(&f), c.envHistoryCmd(&f), c.envStopCmd(&f), c.envRemoveCmd(&f))
	f.Add(g)
	return g
}

func (c commands) envCreateCmd(f *Flags) *cobra.Command {
	var description, tag string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an environment; the first report of a deployment makes one too", Args: command.Exactly(1),
		Example: `  slipway env create prod --tag production --description "what customers use"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, request{method: http.MethodPost, path: "/environments",
				body: map[string]any{"name": args[0], "description": description, "tag": tag}}, environmentColumns...)
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringVar(&tag, "tag", "", "the tag that says what is wanted there")
	return cmd
}

func (c commands) envListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the environments", Example: "  slipway env ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.list(cmd, f, "/environments", nil, environmentColumns...)
		},
	}
}

func (c commands) envShowCmd(f *Flags) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show what is wanted, recorded and running in an environment, now or at a past moment", Args: command.Exactly(1),
		Example: `  slipway env show prod
  slipway env show prod --as-of 2026-01-31T12:00:00Z
  slipway env show prod --as-of seq:1042 --output json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(f)
			if err != nil {
				return err
			}
			var raw json.RawMessage
			if err := cl.get(cmd.Context(), segments("environments", args[0]), queryOf("as_of", asOf), &raw); err != nil {
				return err
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, raw)
			}
			var state struct{ Services []json.RawMessage }
			if err := json.Unmarshal(raw, &state); err != nil {
				return err
			}
			return printList(c.Stdout, f.output, state.Services, []column{field("SERVICE", "service"), inner("RUNNING", "running", "purl"),
				inner("SINCE", "running", "since"), inner("LAST REPORT", "recorded", "status"), inner("OF", "recorded", "purl"),
				inner("AT", "recorded", "at"), inner("WANTED", "wanted", "purl"), field("DRIFT", "drift")})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "RFC 3339 time, or seq:N for a sequence number of the log")
	return cmd
}

// inner shows a member of an object in an item.
func inner(title, object, key string) column {
	return column{title, func(item map[string]any) string {
		o, _ := item[object].(map[string]any)
		return cell(o[key])
	}}
}

func (c commands) envHistoryCmd(f *Flags) *cobra.Command {
	var service string
	cmd := &cobra.Command{
		Use: "history NAME", Short: "List what ran in an environment, newest first", Args: command.Exactly(1),
		Example: "  slipway env history prod --service web",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.list(cmd, f, segments("environments", args[0], "history"), queryOf("service", service), field("SERVICE", "service"),
				field("PURL", "purl"), field("SINCE", "since"), field("UNTIL", "until"), field("DEPLOYMENT", "deployment"))
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "only of this service")
	return cmd
}

func (c commands) envStopCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "stop NAME SERVICE", Short: "Note that a service runs nothing any more", Example: "  slipway env stop prod web", Args: command.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, request{method: http.MethodDelete, path: segments("environments", args[0], "services", args[1])},
				fmt.Sprintf("%s runs nothing in %s any more", args[1], args[0]))
		},
	}
}

func (c commands) envRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove an environment; its past can still be asked for", Example: "  slipway env rm staging", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, request{method: http.MethodDelete, path: segments("environments", args[0])}, "Removed environment "+args[0])
		},
	}
}
