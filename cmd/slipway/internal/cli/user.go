package cli

import (
	"context"
	"iter"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var userColumns = []column[api.User]{
	{"NAME", func(u api.User) any { return u.Name }},
	{"DISABLED", func(u api.User) any { return u.Disabled }},
	{"CREATED", func(u api.User) any { return when(u.CreatedAt) }},
	{"PERMISSIONS", func(u api.User) any { return permissions(u.Permissions) }},
}

func (c commands) userCmd() *cobra.Command {
	var f Flags
	g := c.Group("user", "Add, list, disable users; set passwords", `  slipway user add jane --allow main:read,publish
  slipway user passwd jane
  slipway user disable jane`, c.userAddCmd(&f), c.userListCmd(&f), c.userPasswordCmd(&f, c.OnMachine()),
		c.userDisableCmd(&f), c.userEnableCmd(&f, c.OnMachine()))
	f.Add(g)
	return g
}

func (c commands) userAddCmd(f *Flags) *cobra.Command {
	var rights permissionFlags
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a user", Args: command.Exactly(1),
		Example: `  slipway user add jane --allow main:read,publish
  slipway user add root2 --allow '*:admin' --password-stdin < password`,
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := rights.parse()
			if err != nil {
				return err
			}
			password, err := c.password("Password of the new user: ", fromStdin)
			if err != nil {
				return err
			}
			return show(c, cmd, f, userColumns, func(ctx context.Context, cl *client.Client) (api.User, error) {
				return cl.CreateUser(ctx, api.NewUser{Name: args[0], Password: &password, Permissions: &permissions})
			})
		},
	}
	rights.add(cmd)
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (c commands) userListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List users", Example: "  slipway user ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, userColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.User, error] {
				return cl.Users(ctx)
			})
		},
	}
}

func (c commands) userPasswordCmd(f *Flags, local UserTool) *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "passwd NAME", Short: "Set a user's password", Args: command.Exactly(1),
		Long: `Set a user's password through the server. With --data it is set on the machine of a server that does not run, without
logging in: this is how to get in again when the password of admin is lost.`,
		Example: `  slipway user passwd jane
  slipway user passwd jane --password-stdin < password
  slipway user passwd admin --data /var/lib/slipway`,
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := c.password("New password: ", fromStdin)
			if err != nil {
				return err
			}
			if local.Chosen(cmd.Flags()) {
				return local.SetPassword(cmd, args[0], password)
			}
			return c.do(cmd, f, "Set the password of "+args[0], func(ctx context.Context, cl *client.Client) error {
				_, err := cl.ChangeUser(ctx, args[0], api.UserChange{Password: &password})
				return err
			})
		},
	}
	local.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (c commands) userDisableCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "disable NAME", Short: "Refuse a user's password and tokens from now on", Example: "  slipway user disable jane", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.disable(cmd, f, args[0], true)
		},
	}
}

func (c commands) userEnableCmd(f *Flags, local UserTool) *cobra.Command {
	cmd := &cobra.Command{
		Use: "enable NAME", Short: "Let a disabled user in again", Args: command.Exactly(1),
		Long: `Let a disabled user in again through the server. With --data it is done on the machine of a server that does not run,
without logging in: this is how to get in again when admin is disabled.`,
		Example: `  slipway user enable jane
  slipway user enable admin --data /var/lib/slipway`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if local.Chosen(cmd.Flags()) {
				return local.Enable(cmd, args[0])
			}
			return c.disable(cmd, f, args[0], false)
		},
	}
	local.AddFlags(cmd.Flags())
	return cmd
}

// disable disables or enables a user.
func (c commands) disable(cmd *cobra.Command, f *Flags, name string, yes bool) error {
	return show(c, cmd, f, userColumns, func(ctx context.Context, cl *client.Client) (api.User, error) {
		return cl.ChangeUser(ctx, name, api.UserChange{Disabled: &yes})
	})
}
