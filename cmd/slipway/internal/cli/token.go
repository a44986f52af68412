package cli

import (
	"context"
	"fmt"
	"iter"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var tokenColumns = []column[api.Token]{
	{"ID", func(t api.Token) any { return t.ID }},
	{"NAME", func(t api.Token) any { return t.Name }},
	{"USER", func(t api.Token) any { return t.User }},
	{onlyWide("SECRET BEGINS WITH"), func(t api.Token) any { return t.Hint }},
	{onlyWide("CREATED"), func(t api.Token) any { return when(t.CreatedAt) }},
	{"EXPIRES", func(t api.Token) any { return whenever(t.ExpiresAt) }},
	{"REVOKED", func(t api.Token) any { return whenever(t.RevokedAt) }},
	{"PERMISSIONS", func(t api.Token) any { return permissions(t.Permissions) }},
}

// tokenRequest asks for a token that is valid for a time; 0 is for ever.
func tokenRequest(name string, permissions []api.Permission, expires time.Duration) api.TokenRequest {
	r := api.TokenRequest{Name: name, Permissions: permissions}
	if expires > 0 {
		text := expires.String()
		r.ExpiresIn = &text
	}
	return r
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
	var rights permissionFlags
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and print it, this once",
		Long: `Make a token and print its secret: it is kept as a hash only and can't be shown again. A token never may do more than
you may, now and later.`,
		Example: "  slipway token create ci --allow main:read,publish --allow 'team-*:read' --expires-in 720h",
		Args:    command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			permissions, err := rights.parse()
			if err != nil {
				return err
			}
			if len(permissions) == 0 {
				return command.Usagef("--allow: a token needs at least one permission")
			}
			if expires < 0 {
				return command.Usagef("--expires-in: can't be negative")
			}
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.NewToken, error) {
				return cl.CreateToken(ctx, tokenRequest(args[0], permissions, expires))
			}, func(t api.NewToken) error {
				fmt.Fprintf(c.Stderr, "Token %s%s; it is not shown again:\n", command.Clean(t.ID), until(t.ExpiresAt))
				_, err := fmt.Fprintln(c.Stdout, command.Clean(t.Secret))
				return err
			})
		},
	}
	rights.add(cmd)
	cmd.Flags().DurationVar(&expires, "expires-in", 0, "how long it is valid, such as 720h; 0 for ever")
	return cmd
}

func (c commands) tokenListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List your tokens, or everybody's as administrator", Example: "  slipway token ls --output json", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, tokenColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Token, error] {
				return cl.Tokens(ctx)
			})
		},
	}
}

func (c commands) tokenRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID", Short: "Revoke a token", Example: "  slipway token rm 12", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Revoked token "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.RevokeToken(ctx, args[0])
			})
		},
	}
}
