package cli

import (
	"context"
	"encoding/json"
	"iter"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var repoColumns = []column[api.Repository]{
	{"NAME", func(r api.Repository) any { return r.Name }},
	{"DESCRIPTION", func(r api.Repository) any { return r.Description }},
	{"CREATED", func(r api.Repository) any { return r.CreatedAt }},
	{"REUSE", func(r api.Repository) any { return r.Settings["allow_reuse"] }},
	{"REDEPLOY", func(r api.Repository) any { return r.Settings["raw_redeploy"] }},
}

func (c commands) repoCmd() *cobra.Command {
	var f Flags
	g := c.Group("repo", "Make, list, change and remove repositories", `  slipway repo create team-a --description "what team A builds"
  slipway repo set team-a --raw-redeploy
  slipway repo rm team-a`, c.repoCreateCmd(&f), c.repoListCmd(&f), c.repoShowCmd(&f), c.repoSetCmd(&f), c.repoRemoveCmd(&f))
	f.Add(g)
	return g
}

// repoFlags are the flags for the settings of a repository.
type repoFlags struct {
	description string
	reuse       bool
	redeploy    bool
}

func (f *repoFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.description, "description", "", "what it is for")
	fs.BoolVar(&f.reuse, "allow-reuse", false, "let the coordinate of a deleted version be published again")
	fs.BoolVar(&f.redeploy, "raw-redeploy", false, "let other bytes be stored under a raw path that exists")
}

// change holds only the settings that the command line names, so that the others stay; some reports whether it names any.
func (f *repoFlags) change(cmd *cobra.Command) (change api.RepositoryChange, some bool, err error) {
	settings := api.RepositorySettings{}
	if cmd.Flags().Changed("description") {
		change.Description = &f.description
	}
	if cmd.Flags().Changed("allow-reuse") {
		settings["allow_reuse"] = f.reuse
	}
	if cmd.Flags().Changed("raw-redeploy") {
		settings["raw_redeploy"] = f.redeploy
	}
	if len(settings) > 0 {
		change.Settings, err = json.Marshal(settings)
	}
	return change, change.Description != nil || change.Settings != nil, err
}

func (c commands) repoCreateCmd(f *Flags) *cobra.Command {
	var rf repoFlags
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a repository", Example: `  slipway repo create team-a --description "what team A builds"`, Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, _, err := rf.change(cmd)
			if err != nil {
				return err
			}
			change.Name = args[0]
			return show(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) (api.Repository, error) {
				return cl.CreateRepository(ctx, api.NewRepository(change))
			})
		},
	}
	rf.add(cmd)
	return cmd
}

func (c commands) repoListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the repositories that you may read", Example: "  slipway repo ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Repository, error] {
				return cl.Repositories(ctx)
			})
		},
	}
}

func (c commands) repoShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show one repository", Example: "  slipway repo show main", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) (api.Repository, error) {
				return cl.Repository(ctx, args[0])
			})
		},
	}
}

func (c commands) repoSetCmd(f *Flags) *cobra.Command {
	var rf repoFlags
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change a repository; settings that are not named stay", Args: command.Exactly(1),
		Example: `  slipway repo set main --description "everything we ship"
  slipway repo set main --raw-redeploy=false`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, some, err := rf.change(cmd)
			if err != nil {
				return err
			}
			if !some {
				return command.Usagef("there is nothing to change: see '%s --help'", cmd.CommandPath())
			}
			return show(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) (api.Repository, error) {
				return cl.ChangeRepository(ctx, args[0], change)
			})
		},
	}
	rf.add(cmd)
	return cmd
}

func (c commands) repoRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove a repository that holds no versions", Example: "  slipway repo rm team-a", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Removed repository "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteRepository(ctx, args[0])
			})
		},
	}
}
