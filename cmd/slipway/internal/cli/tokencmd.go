package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (c commands) tokenCmd() *cobra.Command {
	var f Flags
	g := c.Group("token", "Make, list and revoke tokens", `  slipway token create ci --allow main:read,publish --expires-in 720h
  slipway token ls
  slipway token rm 12`, c.tokenCreateCmd(&f), c.tokenListCmd(&f), c.tokenShowCmd(&f), c.tokenRemoveCmd(&f))
	f.Add(g)
	return g
}

// tokenFlags are the flags of "token create" alone.
type tokenFlags struct {
	rights    permissionFlags
	user      string
	expires   time.Duration
	bounded   bool // an end, or none, was asked for
	fromStdin bool
}

func (c commands) tokenCreateCmd(f *Flags) *cobra.Command {
	var t tokenFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and print it, this once",
		Long: `Make a token and print its secret: it is kept as a hash only and can't be shown again. A token never may do more than
its user may, now and later.

Made with the token of a login or with any other, it ends with that one, and can't live longer. Made with your password it ends
by itself only: on a terminal you are asked for the password where that makes a difference; scripts give it with
--password-stdin. Administrators make tokens for others, service accounts above all, with --user.`,
		Example: `  slipway token create ci --allow main:read,publish --expires-in 720h
  slipway token create ci --role publisher@main --allow 'env/prod-*:deploy'
  slipway token create deploys --user deploy-bot --allow env/prod:deploy --expires-in 0 --password-stdin < password`,
		Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.bounded = cmd.Flags().Changed("expires-in")
			return c.createToken(cmd.Context(), f, t, args[0])
		},
	}
	t.rights.add(cmd)
	cmd.Flags().StringVar(&t.user, "user", "", "whose token it is to be (default: yours)")
	cmd.Flags().DurationVar(&t.expires, "expires-in", 0, "how long it is valid, such as 720h; 0: it does not end (default: as long as what you are logged in with)")
	cmd.Flags().BoolVar(&t.fromStdin, "password-stdin", false, "make it with your password, from standard input, so that it does not end with your login")
	return cmd
}

func (c commands) createToken(ctx context.Context, f *Flags, t tokenFlags, name string) error {
	permissions, err := t.rights.parse()
	switch {
	case err != nil:
		return err
	case len(permissions) == 0:
		return command.Usagef("--allow or --role: a token needs at least one permission")
	case t.expires < 0:
		return command.Usagef("--expires-in: can't be negative")
	}
	remote, err := f.Connect(c.Program)
	if err != nil {
		return err
	}
	c.noteUnknown(ctx, remote.Client, permissions)
	cl, err := c.makerOf(ctx, remote.Client, t)
	if err != nil {
		return err
	}
	req := tokenRequest(name, permissions, t.expires)
	req.User = t.user
	if t.bounded && t.expires == 0 {
		never := "0"
		req.ExpiresIn = &never
	}
	var raw json.RawMessage
	tok, err := cl.CreateToken(client.WithRaw(ctx, func(answer json.RawMessage) { raw = answer }), req)
	if err != nil {
		return err
	}
	if f.output == command.JSON {
		return command.PrintJSON(c.Stdout, raw)
	}
	end := ", which does not end"
	if tok.ExpiresAt != nil {
		end = until(tok.ExpiresAt)
	}
	if tok.Parent != "" {
		end += "; it also ends with token " + tok.Parent + ", which made it"
	}
	fmt.Fprintf(c.Stderr, "Token %s%s; it is not shown again:\n", command.Clean(tok.ID), command.Clean(end))
	_, err = fmt.Fprintln(c.Stdout, command.Clean(tok.Secret))
	return err
}

// makerOf returns the client that makes a token: one with the caller's password where that is given, else cl. On a terminal the
// password is asked for where the token would otherwise end with the login, unless it is to end before.
func (c commands) makerOf(ctx context.Context, cl *client.Client, t tokenFlags) (*client.Client, error) {
	tty, isFile := c.Stdin.(*os.File)
	asks := isFile && term.IsTerminal(int(tty.Fd()))
	if !t.fromStdin && !asks {
		return cl, nil
	}
	who, err := cl.WhoAmI(ctx)
	if err != nil || who.Type != "token" || who.Kind == "service" {
		return cl, err
	}
	var password string
	if t.fromStdin {
		if password, err = c.password("", true); err != nil {
			return nil, err
		}
	} else {
		if who.ExpiresAt == nil || t.expires > 0 && endsBefore(t.expires, *who.ExpiresAt) {
			return cl, nil
		}
		fmt.Fprintf(c.Stderr, "Your login ends at %s, and with it the token, unless you make it with your password.\nPassword of %s (empty: let it end with the login): ",
			command.Clean(*who.ExpiresAt), command.Clean(who.Name))
		line, err := term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(c.Stderr)
		if err != nil || len(line) == 0 {
			return cl, err
		}
		password = string(line)
	}
	return connect(c.Program, cl.Server(), client.Options{User: who.Name, Password: password})
}

// endsBefore reports whether a token that lives for a time from now ends before a time that the API wrote.
func endsBefore(lives time.Duration, end string) bool {
	t, err := time.Parse(time.RFC3339Nano, end)
	return err == nil && time.Now().Add(lives).Before(t)
}

func (c commands) tokenListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List tokens, each below the one that made it", Args: command.Exactly(0),
		Long: `List tokens, each below the one that made it and with which it ends. Logged in you see all of yours; with another token that
one and those that descend from it. Administrators and auditors of the server see everybody's.`,
		Example: `  slipway token ls
  slipway token ls --wide
  slipway token ls -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			var tokens []api.Token
			raw := []json.RawMessage{}
			for t, err := range cl.Tokens(client.WithRaw(cmd.Context(), func(item json.RawMessage) { raw = append(raw, item) })) {
				if err != nil {
					return err
				}
				tokens = append(tokens, t)
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, raw)
			}
			return printList(c.Stdout, c.Screen(f.wide), treeOf(tokens), tokenColumns)
		},
	}
}

// treeOf orders tokens so that each follows the one that made it, and indents its name.
func treeOf(tokens []api.Token) []api.Token {
	known := map[string]bool{}
	for _, t := range tokens {
		known[t.ID] = true
	}
	below := map[string][]api.Token{}
	for _, t := range tokens {
		parent := t.Parent
		if !known[parent] {
			parent = ""
		}
		below[parent] = append(below[parent], t)
	}
	out := make([]api.Token, 0, len(tokens))
	var add func(parent string, depth int)
	add = func(parent string, depth int) {
		for _, t := range below[parent] {
			if depth > 0 {
				t.Name = strings.Repeat("  ", depth-1) + "└ " + t.Name
			}
			out = append(out, t)
			add(t.ID, depth+1)
		}
	}
	add("", 0)
	return out
}

func (c commands) tokenShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a token, without its secret", Example: "  slipway token show 12", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, tokenColumns, func(ctx context.Context, cl *client.Client) (api.Token, error) {
				return cl.Token(ctx, args[0])
			})
		},
	}
}

func (c commands) tokenRemoveCmd(f *Flags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm ID", Short: "Revoke a token, and with it all that it made", Example: "  slipway token rm 12", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.Confirm(yes, "Revoke token "+args[0]+", and all tokens that it made"); err != nil {
				return err
			}
			return c.do(cmd, f, "Revoked token "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.RevokeToken(ctx, args[0])
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}
