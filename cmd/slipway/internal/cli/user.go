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
	{"KIND", func(u api.User) any { return u.Kind }},
	{"DISABLED", func(u api.User) any { return u.Disabled }},
	{"CREATED", func(u api.User) any { return when(u.CreatedAt) }},
	{onlyWide("LAST LOGIN"), func(u api.User) any { return whenever(u.LastLoginAt) }},
	{"GROUPS", func(u api.User) any { return u.Groups }},
	{"PERMISSIONS", func(u api.User) any { return permissions(u.Permissions) }},
}

func (c commands) userCmd() *cobra.Command {
	var f Flags
	g := c.Group("user", "Add, change, list, disable, delete users and service accounts; set passwords", `  slipway user add jane --role publisher@main
  slipway user add deploy-bot --service --allow env/prod:deploy
  slipway user passwd
  slipway user disable jane`, c.userAddCmd(&f), c.userListCmd(&f), c.userShowCmd(&f), c.userSetCmd(&f), c.userPasswordCmd(&f, c.OnMachine()),
		c.userDisableCmd(&f), c.userEnableCmd(&f, c.OnMachine()), c.userRemoveCmd(&f))
	f.Add(g)
	return g
}

func (c commands) userAddCmd(f *Flags) *cobra.Command {
	var rights permissionFlags
	var fromStdin, service bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a user, or with --service a service account", Args: command.Exactly(1),
		Long: `Add a user. A service account has no password: nobody logs in as it, and an administrator makes its tokens with
"slipway token create --user". Its tokens stay when the people change who made them.`,
		Example: `  slipway user add jane --role publisher@main
  slipway user add deploy-bot --service --allow main:read --allow 'env/prod-*:deploy'
  slipway user add root2 --allow '*:admin' --password-stdin < password`,
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := rights.parse()
			if err != nil {
				return err
			}
			u := api.NewUser{Name: args[0], Permissions: &permissions}
			if service {
				u.Kind = "service"
			} else {
				password, err := c.password("Password of the new user: ", fromStdin)
				if err != nil {
					return err
				}
				u.Password = &password
			}
			return show(c, cmd, f, userColumns, func(ctx context.Context, cl *client.Client) (api.User, error) {
				c.noteUnknown(ctx, cl, permissions)
				return cl.CreateUser(ctx, u)
			})
		},
	}
	rights.add(cmd)
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&service, "service", false, "a service account, without a password")
	cmd.MarkFlagsMutuallyExclusive("service", "password-stdin")
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
		Long: `Let a disabled user in again through the server. With --data it is done on the machine of a server that does not run, with
--metadata and --blobs beside servers that share PostgreSQL and S3,
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
