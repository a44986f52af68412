package cli

import (
	"context"
	"iter"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var groupColumns = []column[api.Group]{
	{"NAME", func(g api.Group) any { return g.Name }},
	{"MEMBERS", func(g api.Group) any { return g.Members }},
	{"PERMISSIONS", func(g api.Group) any { return permissions(g.Permissions) }},
	{onlyWide("DESCRIPTION"), func(g api.Group) any { return g.Description }},
	{onlyWide("CREATED"), func(g api.Group) any { return when(g.CreatedAt) }},
}

func (c commands) groupCmd() *cobra.Command {
	var f Flags
	g := c.Group("group", "Make, change, list and delete groups of users", `  slipway group add releasers --role releaser@main --member jane
  slipway group join releasers joe
  slipway group ls`, c.groupAddCmd(&f), c.groupListCmd(&f), c.groupShowCmd(&f), c.groupSetCmd(&f),
		c.groupMembersCmd(&f, "join", "Add users to a group", func(names []string) api.GroupChange { return api.GroupChange{AddMembers: names} }),
		c.groupMembersCmd(&f, "leave", "Take users out of a group", func(names []string) api.GroupChange { return api.GroupChange{RemoveMembers: names} }),
		c.groupRemoveCmd(&f))
	f.Add(g)
	return g
}

func (c commands) groupAddCmd(f *Flags) *cobra.Command {
	var rights permissionFlags
	var description string
	var members []string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make a group", Args: command.Exactly(1),
		Example: `  slipway group add releasers --role releaser@main --member jane --member joe
  slipway group add deployers --role 'deployer@env/prod-*' --description 'on call'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := rights.parse()
			if err != nil {
				return err
			}
			return show(c, cmd, f, groupColumns, func(ctx context.Context, cl *client.Client) (api.Group, error) {
				c.noteUnknown(ctx, cl, permissions)
				return cl.CreateGroup(ctx, api.NewGroup{Name: args[0], Description: &description, Permissions: &permissions, Members: &members})
			})
		},
	}
	rights.add(cmd)
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringArrayVar(&members, "member", []string{}, "name of a user; may be given again")
	return cmd
}

func (c commands) groupListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List groups", Example: "  slipway group ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, groupColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Group, error] {
				return cl.Groups(ctx)
			})
		},
	}
}

func (c commands) groupShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a group", Example: "  slipway group show releasers", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, groupColumns, func(ctx context.Context, cl *client.Client) (api.Group, error) {
				return cl.Group(ctx, args[0])
			})
		},
	}
}

func (c commands) groupSetCmd(f *Flags) *cobra.Command {
	var rights permissionFlags
	var description string
	var none bool
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Set what the members of a group may do, or its description", Args: command.Exactly(1),
		Long: "Set the permissions of a group: those that are given replace all it has. The rights of its members, and of their tokens, change at\nonce.",
		Example: `  slipway group set releasers --role releaser@main --role 'releaser@team-*'
  slipway group set releasers --description 'may ship'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := rights.parse()
			if err != nil {
				return err
			}
			var change api.GroupChange
			if rights.given() || none {
				change.Permissions = &permissions
			}
			if cmd.Flags().Changed("description") {
				change.Description = &description
			}
			if change.Permissions == nil && change.Description == nil || rights.given() && none {
				return command.Usagef("give --allow and --role, or --no-permissions, or --description")
			}
			return show(c, cmd, f, groupColumns, func(ctx context.Context, cl *client.Client) (api.Group, error) {
				c.noteUnknown(ctx, cl, permissions)
				return cl.ChangeGroup(ctx, args[0], change)
			})
		},
	}
	rights.add(cmd)
	cmd.Flags().BoolVar(&none, "no-permissions", false, "take all permissions away")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

// groupMembersCmd is a command that changes the members of a group.
func (c commands) groupMembersCmd(f *Flags, verb, short string, change func(names []string) api.GroupChange) *cobra.Command {
	return &cobra.Command{
		Use: verb + " GROUP USER...", Short: short, Example: "  slipway group " + verb + " releasers jane joe",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return command.Usagef("name the group and the users")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, groupColumns, func(ctx context.Context, cl *client.Client) (api.Group, error) {
				return cl.ChangeGroup(ctx, args[0], change(args[1:]))
			})
		},
	}
}

func (c commands) groupRemoveCmd(f *Flags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm NAME", Short: "Delete a group; its members stay", Example: "  slipway group rm releasers", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.Confirm(yes, "Delete the group "+args[0]); err != nil {
				return err
			}
			return c.do(cmd, f, "Deleted group "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteGroup(ctx, args[0])
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

var roleColumns = []column[api.Role]{
	{"NAME", func(r api.Role) any { return r.Name }},
	{"ACTIONS", func(r api.Role) any { return r.Actions }},
	{"BUILTIN", func(r api.Role) any { return yes(r.Builtin) }},
}

func (c commands) roleCmd() *cobra.Command {
	var f Flags
	g := c.Group("role", "Define, list and delete roles: named sets of actions", `  slipway role ls
  slipway role set tagger read,tag
  slipway user set jane --role tagger@main`, c.roleListCmd(&f), c.roleSetCmd(&f), c.roleRemoveCmd(&f))
	f.Add(g)
	return g
}

func (c commands) roleListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List roles", Example: "  slipway role ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, roleColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Role, error] {
				return cl.Roles(ctx)
			})
		},
	}
}

func (c commands) roleSetCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "set NAME ACTION[,ACTION]", Short: "Define a role, or change it for all who have it", Example: "  slipway role set tagger read,tag", Args: command.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var actions []api.Action
			for a := range strings.SplitSeq(args[1], ",") {
				actions = append(actions, api.Action(a))
			}
			return show(c, cmd, f, roleColumns, func(ctx context.Context, cl *client.Client) (api.Role, error) {
				return cl.PutRole(ctx, args[0], api.RoleChange{Actions: actions})
			})
		},
	}
}

func (c commands) roleRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Delete a role that nobody has", Example: "  slipway role rm tagger", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Deleted role "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteRole(ctx, args[0])
			})
		},
	}
}
