package cli

import (
	"net/http"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var repoColumns = []column{field("NAME", "name"), field("DESCRIPTION", "description"), field("CREATED", "created_at"),
	setting("REUSE", "allow_reuse"), setting("REDEPLOY", "raw_redeploy")}

// setting shows one of a repository's settings.
func setting(title, key string) column {
	return column{title, func(item map[string]any) string {
		settings, _ := item["settings"].(map[string]any)
		return cell(settings[key])
	}}
}

func (c commands) repoCmd() *cobra.Command {
	var f Flags
	g := c.Group("repo", "Make, list, change and remove repositories", `  slipway repo create team-a --description "what team A builds"
  slipway repo set team-a --raw-redeploy
  slipway repo rm team-a`, c.repoCreateCmd(&f), c.repoListCmd(&f), c.repoShowCmd(&f), c.repoSetCmd(&f), c.repoRemoveCmd(&f))
	f.Add(g)
	return g
}

// repoFlags are what can be set of a repository.
type repoFlags struct {
	description string
	reuse       bool
	redeploy    bool
}

func (f *repoFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.description, "description", "", "what it is for")
	fs.BoolVar(&f.reuse, "allow-reuse", false, "let the coordinate of a deleted version be published again")
	fs.BoolVar(&f.redeploy, "raw-redeploy", false, "let other bytes be stored under a raw path that exists")
}

// body names only what the command line names, so that the rest stays.
func (f *repoFlags) body(cmd *cobra.Command) map[string]any {
	body, settings := map[string]any{}, map[string]any{}
	if cmd.Flags().Changed("description") {
		body["description"] = f.description
	}
	if cmd.Flags().Changed("allow-reuse") {
		settings["allow_reuse"] = f.reuse
	}
	if cmd.Flags().Changed("raw-redeploy") {
		settings["raw_redeploy"] = f.redeploy
	}
	if len(settings) > 0 {
		body["settings"] = settings
	}
	return body
}

func (c commands) repoCreateCmd(f *Flags) *cobra.Command {
	var rf repoFlags
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a repository", Example: `  slipway repo create team-a --description "what team A builds"`, Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := rf.body(cmd)
			body["name"] = args[0]
			return c.show(cmd, f, request{method: http.MethodPost, path: "/repositories", body: body}, repoColumns...)
		},
	}
	rf.add(cmd)
	return cmd
}

func (c commands) repoListCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the repositories that you may read", Example: "  slipway repo ls", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.list(cmd, f, "/repositories", nil, repoColumns...)
		},
	}
}

func (c commands) repoShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show one repository", Example: "  slipway repo show main", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, request{method: http.MethodGet, path: segments("repositories", args[0])}, repoColumns...)
		},
	}
}

func (c commands) repoSetCmd(f *Flags) *cobra.Command {
	var rf repoFlags
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change a repository; what is not named stays", Args: command.Exactly(1),
		Example: `  slipway repo set main --description "everything we ship"
  slipway repo set main --raw-redeploy=false`,
		RunE: func(cmd *cobra.Command, args []string) error {
			body := rf.body(cmd)
			if len(body) == 0 {
				return command.Usagef("there is nothing to change: see '%s --help'", cmd.CommandPath())
			}
			return c.show(cmd, f, request{method: http.MethodPatch, path: segments("repositories", args[0]), body: body}, repoColumns...)
		},
	}
	rf.add(cmd)
	return cmd
}

func (c commands) repoRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove a repository that holds no versions", Example: "  slipway repo rm team-a", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, request{method: http.MethodDelete, path: segments("repositories", args[0])}, "Removed repository "+args[0])
		},
	}
}
