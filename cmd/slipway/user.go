package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"slipway/registry"
)

var userColumns = []column{field("NAME", "name"), field("DISABLED", "disabled"), field("CREATED", "created_at"), permissions("PERMISSIONS")}

func (c *cli) userCmd() *cobra.Command {
	var f clientFlags
	g := c.group("user", "Add, list, disable users; set passwords", `  slipway user add jane --allow main:read,publish
  slipway user passwd jane
  slipway user disable jane`, c.userAddCmd(&f), c.userListCmd(&f), c.userPasswordCmd(&f),
		c.userDisableCmd(&f), c.userEnableCmd(&f))
	f.add(g)
	return g
}

func (c *cli) userAddCmd(f *clientFlags) *cobra.Command {
	var allow []string
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a user", Args: exactly(1),
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

func (c *cli) userListCmd(f *clientFlags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List users", Example: "  slipway user ls", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.list(cmd, f, "/users", nil, userColumns...) },
	}
}

func (c *cli) userPasswordCmd(f *clientFlags) *cobra.Command {
	var fromStdin bool
	var cfg config
	cmd := &cobra.Command{
		Use: "passwd NAME", Short: "Set a user's password", Args: exactly(1),
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
			done := "Set the password of " + args[0]
			if !onMachine(cmd) {
				return c.do(cmd, f, request{method: http.MethodPatch, path: segments("users", args[0]), body: map[string]any{"password": password}}, done)
			}
			return c.changeUser(cmd, &cfg, args[0], registry.UserChange{Password: &password}, done)
		},
	}
	cfg.storeFlags(cmd.Flags())
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (c *cli) userDisableCmd(f *clientFlags) *cobra.Command {
	return &cobra.Command{
		Use: "disable NAME", Short: "Refuse a user's password and tokens from now on", Example: "  slipway user disable jane", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, request{method: http.MethodPatch, path: segments("users", args[0]),
				body: map[string]any{"disabled": true}}, userColumns...)
		},
	}
}

func (c *cli) userEnableCmd(f *clientFlags) *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use: "enable NAME", Short: "Let a disabled user in again", Args: exactly(1),
		Long: `Let a disabled user in again through the server. With --data it is done on the machine of a server that does not run,
without logging in: this is how to get in again when admin is disabled.`,
		Example: `  slipway user enable jane
  slipway user enable admin --data /var/lib/slipway`,
		RunE: func(cmd *cobra.Command, args []string) error {
			disabled := false
			if !onMachine(cmd) {
				return c.show(cmd, f, request{method: http.MethodPatch, path: segments("users", args[0]),
					body: map[string]any{"disabled": disabled}}, userColumns...)
			}
			return c.changeUser(cmd, &cfg, args[0], registry.UserChange{Disabled: &disabled}, "Enabled "+args[0])
		},
	}
	cfg.storeFlags(cmd.Flags())
	return cmd
}

// onMachine reports whether a command is to work on the stores themselves.
func onMachine(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("data") || cmd.Flags().Changed("metadata")
}

// changeUser changes a user on the machine of a server that does not run, and says that it is done.
func (c *cli) changeUser(cmd *cobra.Command, cfg *config, name string, change registry.UserChange, done string) error {
	return c.offline(cmd, cfg, func(ctx context.Context, core *registry.Service) error {
		if _, err := core.UpdateUser(ctx, name, change); err != nil {
			return err
		}
		_, err := fmt.Fprintln(c.stdout, clean(done))
		return err
	})
}
