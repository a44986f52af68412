package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// permission is a right in the API's words.
type permission struct {
	Repository string   `json:"repository"`
	Actions    []string `json:"actions"`
}

// parsePermissions reads REPOSITORY:ACTION[,ACTION…]; the repository may be a glob.
func parsePermissions(args []string) ([]permission, error) {
	out := make([]permission, len(args))
	for i, arg := range args {
		repo, actions, ok := strings.Cut(arg, ":")
		if !ok || repo == "" || actions == "" {
			return nil, command.Usagef("--allow: %q is not of the form REPOSITORY:ACTION[,ACTION], such as main:read,publish", arg)
		}
		out[i] = permission{repo, strings.Split(actions, ",")}
	}
	return out, nil
}

const allowHelp = "REPOSITORY:ACTION[,ACTION]; the repository may be a glob; actions: read, publish, tag, delete, deploy, audit, admin; may be given again"

// newToken is a token just made.
type newToken struct {
	ID        string  `json:"id"`
	Token     string  `json:"token"`
	ExpiresAt *string `json:"expires_at"`
}

func (c *Remote) newToken(ctx context.Context, name string, permissions []permission, expires time.Duration) (newToken, error) {
	var out newToken
	raw, err := c.createToken(ctx, name, permissions, expires)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

func (c *Remote) createToken(ctx context.Context, name string, permissions []permission, expires time.Duration) (json.RawMessage, error) {
	body := map[string]any{"name": name, "permissions": permissions}
	if expires > 0 {
		body["expires_in"] = expires.String()
	}
	var raw json.RawMessage
	err := c.call(ctx, request{method: http.MethodPost, path: "/tokens", body: body}, &raw)
	return raw, err
}

func (c commands) tokenCmd() *cobra.Command {
	var f Flags
	g := c.Group("token", "Make, list and revoke tokens", `  slipway token create ci --allow main:read,publish --expires-in 720h
  slipway token ls
  slipway token rm 12`, c.tokenCreateCmd(&f), c.tokenListCmd(&f), c.tokenRemoveCmd(&f))
	f.Add(g)
	return g
}

func (c commands) tokenCreateCmd(f *Flags) *cobra.Command {
	var allow []string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and print it, this once",
		Long: `Make a token and print its secret: it is kept as a hash only and can't be shown again. A token never may do more than
you may, now and later.`,
		Example: "  slipway token create ci --allow main:read,publish --allow 'team-*:read' --expires-in 720h",
		Args:    command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := parsePermissions(allow)
			if err != nil {
				return err
			}
			if len(permissions) == 0 {
				return command.Usagef("--allow: a token needs at least one permission")
			}
			if expires < 0 {
				return command.Usagef("--expires-in: can't be negative")
			}
			cl, err := c.client(f)
			if err != nil {
				return err
			}
			raw, err := cl.createToken(cmd.Context(), args[0], permissions, expires)
			if err != nil {
				return err
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, raw)
			}
			var t newToken
			if err := json.Unmarshal(raw, &t); err != nil {
				return err
			}
			fmt.Fprintf(c.Stderr, "Token %s%s; it is not shown again:\n", command.Clean(t.ID), until(t.ExpiresAt))
			_, err = fmt.Fprintln(c.Stdout, command.Clean(t.Token))
			return err
		},
	}
	cmd.Flags().StringArrayVar(&allow, "allow", nil, allowHelp)
	cmd.Flags().DurationVar(&expires, "expires-in", 0, "how long it is valid, such as 720h; 0 for ever")
	return cmd
}

func (c commands) tokenListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List your tokens, or everybody's as administrator", Example: "  slipway token ls --output json", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.list(cmd, f, "/tokens", nil, field("ID", "id"), field("NAME", "name"), field("USER", "user"), field("BEGINS", "hint"),
				field("CREATED", "created_at"), field("EXPIRES", "expires_at"), field("REVOKED", "revoked_at"), permissions("PERMISSIONS"))
		},
	}
}

func (c commands) tokenRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID", Short: "Revoke a token", Example: "  slipway token rm 12", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, request{method: http.MethodDelete, path: segments("tokens", args[0])}, "Revoked token "+args[0])
		},
	}
}
