package cli

import (
	"net/http"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var userColumns = []column{field("NAME", "name"), field("DISABLED", "disabled"), field("CREATED", "created_at"), permissions("PERMISSIONS")}

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
	var allow []string
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a user", Args: command.Exactly(1),
		Example: `  slipway user add jane --allow main:read,publish
  slipway user add root2 --allow '*:admin' --password-stdin < password`,
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := parsePermissions(allow)
			if err != nil {
				return err
			}
			password, err := c.password("Password of the new user: ", fromStdin)
			if err != nil {
				return err
			}
			return c.show(cmd, f, request{method: http.MethodPost, path: "/users",
				body: map[string]any{"name": args[0], "password": password, "permissions": permissions}}, userColumns...)
		},
	}
	cmd.Flags().StringArrayVar(&allow, "allow", nil, allowHelp)
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (c commands) userListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List users", Example: "  slipway user ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.list(cmd, f, "/users", nil, userColumns...) },
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
			return c.do(cmd, f, request{method: http.MethodPatch, path: segments("users", args[0]), body: map[string]any{"password": password}},
				"Set the password of "+args[0])
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
			return c.show(cmd, f, request{method: http.MethodPatch, path: segments("users", args[0]),
				body: map[string]any{"disabled": true}}, userColumns...)
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
			return c.show(cmd, f, request{method: http.MethodPatch, path: segments("users", args[0]),
				body: map[string]any{"disabled": false}}, userColumns...)
		},
	}
	local.AddFlags(cmd.Flags())
	return cmd
}
