package cli

import (
	"context"
	"iter"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var sessionColumns = []column[api.Session]{
	{"ID", func(s api.Session) any { return s.ID }},
	{"USER", func(s api.Session) any { return s.User }},
	{"BROWSER", func(s api.Session) any { return s.Browser }},
	{"BEGAN", func(s api.Session) any { return when(s.CreatedAt) }},
	{"LAST USED", func(s api.Session) any { return when(s.LastUsedAt) }},
	{"FROM", func(s api.Session) any { return s.LastUsedFrom }},
	{onlyWide("ENDS"), func(s api.Session) any { return when(s.ExpiresAt) }},
}

func (c commands) sessionCmd() *cobra.Command {
	var f Flags
	g := c.Group("session", "List and end the sessions of browsers", `  slipway session ls
  slipway session end 7`, c.sessionListCmd(&f), c.sessionEndCmd(&f))
	f.Add(g)
	return g
}

func (c commands) sessionListCmd(f *Flags) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "ls", Short: "List the browsers that are logged in", Args: command.Exactly(0),
		Long: `List the browsers that are logged in to the pages of the server as you. Administrators and auditors of the server name any
user. The tokens of programs that are logged in are in "slipway token ls".`,
		Example: `  slipway session ls
  slipway session ls --user jane`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, sessionColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Session, error] {
				return cl.Sessions(ctx, user)
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "whose sessions (default: yours)")
	return cmd
}

func (c commands) sessionEndCmd(f *Flags) *cobra.Command {
	var user string
	var all, yes bool
	cmd := &cobra.Command{
		Use: "end [ID]", Short: "End a session, or all of a user: the browser has to log in again", Args: cobra.MaximumNArgs(1),
		Long: `End a session: its browser has to log in again. With --all it is all of yours, or, for administrators of the server, all of
the user that --user names. Tokens stay: "slipway token rm" revokes them.`,
		Example: `  slipway session end 7
  slipway session end --all
  slipway session end --all --user jane --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case all == (len(args) == 1):
				return command.Usagef("give the ID of a session, or --all")
			case user != "" && !all:
				return command.Usagef("--user goes with --all: an ID says whose session it is")
			case !all:
				return c.do(cmd, f, "Ended session "+args[0], func(ctx context.Context, cl *client.Client) error { return cl.EndSession(ctx, args[0]) })
			}
			whose := "you"
			if user != "" {
				whose = "user " + user
			}
			if err := c.Confirm(yes, "End all sessions of "+whose); err != nil {
				return err
			}
			return c.do(cmd, f, "Ended the sessions of "+whose, func(ctx context.Context, cl *client.Client) error { return cl.EndSessions(ctx, user) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all sessions of the user")
	cmd.Flags().StringVar(&user, "user", "", "with --all: whose (default: yours)")
	yesFlag(cmd, &yes)
	return cmd
}
