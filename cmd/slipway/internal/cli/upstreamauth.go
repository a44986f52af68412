package cli

import (
	"slipway/api"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// authFlags are the flags for the credentials of a registry elsewhere.
type authFlags struct {
	user, header              string
	passwordStdin, tokenStdin bool
	passwordFile, tokenFile   string
	none                      bool
}

func (a *authFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&a.user, "user", "", "of a registry elsewhere: user name at it, with --password-stdin or --password-file")
	fs.BoolVar(&a.passwordStdin, "password-stdin", false, "read the password of --user from standard input")
	fs.StringVar(&a.passwordFile, "password-file", "", "name of a file with the password of --user in the directory that 'serve --upstream-secrets' names, on the server")
	fs.BoolVar(&a.tokenStdin, "token-stdin", false, "of a registry elsewhere: read a bearer token for it, or the value of --header, from standard input")
	fs.StringVar(&a.tokenFile, "token-file", "", "name of a file with the token, or the value of --header, in that directory")
	fs.StringVar(&a.header, "header", "", "of a registry elsewhere: name of the header that it wants the token in")
	fs.BoolVar(&a.none, "no-auth", false, "of a registry elsewhere: send it no credentials")
}

// given reports whether the command line says anything of credentials.
func (a *authFlags) given() bool { return *a != authFlags{} }

// read is what the command line says of credentials; nil: nothing.
func (a *authFlags) read(c commands, cmd *cobra.Command) (*api.NewUpstreamAuth, error) {
	password, token := a.passwordStdin || a.passwordFile != "", a.tokenStdin || a.tokenFile != ""
	out := &api.NewUpstreamAuth{Type: "bearer", User: a.user, Header: a.header, File: a.passwordFile + a.tokenFile}
	sources := 0
	for _, given := range []bool{a.passwordStdin, a.passwordFile != "", a.tokenStdin, a.tokenFile != "", a.none} {
		if given {
			sources++
		}
	}
	switch {
	case sources > 1 || a.none && a.user+a.header != "":
		return nil, command.Usagef("give one of --password-stdin, --password-file, --token-stdin, --token-file and --no-auth")
	case a.none:
		return &api.NewUpstreamAuth{Type: "none"}, nil
	case (a.user != "") != password:
		return nil, command.Usagef("--user goes with --password-stdin or --password-file")
	case a.header != "" && !token:
		return nil, command.Usagef("--header goes with --token-stdin or --token-file")
	case a.user != "":
		out.Type = "basic"
	case a.header != "":
		out.Type = "header"
	case !token:
		return nil, nil
	}
	if a.passwordStdin || a.tokenStdin {
		var err error
		if out.Secret, err = c.secretLine(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
