package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// maxPasswordLine bounds what is read as a password.
const maxPasswordLine = 4096

// password asks on the terminal without echo, or reads one line of standard input.
func (c commands) password(prompt string, fromStdin bool) (string, error) {
	if fromStdin {
		line, err := bufio.NewReader(io.LimitReader(c.Stdin, maxPasswordLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return "", command.Usagef("--password-stdin: standard input has no password")
		}
		return line, nil
	}
	f, ok := c.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", command.Usagef("standard input is no terminal: give the password with --password-stdin")
	}
	fmt.Fprint(c.Stderr, prompt)
	raw, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(c.Stderr)
	if err == nil && len(raw) == 0 {
		err = command.Usagef("the password is empty")
	}
	return string(raw), err
}

func (c commands) loginCmd() *cobra.Command {
	var f Flags
	var user, name string
	var fromStdin bool
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Make a token with your password and remember it for this server",
		Long: `Make a token with the rights of your user and store it, readable by you only, in the configuration directory of your
account. The password itself is not stored. "slipway logout" revokes the token and forgets it.`,
		Example: `  slipway login --server https://slipway.example.com --user jane
  slipway login --user admin --password-stdin < password`,
		Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			remote, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			if expires < 0 {
				return command.Usagef("--expires-in: can't be negative")
			}
			password, err := c.password("Password of "+command.Clean(user)+" at "+remote.Server()+": ", fromStdin)
			if err != nil {
				return err
			}
			cl, err := connect(c.Program, remote.Server(), client.Options{User: user, Password: password})
			if err != nil {
				return err
			}
			who, err := cl.WhoAmI(cmd.Context())
			if err != nil {
				return err
			}
			if len(who.Permissions) == 0 {
				return fmt.Errorf("the user %q has no rights, so there is nothing that a token could do", user)
			}
			tok, err := cl.CreateToken(cmd.Context(), tokenRequest(name, who.Permissions, expires))
			if err != nil {
				return err
			}
			if err := remember(c.Program, cl.Server(), func(l *login) { l.User, l.Token, l.TokenID = user, tok.Secret, tok.ID }); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Stdout, "Logged in to %s as %s%s\n", cl.Server(), command.Clean(user), until(tok.ExpiresAt))
			return err
		},
	}
	f.Add(cmd)
	cmd.Flags().StringVar(&user, "user", "admin", "user name")
	cmd.Flags().StringVar(&name, "name", defaultTokenName(), "name of the token")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().DurationVar(&expires, "expires-in", 90*24*time.Hour, "how long the token is valid; 0 for ever")
	return cmd
}

// defaultTokenName distinguishes the user's tokens by machine; it cuts the machine's name to the length that a token's name
// may have.
func defaultTokenName() string {
	const most = 80
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown host"
	}
	return "login at " + host[:min(len(host), most)]
}

func until(expires *string) string {
	if expires == nil {
		return ""
	}
	return ", until " + command.Clean(*expires)
}

func (c commands) logoutCmd() *cobra.Command {
	var f Flags
	cmd := &cobra.Command{
		Use:     "logout",
		Short:   "Revoke the token of 'slipway login' and forget it",
		Example: "  slipway logout --server https://slipway.example.com",
		Args:    command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			remote, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			stored, err := loadLogins(c.Program)
			if err != nil {
				return err
			}
			entry := stored.Servers[remote.Server()]
			if entry.Token == "" {
				_, err := fmt.Fprintf(c.Stdout, "Not logged in to %s\n", remote.Server())
				return err
			}
			cl, err := connect(c.Program, remote.Server(), client.Options{Token: entry.Token})
			if err != nil {
				return err
			}
			err = cl.RevokeToken(cmd.Context(), entry.TokenID)
			if err != nil && !client.IsStatus(err, http.StatusUnauthorized) && !client.IsStatus(err, http.StatusNotFound) {
				return fmt.Errorf("the token was not revoked: %w", err)
			}
			if err := remember(c.Program, cl.Server(), func(l *login) { l.User, l.Token, l.TokenID = "", "", "" }); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Stdout, "Logged out of %s\n", cl.Server())
			return err
		},
	}
	f.Add(cmd)
	return cmd
}
