package cli

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Bounds of what a shell is offered: a completion that takes longer is of no use.
const (
	completionPatience = 3 * time.Second
	mostCompletions    = 200
)

// asking is one question of a shell: what can stand here.
type asking struct {
	ctx   context.Context
	cl    *client.Client
	args  []string // those before
	typed string
}

// completer returns what can stand for a word of a usage line.
type completer func(a asking) iter.Seq2[cobra.Completion, error]

// described is a completion with words for people.
func described(value, about string) cobra.Completion {
	return cobra.CompletionWithDesc(value, strings.ReplaceAll(about, "\n", " "))
}

// each turns the items of a list into completions.
func each[T any](list iter.Seq2[T, error], text func(T) cobra.Completion) iter.Seq2[cobra.Completion, error] {
	return func(yield func(cobra.Completion, error) bool) {
		for item, err := range list {
			if err != nil || !yield(text(item), nil) {
				return
			}
		}
	}
}

func completeRepositories(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Repositories(a.ctx), func(r api.Repository) cobra.Completion { return described(r.Name, r.Description) })
}

func completePackages(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Packages(a.ctx, a.args[0], client.PackageFilter{Format: a.args[1], Part: a.typed}), func(p api.Package) cobra.Completion { return p.Name })
}

// completeVersions offers the tags of images, and the versions of everything else.
func completeVersions(a asking) iter.Seq2[cobra.Completion, error] {
	if a.args[1] == imageFormat {
		return completeTags(a)
	}
	return each(a.cl.Versions(a.ctx, packageOf(a.args), client.VersionFilter{}), func(v api.VersionSummary) cobra.Completion { return described(v.Version, v.State) })
}

func completeTags(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Tags(a.ctx, packageOf(a.args)), func(t api.Tag) cobra.Completion { return described(t.Tag, t.Version) })
}

func completeEnvironments(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Environments(a.ctx, ""), func(e api.Environment) cobra.Completion { return described(e.Name, e.Description) })
}

// completeServices offers the services of the environment before.
func completeServices(a asking) iter.Seq2[cobra.Completion, error] {
	return func(yield func(cobra.Completion, error) bool) {
		state, err := a.cl.Environment(a.ctx, a.args[0], "")
		for _, s := range state.Services {
			if err != nil || !yield(s.Service, nil) {
				return
			}
		}
	}
}

func completeUsers(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Users(a.ctx), func(u api.User) cobra.Completion { return u.Name })
}

func completeTokens(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Tokens(a.ctx), func(t api.Token) cobra.Completion { return described(t.ID, t.Name) })
}

func completeSessions(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Sessions(a.ctx, ""), func(s api.Session) cobra.Completion { return described(s.ID, s.Browser) })
}

func completeSubscriptions(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Subscriptions(a.ctx), func(s api.Subscription) cobra.Completion { return described(s.ID, s.Name) })
}

func completeConsumers(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Consumers(a.ctx), func(c api.Consumer) cobra.Completion { return c.Name })
}

func completeDeployments(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Deployments(a.ctx, client.DeploymentFilter{}), func(d api.Deployment) cobra.Completion {
		return described(d.ID, d.Service+" in "+d.Environment+": "+d.Status)
	})
}

// completeUpstreams offers the upstreams of the repository before.
func completeUpstreams(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Upstreams(a.ctx, a.args[0]), func(u api.Upstream) cobra.Completion { return described(u.Name, u.Repository) })
}

func completeClaims(a asking) iter.Seq2[cobra.Completion, error] {
	return each(a.cl.Claims(a.ctx, ""), func(c api.Claim) cobra.Completion { return described(c.ID, c.Pattern) })
}

// completeOrigins offers the origins that a package can have.
func completeOrigins(asking) iter.Seq2[cobra.Completion, error] {
	return func(yield func(cobra.Completion, error) bool) {
		for _, origin := range []string{"published", "upstream", "both"} {
			if !yield(origin, nil) {
				return
			}
		}
	}
}

// wordCompleters are the words of usage lines that mean the same in every command.
var wordCompleters = map[string]completer{
	"REPO": completeRepositories, "PACKAGE": completePackages, "VERSION": completeVersions, "TAG": completeTags, "SERVICE": completeServices,
	"OTHER": completeRepositories, "UPSTREAM": completeUpstreams, "UPSTREAM...": completeUpstreams, "ORIGIN": completeOrigins,
}

// ownCompleters are the words NAME and ID, by the command that holds those that have them.
var ownCompleters = map[string]completer{
	"repo": completeRepositories, "env": completeEnvironments, "user": completeUsers, "token": completeTokens,
	"subscription": completeSubscriptions, "consumer": completeConsumers, "deploy": completeDeployments, "claim": completeClaims, "session": completeSessions,
}

// flagCompleters are flags that mean the same in every command.
var flagCompleters = map[string]completer{"environment": completeEnvironments, "repository": completeRepositories, "upstream": completeRepositories}

// newNames are the commands whose NAME is that of something new.
var newNames = []string{"create", "add"}

// completeAll lets shells complete the arguments and flags of commands with what the server has.
func (c commands) completeAll(list []*cobra.Command) {
	for _, cmd := range list {
		c.completeAll(cmd.Commands())
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 && cmd.Runnable() && !cmd.HasSubCommands() {
			cmd.ValidArgsFunction = c.argumentsOf(cmd)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			complete := flagCompleters[f.Name]
			if complete == nil || cmd.Flags().Lookup(f.Name) == nil {
				return
			}
			if _, exists := cmd.GetFlagCompletionFunc(f.Name); exists {
				return
			}
			c.must(cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
				return c.offer(cmd, complete, args, typed)
			}))
		})
		if cmd.Flags().Lookup("format") != nil {
			c.must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(c.Formats, cobra.ShellCompDirectiveNoFileComp)))
		}
	}
}

func (commands) must(err error) {
	if err != nil {
		panic(err) // no such flag: a programming error that any test finds
	}
}

// argumentsOf completes the arguments of a command by the words of its usage line.
func (c commands) argumentsOf(cmd *cobra.Command) cobra.CompletionFunc {
	words := strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(cmd.Use))[1:]
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if last := len(words) - 1; len(args) > last && (last < 0 || !strings.HasSuffix(words[last], "...")) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		word := words[min(len(args), len(words)-1)]
		switch {
		case word == "FORMAT":
			return c.Formats, cobra.ShellCompDirectiveNoFileComp
		case word == "FILE" || word == "DIR":
			return nil, cobra.ShellCompDirectiveDefault
		case wordCompleters[word] != nil:
			return c.offer(cmd, wordCompleters[word], args, typed)
		case (word == "NAME" || word == "ID") && cmd.HasParent() && !slices.Contains(newNames, cmd.Name()):
			return c.offer(cmd, ownCompleters[cmd.Parent().Name()], args, typed)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// offer asks the server; whatever goes wrong, nothing is offered.
func (c commands) offer(cmd *cobra.Command, complete completer, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	if complete == nil {
		return nil, directive
	}
	f := Flags{quiet: true}
	for name, to := range map[string]*string{"server": &f.server, "token": &f.token} {
		if flag := cmd.Flags().Lookup(name); flag != nil {
			*to = flag.Value.String()
		}
	}
	cl, err := f.Connect(c.Program)
	if err != nil {
		return nil, directive
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	var out []cobra.Completion
	for value, err := range complete(asking{ctx, cl.Client, args, typed}) {
		if err != nil || len(out) == mostCompletions {
			break
		}
		if strings.HasPrefix(value, typed) {
			out = append(out, value)
		}
	}
	return out, directive
}
