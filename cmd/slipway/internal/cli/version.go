package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

func (c commands) versionCmd() *cobra.Command {
	var f Flags
	g := c.Group("version", "Print this program's version; list, show, annotate, yank, deprecate and remove versions of packages",
		`  slipway version
  slipway version ls main npm @acme/web
  slipway version show main npm @acme/web 1.4.2`,
		c.versionListCmd(&f), c.versionShowCmd(&f), c.versionAnnotateCmd(&f), c.versionRemoveCmd(&f))
	g.AddCommand(c.versionStateCmds(&f)...)
	g.RunE = func(*cobra.Command, []string) error {
		if err := command.CheckOutput(f.output); err != nil {
			return err
		}
		if f.output == command.JSON {
			return command.PrintJSON(c.Stdout, c.versionInfo())
		}
		_, err := fmt.Fprintln(c.Stdout, c.versionText())
		return err
	}
	f.Add(g)
	return g
}

// versionPath is the resource of a package's versions, or of one.
func versionPath(args []string) string {
	path := segments("repositories", args[0], "packages", args[1], args[2]) + "/versions"
	if len(args) > 3 {
		path += segments(args[3])
	}
	return path
}

func (c commands) versionListCmd(f *Flags) *cobra.Command {
	var deleted bool
	cmd := &cobra.Command{
		Use: "ls REPO FORMAT PACKAGE", Short: "List the versions of a package, newest first", Args: command.Exactly(3),
		Example: "  slipway version ls main npm @acme/web",
		RunE: func(cmd *cobra.Command, args []string) error {
			query := queryOf()
			if deleted {
				query.Set("deleted", "true")
			}
			return c.list(cmd, f, versionPath(args), query, field("VERSION", "version"), field("STATE", "state"), field("SIZE", "size"),
				field("PUBLISHED", "published_at"), field("BY", "published_by"), field("DIGEST", "digest"))
		},
	}
	cmd.Flags().BoolVar(&deleted, "deleted", false, "also show the tombstones of deleted versions")
	return cmd
}

func (c commands) versionShowCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "show REPO FORMAT PACKAGE VERSION", Short: "Show all that is known of one version", Args: command.Exactly(4),
		Example: `  slipway version show main npm @acme/web 1.4.2
  slipway version show main raw team/tool 1.2.0 --output json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, f, request{method: http.MethodGet, path: versionPath(args)},
				field("PURL", "purl"), field("STATE", "state"), field("REASON", "reason"), field("PUBLISHED", "published_at"),
				field("BY", "published_by"), field("SIZE", "size"), field("DIGEST", "digest"), field("TAGS", "tags"), field("LOG ENTRY", "seq"),
				release("REPOSITORY", "source", "repository"), release("COMMIT", "source", "commit"), release("REF", "source", "ref"),
				release("BUILD", "build", "url"), column{"FILES", files}, column{"FACTS", facts})
		},
	}
}

// release shows one of the best known facts.
func release(title, part, key string) column {
	return column{title, func(item map[string]any) string {
		rel, _ := item["release"].(map[string]any)
		p, _ := rel[part].(map[string]any)
		return cell(p[key])
	}}
}

func files(item map[string]any) string {
	return lines(item["files"], func(f map[string]any) string {
		return fmt.Sprintf("%s  %s  %s", cell(f["sha256"]), cell(f["path"]), cell(f["size"]))
	})
}

func facts(item map[string]any) string {
	return lines(item["facts"], func(f map[string]any) string {
		return fmt.Sprintf("%s=%s (%s, rank %s, %s)", cell(f["key"]), cell(f["value"]), cell(f["source"]), cell(f["rank"]), cell(f["at"]))
	})
}

// lines puts each item of a list on a line of its own, below each other in the second column.
func lines(v any, text func(map[string]any) string) string {
	list, _ := v.([]any)
	var parts []string
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			parts = append(parts, text(m))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, "\n\t")
}

func (c commands) versionRemoveCmd(f *Flags) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "rm REPO FORMAT PACKAGE VERSION", Short: "Delete a version; a tombstone stays", Args: command.Exactly(4),
		Example: `  slipway version rm main npm @acme/web 1.4.2 --reason "leaked a key"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, request{method: http.MethodDelete, path: versionPath(args), query: queryOf("reason", reason)},
				fmt.Sprintf("Deleted %s %s", args[2], args[3]))
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	return cmd
}

func (c commands) versionAnnotateCmd(f *Flags) *cobra.Command {
	var source struct {
		Repository string `json:"repository,omitempty"`
		Commit     string `json:"commit,omitempty"`
		Ref        string `json:"ref,omitempty"`
		Dirty      *bool  `json:"dirty,omitempty"`
	}
	var build struct {
		System     string `json:"system,omitempty"`
		ID         string `json:"id,omitempty"`
		URL        string `json:"url,omitempty"`
		StartedAt  string `json:"started_at,omitempty"`
		FinishedAt string `json:"finished_at,omitempty"`
	}
	var dirty bool
	var custom map[string]string
	cmd := &cobra.Command{
		Use: "annotate REPO FORMAT PACKAGE VERSION", Short: "Add release metadata to a version", Args: command.Exactly(4),
		Long: `Add release metadata to a version: where it came from and how it was built. What was stored before stays in its facts;
the newest of the same rank is shown.`,
		Example: `  slipway version annotate main npm @acme/web 1.4.2 --source-repository https://git.example.com/acme/web --commit 4f0c2d1 --ref refs/heads/main
  slipway version annotate main raw tool 1.2.0 --build-url https://ci.example.com/runs/77 --custom team.ticket=ABC-1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("dirty") {
				source.Dirty = &dirty
			}
			body := map[string]any{"source": source, "build": build}
			if len(custom) > 0 {
				body["custom"] = custom
			}
			raw, err := json.Marshal(body)
			if err != nil {
				return err
			}
			if string(raw) == `{"build":{},"source":{}}` {
				return command.Usagef("there is nothing to add: see '%s --help'", cmd.CommandPath())
			}
			return c.do(cmd, f, request{method: http.MethodPut, path: versionPath(args) + "/metadata", body: body},
				fmt.Sprintf("Annotated %s %s", args[2], args[3]))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&source.Repository, "source-repository", "", "URL of the source repository")
	fs.StringVar(&source.Commit, "commit", "", "commit that it was built from")
	fs.StringVar(&source.Ref, "ref", "", "branch or tag, such as refs/heads/main")
	fs.BoolVar(&dirty, "dirty", false, "the working tree had changes")
	fs.StringVar(&build.System, "build-system", "", "what built it")
	fs.StringVar(&build.ID, "build-id", "", "id of the build")
	fs.StringVar(&build.URL, "build-url", "", "URL of the build")
	fs.StringVar(&build.StartedAt, "build-started-at", "", "RFC 3339 time")
	fs.StringVar(&build.FinishedAt, "build-finished-at", "", "RFC 3339 time")
	fs.StringToStringVar(&custom, "custom", nil, "KEY=VALUE, such as team.ticket=ABC-1; may be given again")
	return cmd
}

// versionInfo is what "slipway version" knows.
func (c commands) versionInfo() map[string]string {
	version, commit := c.Version()
	return map[string]string{"version": version, "commit": commit, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
}

func (c commands) versionText() string {
	v := c.versionInfo()
	return fmt.Sprintf("slipway %s (commit %s, %s, %s)", v["version"], v["commit"], v["go"], v["platform"])
}
