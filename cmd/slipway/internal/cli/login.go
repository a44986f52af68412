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
			cl, err := c.client(&f)
			if err != nil {
				return err
			}
			if expires < 0 {
				return command.Usagef("--expires-in: can't be negative")
			}
			cl.user = user
			if cl.password, err = c.password("Password of "+command.Clean(user)+" at "+cl.server+": ", fromStdin); err != nil {
				return err
			}
			var who struct {
				Permissions []permission `json:"permissions"`
			}
			if err := cl.get(cmd.Context(), "/whoami", nil, &who); err != nil {
				return err
			}
			if len(who.Permissions) == 0 {
				return fmt.Errorf("the user %q has no rights, so there is nothing that a token could do", user)
			}
			tok, err := cl.newToken(cmd.Context(), name, who.Permissions, expires)
			if err != nil {
				return err
			}
			if err := remember(cl.server, func(l *login) { l.User, l.Token, l.TokenID = user, tok.Token, tok.ID }); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Stdout, "Logged in to %s as %s%s\n", cl.server, command.Clean(user), until(tok.ExpiresAt))
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

// defaultTokenName tells the user's tokens apart by machine; names of tokens are bounded, names of machines hardly.
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
			cl, err := c.client(&f)
			if err != nil {
				return err
			}
			stored, err := loadLogins()
			if err != nil {
				return err
			}
			entry := stored.Servers[cl.server]
			if entry.Token == "" {
				_, err := fmt.Fprintf(c.Stdout, "Not logged in to %s\n", cl.server)
				return err
			}
			cl.token = entry.Token
			revoke := request{method: http.MethodDelete, path: segments("tokens", entry.TokenID)}
			err = cl.call(cmd.Context(), revoke, nil)
			if err != nil && !isStatus(err, http.StatusUnauthorized) && !isStatus(err, http.StatusNotFound) {
				return fmt.Errorf("the token was not revoked: %w", err)
			}
			if err := remember(cl.server, func(l *login) { l.User, l.Token, l.TokenID = "", "", "" }); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Stdout, "Logged out of %s\n", cl.server)
			return err
		},
	}
	f.Add(cmd)
	return cmd
}
