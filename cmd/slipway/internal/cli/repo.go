package cli

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var repoColumns = []column[api.Repository]{
	{"NAME", func(r api.Repository) any { return r.Name }},
	{"DESCRIPTION", func(r api.Repository) any { return r.Description }},
	{"UPSTREAMS", func(r api.Repository) any { return upstreamNames(r.Upstreams) }},
	{"CREATED", func(r api.Repository) any { return when(r.CreatedAt) }},
	{"SETTINGS", func(r api.Repository) any { return settingsText(r.Settings) }},
}

func upstreamNames(list []api.Upstream) (names []string) {
	for _, u := range list {
		names = append(names, u.Name)
	}
	return names
}

func (c commands) repoCmd() *cobra.Command {
	var f Flags
	g := c.Group("repo", "Make, list, change, remove and restore repositories", `  slipway repo create team-a --description "what team A builds"
  slipway repo set team-a raw_redeploy=true
  slipway repo rm team-a`, c.repoCreateCmd(&f), c.repoListCmd(&f), c.repoShowCmd(&f), c.repoSetCmd(&f), c.repoSettingsCmd(&f), c.repoRemoveCmd(&f), c.repoRestoreCmd(&f), c.repoRefreshCmd(&f))
	f.Add(g)
	return g
}

// repoFlags are the flags for the settings of a repository.
type repoFlags struct {
	description string
	reuse       bool
	strict      bool
	order       bool
	redeploy    bool
	tagRules    []string
	upstreams   []string
	format      string
	from        []string
	auth        authFlags
	writes      []string
}

func (f *repoFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.description, "description", "", "what it is for")
	fs.BoolVar(&f.strict, "strict-record", false, "keep the end of files from registries elsewhere back until they are in the log, however long the store takes")
	fs.BoolVar(&f.order, "strict-order", false, "let upstreams answer in the order of the list, registries elsewhere before what is here where they stand before it")
	fs.BoolVar(&f.reuse, "allow-reuse", false, "let the coordinate of a deleted version be published again")
	fs.BoolVar(&f.redeploy, "raw-redeploy", false, "let other bytes be stored under a raw path that exists")
	fs.StringArrayVar(&f.upstreams, "upstream", nil, "another repository, or the URL of a registry elsewhere (also NAME=URL, with --format), that it answers from beside its own versions; may be given again, in order")
	fs.StringVar(&f.format, "format", "", "format of the registries that --upstream names by URL: npm, pypi, maven, oci or raw")
	fs.StringArrayVar(&f.from, "upstream-from", nil, "also answer from the registry that this machine's npm, pip, mvn or docker is set up for; may be given again")
	fs.StringArrayVar(&f.writes, "writes", nil, "the --upstream, a repository, that takes what is written to this one; NAME=releases and NAME=snapshots where two take those of Maven")
	fs.StringArrayVar(&f.tagRules, "tag-rule", nil, tagRuleHelp)
	f.auth.add(cmd)
}

// change holds only the settings that the command line names, by flags and as words, so that the others stay; some reports whether it names any.
func (f *repoFlags) change(c commands, cmd *cobra.Command, words []string) (change api.RepositoryChange, some bool, err error) {
	settings, err := parseSettings(words)
	if err != nil {
		return change, false, err
	}
	if cmd.Flags().Changed("description") {
		change.Description = &f.description
	}
	if cmd.Flags().Changed("strict-record") {
		settings["strict_record"] = f.strict
	}
	if cmd.Flags().Changed("strict-order") {
		settings["strict_order"] = f.order
	}
	if cmd.Flags().Changed("allow-reuse") {
		settings["allow_reuse"] = f.reuse
	}
	if cmd.Flags().Changed("raw-redeploy") {
		settings["raw_redeploy"] = f.redeploy
	}
	if cmd.Flags().Changed("tag-rule") {
		if settings["tag_rules"], err = parseTagRules(f.tagRules); err != nil {
			return change, false, err
		}
	}
	if len(settings) > 0 {
		change.Settings, err = json.Marshal(settings)
	}
	if err == nil && (cmd.Flags().Changed("upstream") || len(f.from) > 0 || len(f.writes) > 0 || f.auth.given()) {
		change.Upstreams, err = f.list(cmd, c)
	}
	return change, change.Description != nil || change.Settings != nil || change.Upstreams != nil, err
}

