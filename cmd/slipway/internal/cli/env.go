package cli

import (
	"context"
	"fmt"
	"iter"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var environmentColumns = []column[api.Environment]{
	{"NAME", func(e api.Environment) any { return e.Name }},
	{"TAG", func(e api.Environment) any { return e.Tag }},
	{"OWNER", func(e api.Environment) any { return e.Owner }},
	{"DESCRIPTION", func(e api.Environment) any { return e.Description }},
	{"CREATED", func(e api.Environment) any { return when(e.CreatedAt) }},
}

var serviceColumns = []column[api.ServiceState]{
	{"SERVICE", func(s api.ServiceState) any { return s.Service }},
	running("RUNS", func(r *api.Running) any { return shortPURL(r.PURL) }),
	running("SINCE", func(r *api.Running) any { return when(r.Since) }),
	running(onlyWide("RUNS BY"), func(r *api.Running) any { return r.By }),
	running(onlyWide("RUNS BECAUSE"), func(r *api.Running) any { return r.Reason }),
	recorded("LAST REPORT", func(r *api.Recorded) any { return state(r.Status) }),
	recorded(onlyWide("REASON"), func(r *api.Recorded) any { return r.Reason }),
	recorded(onlyWide("REPORTED VERSION"), func(r *api.Recorded) any { return r.PURL }),
	recorded(onlyWide("REPORTED AT"), func(r *api.Recorded) any { return when(r.At) }),
	{"WANTED", func(s api.ServiceState) any {
		if s.Wanted == nil {
			return nil
		}
		return versionText(s.Wanted.Version)
	}},
	{"DRIFT", func(s api.ServiceState) any {
		if s.Drift {
			return state("yes")
		}
		return "no"
	}},
}

// running shows a property of the running version, if any version runs.
func running(title string, value func(*api.Running) any) column[api.ServiceState] {
	return column[api.ServiceState]{title, func(s api.ServiceState) any {
		if s.Running == nil {
			return nil
		}
		return value(s.Running)
	}}
}

// recorded shows a property of the latest report, if there is a report.
func recorded(title string, value func(*api.Recorded) any) column[api.ServiceState] {
	return column[api.ServiceState]{title, func(s api.ServiceState) any {
		if s.Recorded == nil {
			return nil
		}
		return value(s.Recorded)
	}}
}

var runColumns = []column[api.Run]{
	{"SERVICE", func(r api.Run) any { return r.Service }},
	{"VERSION", func(r api.Run) any { return shortPURL(r.PURL) }},
	{"SINCE", func(r api.Run) any { return when(r.Since) }},
	{"UNTIL", func(r api.Run) any { return whenever(r.Until) }},
	{"BY", func(r api.Run) any { return r.By }},
	{"REASON", func(r api.Run) any { return r.Reason }},
	{onlyWide("DEPLOYMENT"), func(r api.Run) any { return r.Deployment }},
}

func (c commands) envCmd() *cobra.Command {
	var f Flags
	g := c.Group("env", "Make, list, look at and remove environments: what runs where, now and in the past", `  slipway env create prod --tag production
  slipway env set staging --tag beta
  slipway env show prod
  slipway env show prod --as-of 2026-01-31`,
		c.envCreateCmd(&f), c.envSetCmd(&f), c.envListCmd(&f), c.envShowCmd(&f), c.envHistoryCmd(&f), c.envStopCmd(&f), c.envRemoveCmd(&f))
	f.Add(g)
	return g
}

func (c commands) envCreateCmd(f *Flags) *cobra.Command {
	var description, tag string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an environment; the first report of a deployment makes one too", Args: command.Exactly(1),
		Example: `  slipway env create prod --tag production --description "what customers use"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, environmentColumns, func(ctx context.Context, cl *client.Client) (api.Environment, error) {
				return cl.CreateEnvironment(ctx, api.NewEnvironment{Name: args[0], Description: &description, Tag: &tag})
			})
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringVar(&tag, "tag", "", "the tag that names the wanted versions")
	return cmd
}

func (c commands) envSetCmd(f *Flags) *cobra.Command {
	var description, tag, owner string
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change an environment's tag, description or owner", Args: command.Exactly(1),
		Long: `Change an environment; what is not named stays. The tag names the versions that are wanted there: "slipway env show" then says
what is wanted, and whether something else runs. An empty tag says that nothing is. The owner decides who may deploy there; without
one, everybody may who may deploy at all.`,
		Example: `  slipway env set prod --tag production
  slipway env set prod --tag '' --description "what customers use"
  slipway env set prod --owner jane`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var change api.EnvironmentChange
			if cmd.Flags().Changed("description") {
				change.Description = &description
			}
			if cmd.Flags().Changed("tag") {
				change.Tag = &tag
			}
			if cmd.Flags().Changed("owner") {
				change.Owner = &owner
			}
			if change == (api.EnvironmentChange{}) {
				return command.Usagef("there is nothing to change: see '%s --help'", cmd.CommandPath())
			}
			return show(c, cmd, f, environmentColumns, func(ctx context.Context, cl *client.Client) (api.Environment, error) {
				return cl.ChangeEnvironment(ctx, args[0], change)
			})
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringVar(&tag, "tag", "", "the tag that names the wanted versions")
	cmd.Flags().StringVar(&owner, "owner", "", "the user who decides who may deploy there; empty: none")
	return cmd
}

func (c commands) envListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the environments", Example: "  slipway env ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, environmentColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Environment, error] {
				return cl.Environments(ctx, "")
			})
		},
	}
}

func (c commands) envShowCmd(f *Flags) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show what is wanted, recorded and running in an environment, now or at a past moment", Args: command.Exactly(1),
		Example: `  slipway env show prod
  slipway env show prod --as-of 2026-01-31
  slipway env show prod --as-of seq:1042 --output json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.EnvironmentState, error) {
				return cl.Environment(ctx, args[0], asOf)
			}, func(state api.EnvironmentState) error {
				return printList(c.Stdout, c.Screen(f.wide), state.Services, serviceColumns)
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", asOfHelp)
	return cmd
}

func (c commands) envHistoryCmd(f *Flags) *cobra.Command {
	var service, asOf string
	cmd := &cobra.Command{
		Use: "history NAME", Short: "List what ran in an environment, newest first", Args: command.Exactly(1),
		Example: "  slipway env history prod --service web",
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(c, cmd, f, runColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Run, error] {
				return cl.EnvironmentHistory(ctx, args[0], client.RunFilter{Service: service, AsOf: asOf})
			})
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "only of this service")
	cmd.Flags().StringVar(&asOf, "as-of", "", asOfHelp)
	return cmd
}

func (c commands) envStopCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "stop NAME SERVICE", Short: "Note that a service runs nothing any more", Example: "  slipway env stop prod web", Args: command.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, fmt.Sprintf("%s runs nothing in %s any more", args[1], args[0]), func(ctx context.Context, cl *client.Client) error {
				return cl.StopService(ctx, args[0], args[1])
			})
		},
	}
}

func (c commands) envRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove an environment; its past can still be asked for", Example: "  slipway env rm staging", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Removed environment "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteEnvironment(ctx, args[0])
			})
		},
	}
}
