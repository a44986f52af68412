package cli

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

const defaultServer = "http://127.0.0.1:8080"

// Flags are the flags of every command that talks to a server.
type Flags struct {
	server string
	token  string
	output string
	wide   bool
	warned bool // what warn says was said
	quiet  bool // nothing but results may be printed, as when a shell completes
}

// Add adds the flags to cmd and everything below it.
func (f *Flags) Add(cmd *cobra.Command) {
	fs := cmd.PersistentFlags()
	fs.StringVar(&f.server, "server", "", "URL of the server (default: SLIPWAY_SERVER, else that of the latest 'slipway login', else "+defaultServer+")")
	fs.StringVar(&f.token, "token", "", "token (default: SLIPWAY_TOKEN, else that of 'slipway login')")
	command.OutputFlag(cmd, fs, &f.output, "table or json")
	fs.BoolVar(&f.wide, "wide", false, "show every column of a table, whole digests and exact times")
}

// AddForServer adds the flags to a command that works without a server unless --server names one.
func (f *Flags) AddForServer(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.server, "server", "", "URL of a running server that is to do it")
	fs.StringVar(&f.token, "token", "", "with --server: token (default: SLIPWAY_TOKEN, else that of 'slipway login')")
	command.OutputFlag(cmd, fs, &f.output, "table or json")
}

// Output is the value of --output.
func (f *Flags) Output() string { return f.output }

// Remote is the server that a command talks to.
type Remote struct {
	*client.Client
	// Token is sent with every request; "" is none.
	Token string
	// Output is how results are to be printed: command.Table or command.JSON.
	Output string
}

// Connect makes a client from flags, environment and stored logins. It warns when the environment wins over a login.
func (f *Flags) Connect(p *command.Program) (*Remote, error) {
	stored, unreadable := loadLogins(p)
	server := cmp.Or(f.server, p.Env("SLIPWAY_SERVER"), stored.Current, defaultServer)
	r := &Remote{Token: cmp.Or(f.token, p.Env("SLIPWAY_TOKEN")), Output: f.output}
	var err error
	if r.Client, err = connect(p, server, client.Options{Token: r.Token}); err != nil {
		return nil, err
	}
	f.warn(p, stored, r.Server())
	if r.Token != "" {
		return r, nil
	}
	if unreadable != nil {
		return nil, unreadable
	}
	if r.Token = stored.Servers[r.Server()].Token; r.Token == "" {
		return r, nil
	}
	r.Client, err = connect(p, server, client.Options{Token: r.Token, Advise: func(e *client.Error) string {
		return unauthorized(e, "; log in again with 'slipway login'")
	}})
	return r, err
}

// warn says when a variable of the environment wins over what "slipway login" stored: the user may not know of it.
func (f *Flags) warn(p *command.Program, stored logins, server string) {
	if f.quiet || f.warned { // a command may make several clients
		return
	}
	f.warned = true
	if f.server == "" && p.Env("SLIPWAY_SERVER") != "" && stored.Current != "" && stored.Current != server {
		fmt.Fprintf(p.Stderr, "slipway: note: SLIPWAY_SERVER names %s, so this is not %s, where you logged in\n", command.Clean(server), command.Clean(stored.Current))
	}
	known := stored.Servers[server]
	if token := p.Env("SLIPWAY_TOKEN"); f.token == "" && token != "" && known.Token != "" && known.Token != token {
		fmt.Fprintf(p.Stderr, "slipway: note: the token in SLIPWAY_TOKEN is used instead of your login as %s\n", command.Clean(known.User))
	}
}

// connect makes a client that names this program to the server, and advises a user without credentials how to log in.
func connect(p *command.Program, server string, o client.Options) (*client.Client, error) {
	o.UserAgent = p.UserAgent()
	o.Warn = func(text string) { fmt.Fprintln(p.Stderr, "slipway: warning: "+text) }
	if o.Token == "" && o.Password == "" {
		o.Advise = func(e *client.Error) string {
			return unauthorized(e, "; log in with 'slipway login', or give a token with --token or SLIPWAY_TOKEN")
		}
	}
	cl, err := client.New(server, o)
	if err != nil {
		return nil, command.Usagef("--server: it must be of the form http://host[:port] or https://host[:port]")
	}
	return cl, nil
}

// unauthorized is the advice to a user whose credentials are missing or no longer valid.
func unauthorized(e *client.Error, advice string) string {
	if e.Status != http.StatusUnauthorized {
		return ""
	}
	return advice
}
