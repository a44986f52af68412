package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// maxPasswordLine bounds what is read as a password.
const maxPasswordLine = 4096

// secretLine reads one line of standard input.
func (c commands) secretLine() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(c.Stdin, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", command.Usagef("standard input has no password or token")
	}
	return line, nil
}

// password asks on the terminal without echo, or reads one line of standard input.
func (c commands) password(prompt string, fromStdin bool) (string, error) {
	if fromStdin {
		return c.secretLine()
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

// loginFlags are the flags of "login" alone.
type loginFlags struct {
	user, name string
	fromStdin  bool
	expires    time.Duration
}

func (c commands) loginCmd() *cobra.Command {
	var f Flags
	var l loginFlags
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Make a token with your password and remember it with its server; set up npm, pip, mvn, docker and others",
		Long: `Make a token with the rights that your user has at any time and store it, readable by you only, in the configuration directory of your
account. The password itself is not stored. "slipway logout" revokes the token and forgets it.

The server is remembered too: later commands ask it unless --server or SLIPWAY_SERVER names another. SLIPWAY_TOKEN is used
instead of the stored token; commands say so. "slipway login ls" lists the servers, "slipway login use" changes the current one.

"slipway login npm" and its siblings set up a package manager: they make a token for it and write its own files.`,
		Example: `  slipway login --server https://slipway.example.com --user jane
  slipway login --user admin --password-stdin < password
  slipway login npm --publish
  slipway login pip --print`,
		Args: command.SubcommandOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.login(cmd.Context(), &f, l) },
	}
	cmd.AddCommand(c.loginListCmd(&f), c.loginUseCmd())
	cmd.AddCommand(c.clientLoginCmds(&f)...)
	f.Add(cmd)
	cmd.Flags().StringVar(&l.user, "user", "admin", "user name")
	cmd.Flags().StringVar(&l.name, "name", defaultTokenName(), "name of the token")
	cmd.Flags().Lookup("name").DefValue = "login at HOST"
	cmd.Flags().BoolVar(&l.fromStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().DurationVar(&l.expires, "expires-in", 90*24*time.Hour, "how long the token is valid; 0 for ever")
	return cmd
}

func (c commands) login(ctx context.Context, f *Flags, l loginFlags) error {
	remote, err := (&Flags{server: f.server, token: f.token, output: f.output, quiet: true}).Connect(c.Program)
	if err != nil {
		return err
	}
	if l.expires < 0 {
		return command.Usagef("--expires-in: can't be negative")
	}
	password, err := c.password("Password of "+command.Clean(l.user)+" at "+remote.Server()+": ", l.fromStdin)
	if err != nil {
		return err
	}
	cl, err := connect(c.Program, remote.Server(), client.Options{User: l.user, Password: password})
	if err != nil {
		return err
	}
	who, err := cl.WhoAmI(ctx)
	if err != nil {
		return err
	}
	if len(who.Permissions) == 0 {
		return fmt.Errorf("the user %q has no rights, so there is nothing that a token could do", l.user)
	}
	req := tokenRequest(l.name, nil, l.expires)
	req.Kind = sessionKind
	tok, err := cl.CreateToken(ctx, req)
	if err != nil {
		return err
	}
	err = store(c.Program, func(all *logins) {
		entry := all.Servers[cl.Server()]
		entry.User, entry.Token, entry.TokenID = l.user, tok.Secret, tok.ID
		all.Servers[cl.Server()], all.Current = entry, cl.Server()
	})
	if err != nil {
		return err
	}
	c.warnOverridden(cl.Server())
	_, err = fmt.Fprintf(c.Stdout, "Logged in to %s as %s%s\n", cl.Server(), command.Clean(l.user), until(tok.ExpiresAt))
	return err
}

// warnOverridden says that the environment keeps commands from using a login that was just made.
func (c commands) warnOverridden(server string) {
	if c.Env("SLIPWAY_TOKEN") != "" {
		fmt.Fprintln(c.Stderr, "slipway: note: SLIPWAY_TOKEN is set, so commands use that token and not this login; unset it")
	}
	if s := strings.TrimRight(c.Env("SLIPWAY_SERVER"), "/"); s != "" && s != server {
		fmt.Fprintf(c.Stderr, "slipway: note: SLIPWAY_SERVER is set, so commands ask %s; unset it\n", command.Clean(s))
	}
}

// storedLogin is a login in the list of them.
type storedLogin struct {
	Server  string `json:"server"`
	User    string `json:"user"`
	Current bool   `json:"current"`
}

var storedColumns = []column[storedLogin]{
	{"SERVER", func(s storedLogin) any { return s.Server }},
	{"USER", func(s storedLogin) any { return s.User }},
	{"CURRENT", func(s storedLogin) any { return yes(s.Current) }},
}

func (c commands) loginListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the servers that you are logged in to", Example: "  slipway login ls", Args: command.Exactly(0),
		RunE: func(*cobra.Command, []string) error {
			l, err := loadLogins(c.Program)
			if err != nil {
				return err
			}
			items := []storedLogin{}
			for server, entry := range l.Servers {
				if entry.Token != "" {
					items = append(items, storedLogin{server, entry.User, server == l.Current})
				}
			}
			slices.SortFunc(items, func(a, b storedLogin) int { return strings.Compare(a.Server, b.Server) })
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, items)
			}
			return printList(c.Stdout, c.Screen(f.wide), items, storedColumns)
		},
	}
}

func (c commands) loginUseCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "use SERVER", Short: "Make another of your logins the one that commands use", Args: command.Exactly(1),
		Example: "  slipway login use https://slipway.example.com",
		RunE: func(_ *cobra.Command, args []string) error {
			server := strings.TrimRight(args[0], "/")
			l, err := loadLogins(c.Program)
			if err != nil {
				return err
			}
			if l.Servers[server].Token == "" {
				return fmt.Errorf("you are not logged in to %s; see 'slipway login ls'", command.Clean(server))
			}
			if err := store(c.Program, func(all *logins) { all.Current = server }); err != nil {
				return err
			}
			c.warnOverridden(server)
			_, err = fmt.Fprintf(c.Stdout, "Commands now use %s as %s\n", server, command.Clean(l.Servers[server].User))
			return err
		},
	}
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
		Use:   "logout",
		Short: "Revoke the token of 'slipway login', with all that it made, and forget it",
		Long: `Revoke the token of "slipway login" and forget it. The tokens that were made with it end too, those of "slipway login npm" and its
siblings among them; tokens that were made with the password stay.`,
		Example: "  slipway logout --server https://slipway.example.com",
		Args:    command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.quiet = true
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
			if c.Env("SLIPWAY_TOKEN") != "" {
				fmt.Fprintln(c.Stderr, "slipway: note: SLIPWAY_TOKEN is still set, so commands go on with that token; unset it")
			}
			_, err = fmt.Fprintf(c.Stdout, "Logged out of %s\n", cl.Server())
			return err
		},
	}
	f.Add(cmd)
	return cmd
}
