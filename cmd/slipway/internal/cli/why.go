package cli

import (
	"context"
	"fmt"
	"path"
	"slices"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
	"slipway/internal/lazyregexp"

	"github.com/spf13/cobra"
)

func (c commands) whyCmd() *cobra.Command {
	var f Flags
	g := c.Group("why [REQUEST]", "Say why a request was refused, why a version has to stay or is gone, and why you may do something or may not", `  slipway why K4Q7TZJ6M5N2B3V8X1C9L0A2SD
  slipway why kept main npm @acme/web 1.4.2
  slipway why gone main npm @acme/web 1.4.1
  slipway why may publish main`, c.whyKeptCmd(&f), c.whyGoneCmd(&f), c.whyMayCmd(&f))
	g.Long = `Explain the refusal of a request by its id, which the client has printed: which rule it was, why, until when, and how an administrator
lets it through. The subcommands explain what keeps a version, how it went, and what you may do.`
	help := g.RunE
	g.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && requestID.MatchString(args[0]) {
			return nil
		}
		return command.SubcommandOnly(cmd, args)
	}
	g.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return help(cmd, args)
		}
		return c.whyRefused(cmd, &f, args[0])
	}
	f.Add(g)
	return g
}

// requestID matches what can be the id of a request, and is no misspelt subcommand.
var requestID = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$`)

// reason is a thing that names or runs a version.
type reason struct {
	Kind    string `json:"kind"`    // tag, service or deployment
	Name    string `json:"name"`    // of the tag, or service in environment
	Since   string `json:"since"`   // RFC 3339
	Forbids bool   `json:"forbids"` // whether the version can't be deleted because of it
}

var reasonColumns = []column[reason]{
	{"WHAT", func(r reason) any { return r.Kind }},
	{"NAME", func(r reason) any { return r.Name }},
	{"SINCE", func(r reason) any { return when(r.Since) }},
	{"FORBIDS DELETION", func(r reason) any { return yes(r.Forbids) }},
}

func (c commands) whyKeptCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "kept REPO FORMAT PACKAGE VERSION", Short: "List what names or runs a version, and whether it can be deleted", Args: command.Exactly(4),
		Long: `List the tags that name a version, the services that run it, and the deployments that are about to bring it, as far as you may see
them. What runs or is about to run can't be deleted; tags go with the version.`,
		Example: "  slipway why kept main npm @acme/web 1.4.2",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			reasons, err := reasonsFor(cmd.Context(), cl.Client, packageOf(args), args[3])
			if err != nil {
				return err
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, reasons)
			}
			if len(reasons) == 0 {
				_, err := fmt.Fprintln(c.Stdout, "Nothing names it and nothing that you may see runs it.")
				return err
			}
			return printList(c.Stdout, c.Screen(f.wide), reasons, reasonColumns)
		},
	}
}

// reasonsFor collects what names or runs a version.
func reasonsFor(ctx context.Context, cl *client.Client, p client.Package, name string) ([]reason, error) {
	version, err := resolve(ctx, cl, p, name)
	if err != nil {
		return nil, err
	}
	v, err := cl.Version(ctx, p, version)
	if err != nil {
		return nil, err
	}
	out := []reason{}
	for t, err := range cl.Tags(ctx, p) {
		if err != nil {
			return nil, err
		}
		if t.Version == v.Version {
			out = append(out, reason{"tag", t.Tag, t.SetAt, false})
		}
	}
	for e, err := range cl.Environments(ctx, "") {
		if err != nil {
			return nil, err
		}
		state, err := cl.Environment(ctx, e.Name, "")
		if err != nil {
			return nil, err
		}
		for _, s := range state.Services {
			if r := s.Running; r != nil && r.Repository == p.Repository && r.PURL == v.PURL {
				out = append(out, reason{"service", s.Service + " in " + e.Name, r.Since, true})
			}
		}
	}
	for _, status := range []string{"queued", "running"} {
		for d, err := range cl.Deployments(ctx, client.DeploymentFilter{Repository: p.Repository, Status: status, PURL: v.PURL}) {
			if err != nil {
				return nil, err
			}
			out = append(out, reason{"deployment", fmt.Sprintf("%s of %s in %s (%s)", d.ID, d.Service, d.Environment, status), d.CreatedAt, true})
		}
	}
	return out, nil
}

// permitted is the answer to "why may".
type permitted struct {
	Caller     string          `json:"caller"`
	Token      string          `json:"token,omitempty"`
	Action     api.Action      `json:"action"`
	Repository string          `json:"repository"`
	Allowed    bool            `json:"allowed"`
	By         *api.Permission `json:"by"` // the permission that allows it; null: none does
}

// actions are what a permission can allow.
var actions = []api.Action{api.ActionRead, api.ActionPublish, api.ActionTag, api.ActionDelete, api.ActionDeploy, api.ActionAudit, api.ActionAdmin}

func (c commands) whyMayCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "may ACTION REPO", Short: "Say whether you may do something in a repository, and by which permission", Args: command.Exactly(2),
		Long: `Say whether the token or user that commands act as may do something in a repository, and by which of its permissions. ACTION is
read, publish, tag, delete, deploy, audit or admin; REPO * is the whole server. The exit code is 1 when you may not.`,
		Example: `  slipway why may publish main
  slipway why may audit '*' -o json`,
		ValidArgs: []cobra.Completion{"read", "publish", "tag", "delete", "deploy", "audit", "admin"},
		RunE: func(cmd *cobra.Command, args []string) error {
			action := api.Action(args[0])
			if !slices.Contains(actions, action) {
				var words []string
				for _, a := range actions {
					words = append(words, string(a))
				}
				return command.Usagef("%q is no action%s", args[0], command.DidYouMean(args[0], words))
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			who, err := cl.WhoAmI(cmd.Context())
			if err != nil {
				return err
			}
			answer := permitted{Caller: who.Name, Token: who.Token, Action: action, Repository: args[1]}
			if i := slices.IndexFunc(who.Permissions, func(p api.Permission) bool { return allows(p, action, args[1]) }); i >= 0 {
				answer.Allowed, answer.By = true, &who.Permissions[i]
			}
			return c.reportPermitted(f, answer)
		},
	}
}

// allows reports whether a permission allows an action. Admin contains all others; only a permission on * covers the server.
func allows(p api.Permission, action api.Action, repository string) bool {
	if !slices.Contains(p.Actions, action) && !slices.Contains(p.Actions, api.ActionAdmin) {
		return false
	}
	if repository == "*" {
		return p.Repository == "*"
	}
	match, err := path.Match(p.Repository, repository) // names have no slashes
	return err == nil && match
}

func (c commands) reportPermitted(f *Flags, answer permitted) error {
	var err error
	who := command.Clean(answer.Caller)
	if answer.Token != "" {
		who = "token " + command.Clean(answer.Token) + " of user " + who
	}
	switch {
	case f.output == command.JSON:
		err = command.PrintJSON(c.Stdout, answer)
	case answer.Allowed:
		_, err = fmt.Fprintf(c.Stdout, "%s may %s in %s, by the permission %s\n", who, answer.Action, command.Clean(answer.Repository), cell(permissions([]api.Permission{*answer.By})))
	default:
		_, err = fmt.Fprintf(c.Stdout, "%s may not %s in %s: no permission allows it\n", who, answer.Action, command.Clean(answer.Repository))
	}
	if err == nil && !answer.Allowed {
		err = command.ErrReported
	}
	return err
}
