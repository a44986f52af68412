package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

func (c commands) userShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a user", Example: "  slipway user show jane", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, userColumns, func(ctx context.Context, cl *client.Client) (api.User, error) {
				return cl.User(ctx, args[0])
			})
		},
	}
}

func (c commands) userSetCmd(f *Flags) *cobra.Command {
	var rights permissionFlags
	var none bool
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Set what a user may do", Args: command.Exactly(1),
		Long: `Set the permissions of a user: those that are given replace all of its own. Those of its groups stay. The rights of its tokens
change at once.`,
		Example: `  slipway user set jane --role releaser@main --allow 'team-*:read'
  slipway user set jane --no-permissions`,
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := rights.parse()
			if err != nil {
				return err
			}
			if rights.given() == none {
				return command.Usagef("give the permissions with --allow and --role, or --no-permissions")
			}
			return show(c, cmd, f, userColumns, func(ctx context.Context, cl *client.Client) (api.User, error) {
				c.noteUnknown(ctx, cl, permissions)
				return cl.ChangeUser(ctx, args[0], api.UserChange{Permissions: &permissions})
			})
		},
	}
	rights.add(cmd)
	cmd.Flags().BoolVar(&none, "no-permissions", false, "take all of its own permissions away")
	return cmd
}

func (c commands) userRemoveCmd(f *Flags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm NAME", Short: "Delete a user; all of its tokens end", Args: command.Exactly(1),
		Long: `Delete a user: password, permissions and memberships are gone, and all of its tokens end. The log names the user, so the name
is not given to another. "slipway user disable" refuses a user for a time.`,
		Example: "  slipway user rm jane",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.Confirm(yes, "Delete the user "+args[0]+", whose name can't be used again"); err != nil {
				return err
			}
			return c.do(cmd, f, "Deleted user "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteUser(ctx, args[0])
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

func (c commands) userPasswordCmd(f *Flags, local UserTool) *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "passwd [NAME]", Short: "Set your password, or a user's", Args: atMostOne,
		Long: `Set your own password, for which the current one is asked too, or as administrator that of another user. The logins of that user
end, but for yours that does it; other tokens stay. With --data it is set on the machine of a server that does not run, with
--metadata and --blobs beside servers that share PostgreSQL and S3,
without logging in: this is how to get in again when the password of admin is lost.

With --password-stdin, standard input has the new password in a line; your own is preceded by a line with the current one.`,
		Example: `  slipway user passwd
  slipway user passwd jane --password-stdin < password
  slipway user passwd admin --data /var/lib/slipway`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if local.Chosen(cmd.Flags()) {
				if len(args) == 0 {
					return command.Usagef("with --data the user must be named")
				}
				password, err := c.password("New password: ", fromStdin)
				if err != nil {
					return err
				}
				return local.SetPassword(cmd, args[0], password)
			}
			return c.setPassword(cmd, f, args, fromStdin)
		},
	}
	local.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

// atMostOne takes no argument or one.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return command.Exactly(1)(cmd, args)
}

// setPassword sets the caller's own password, or that of the user in args, through the server.
func (c commands) setPassword(cmd *cobra.Command, f *Flags, args []string, fromStdin bool) error {
	remote, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	who, err := remote.WhoAmI(cmd.Context())
	if err != nil {
		return err
	}
	name := append(args, who.Name)[0]
	prompts := []string{"New password of " + command.Clean(name) + ": "}
	if name == who.Name {
		prompts = append([]string{"Current password of " + command.Clean(name) + ": "}, prompts...)
	}
	passwords, err := c.passwords(prompts, fromStdin)
	if err != nil {
		return err
	}
	change := api.UserChange{Password: &passwords[len(passwords)-1]}
	if len(passwords) > 1 {
		change.CurrentPassword = &passwords[0]
	}
	return c.do(cmd, f, "Set the password of "+name, func(ctx context.Context, cl *client.Client) error {
		_, err := cl.ChangeUser(ctx, name, change)
		return err
	})
}

// passwords asks for several passwords, or reads one line of standard input for each.
func (c commands) passwords(prompts []string, fromStdin bool) ([]string, error) {
	out := make([]string, len(prompts))
	lines := bufio.NewReader(io.LimitReader(c.Stdin, maxPasswordLine))
	for i, prompt := range prompts {
		var err error
		if !fromStdin {
			if out[i], err = c.password(prompt, false); err != nil {
				return nil, err
			}
			continue
		}
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if out[i] = strings.TrimRight(line, "\r\n"); out[i] == "" {
			return nil, command.Usagef("--password-stdin: standard input lacks a line for %q", strings.TrimSuffix(prompt, ": "))
		}
	}
	return out, nil
}
