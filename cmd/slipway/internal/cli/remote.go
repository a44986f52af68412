package cli

import (
	"cmp"
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
}

// Add adds the flags to cmd and everything below it.
func (f *Flags) Add(cmd *cobra.Command) {
	fs := cmd.PersistentFlags()
	fs.StringVar(&f.server, "server", "", "URL of the server (default: SLIPWAY_SERVER, else "+defaultServer+")")
	fs.StringVar(&f.token, "token", "", "token (default: SLIPWAY_TOKEN, else what 'slipway login' stored)")
	fs.StringVar(&f.output, "output", command.Table, "table or json")
}

// Remote is the server that a command talks to.
type Remote struct {
	*client.Client
	// Token is sent with every request; "" is none.
	Token string
	// Output is how results are to be printed: command.Table or command.JSON.
	Output string
}

// Connect makes a client from flags, environment and stored logins.
func (f *Flags) Connect(p *command.Program) (*Remote, error) {
	if err := command.CheckOutput(f.output); err != nil {
		return nil, err
	}
	server := cmp.Or(f.server, p.Env("SLIPWAY_SERVER"), defaultServer)
	r := &Remote{Token: cmp.Or(f.token, p.Env("SLIPWAY_TOKEN")), Output: f.output}
	var err error
	if r.Client, err = connect(p, server, client.Options{Token: r.Token}); err != nil || r.Token != "" {
		return r, err
	}
	stored, err := loadLogins(p)
	if err != nil {
		return nil, err
	}
	if r.Token = stored.Servers[r.Server()].Token; r.Token == "" {
		return r, nil
	}
	r.Client, err = connect(p, server, client.Options{Token: r.Token, Advise: func(e *client.Error) string {
		return unauthorized(e, "; log in again with 'slipway login'")
	}})
	return r, err
}

// connect makes a client that names this program to the server, and advises a user without credentials how to log in.
func connect(p *command.Program, server string, o client.Options) (*client.Client, error) {
	o.UserAgent = p.UserAgent()
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