// list is the list of upstreams: those of --upstream, then those of --upstream-from. Repositories go by their names, as the server takes them.
func (f *repoFlags) list(cmd *cobra.Command, c commands) (json.RawMessage, error) {
	auth, err := f.auth.read(c, cmd)
	if err != nil {
		return nil, err
	}
	out, writes := []any{}, map[string]string{}
	remotes := 0
	for _, value := range f.writes {
		name, versions, _ := strings.Cut(value, "=")
		if !slices.Contains(f.upstreams, name) {
			return nil, command.Usagef("--writes %s: give the repository with --upstream too", name)
		}
		writes[name] = versions
	}
	for _, value := range f.upstreams {
		if value == "" {
			continue
		}
		u, err := upstreamOf(value, f.format)
		versions, writer := writes[value]
		switch {
		case err != nil:
			return nil, err
		case writer:
			u.Writes, u.WritesVersions = true, versions
			out = append(out, u)
		case u.Repository != "":
			out = append(out, u.Repository)
		default:
			remotes++
			u.Auth = auth
			out = append(out, u)
		}
	}
	for _, name := range f.from {
		u, err := c.upstreamFrom(cmd.Context(), name)
		if err != nil {
			return nil, err
		}
		remotes++
		u.Auth = auth
		out = append(out, u)
	}
	if auth != nil && remotes != 1 {
		return nil, command.Usagef("credentials are of one registry elsewhere, and there are %d: give them with 'slipway upstream set'", remotes)
	}
	return json.Marshal(out)
}

// explain says which of the words is no setting of the server, if that is why it refused them.
func (*repoFlags) explain(ctx context.Context, cl *client.Client, words []string, err error) error {
	if err == nil || len(words) == 0 {
		return err
	}
	settings, _ := parseSettings(words) // parsed before
	return unknownSetting(ctx, cl, settings, err)
}

func (c commands) repoCreateCmd(f *Flags) *cobra.Command {
	var rf repoFlags
	cmd := &cobra.Command{
		Use: "create NAME [SETTING=VALUE…]", Short: "Make a repository", Args: atLeast(1),
		Example: `  slipway repo create team-a --description "what team A builds"
  slipway repo create team-a raw_redeploy=true
  slipway repo create all --upstream team-a --upstream team-b --writes team-a
  slipway repo create npm-mirror --upstream https://registry.example.com/ --format npm
  slipway repo create pypi-mirror --upstream-from pip`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, _, err := rf.change(c, cmd, args[1:])
			if err != nil {
				return err
			}
			change.Name = args[0]
			return show(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) (api.Repository, error) {
				repo, err := cl.CreateRepository(ctx, api.NewRepository(change))
				return repo, rf.explain(ctx, cl, args[1:], err)
			})
		},
	}
	rf.add(cmd)
	return cmd
}

func (c commands) repoListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the repositories that you may read", Example: "  slipway repo ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Repository, error] {
				return cl.Repositories(ctx)
			})
		},
	}
}

func (c commands) repoShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show one repository", Example: "  slipway repo show main", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) (api.Repository, error) {
				return cl.Repository(ctx, args[0])
			})
		},
	}
}

func (c commands) repoSetCmd(f *Flags) *cobra.Command {
	var rf repoFlags
	cmd := &cobra.Command{
		Use: "set NAME [SETTING=VALUE…]", Short: "Change a repository; settings that are not named stay", Args: atLeast(1),
		Long: `Change the description and the settings of a repository. "slipway repo settings" lists the settings that the server has.
A value is true, false, a number, a word, or JSON.`,
		Example: `  slipway repo set main --description "everything we ship"
  slipway repo set main maven_immediate=true raw_redeploy=false
  slipway repo set main --tag-rule 'v*=immutable' --tag-rule stable=protected`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, some, err := rf.change(c, cmd, args[1:])
			if err != nil {
				return err
			}
			if !some {
				return command.Usagef("there is nothing to change: see '%s --help'", cmd.CommandPath())
			}
			return show(c, cmd, f, repoColumns, func(ctx context.Context, cl *client.Client) (api.Repository, error) {
				repo, err := cl.ChangeRepository(ctx, args[0], change)
				return repo, rf.explain(ctx, cl, args[1:], err)
			})
		},
	}
	rf.add(cmd)
	return cmd
}

func (c commands) repoRemoveCmd(f *Flags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm NAME", Short: "Remove a repository that holds no versions", Example: "  slipway repo rm team-a", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.Confirm(yes, "Remove repository "+args[0]); err != nil {
				return err
			}
			return c.do(cmd, f, "Removed repository "+args[0], func(ctx context.Context, cl *client.Client) error {
				return cl.DeleteRepository(ctx, args[0])
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

func (c commands) repoRefreshCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "refresh REPO [FORMAT [PACKAGE]]", Short: "Ask the registries elsewhere that a repository answers from for news",
		Long:    `What clients ask for next is asked there, although what is known of it is not old yet. Copies stay, and are served while a registry does not answer.`,
		Example: "  slipway repo refresh npm-mirror\n  slipway repo refresh npm-mirror npm left-pad", Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			at := append(args, "", "")
			return show(c, cmd, f, refreshedColumns, func(ctx context.Context, cl *client.Client) (api.Refreshed, error) {
				return cl.Refresh(ctx, at[0], at[1], at[2])
			})
		},
	}
}

var refreshedColumns = []column[api.Refreshed]{
	{"DOCUMENTS", func(r api.Refreshed) any { return r.Documents }},
	{"FILES", func(r api.Refreshed) any { return r.Files }},
}
