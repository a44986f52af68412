package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// parseSettings reads words of the form SETTING=VALUE. A value that is JSON stands for itself, any other is text.
func parseSettings(words []string) (api.RepositorySettings, error) {
	out := api.RepositorySettings{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, command.Usagef("%q is not of the form SETTING=VALUE, such as raw_redeploy=true", word)
		}
		if _, twice := out[name]; twice {
			return nil, command.Usagef("the setting %s is there twice", name)
		}
		var parsed any
		if json.Unmarshal([]byte(value), &parsed) != nil || parsed == nil {
			parsed = value
		}
		out[name] = parsed
	}
	return out, nil
}

// settingsText lists the settings that are set to something.
func settingsText(settings api.RepositorySettings) any {
	var out []string
	for name, value := range settings {
		raw, err := json.Marshal(value)
		if err != nil {
			raw = []byte(fmt.Sprint(value))
		}
		if slices.Contains([]string{"false", "0", `""`, "null", "[]", "{}"}, string(raw)) {
			continue
		}
		out = append(out, cell(name)+"="+cell(strings.Trim(string(raw), `"`)))
	}
	slices.Sort(out)
	return lines(out, func(s string) string { return s })
}

// settingColumns are the columns of the settings that a server has.
var settingColumns = []column[client.Setting]{
	{"SETTING", func(s client.Setting) any { return s.Name }},
	{"TYPE", func(s client.Setting) any { return s.Type }},
	{"MEANING", func(s client.Setting) any { return block{cell(s.Description)} }},
}

func (c commands) repoSettingsCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "settings", Short: "List the settings that a repository of this server can have", Args: command.Exactly(0),
		Example: "  slipway repo settings",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			settings, err := cl.Settings(cmd.Context())
			if err != nil {
				return err
			}
			if f.output == command.JSON {
				return command.PrintJSON(c.Stdout, settings)
			}
			for i, s := range settings {
				if i > 0 {
					fmt.Fprintln(c.Stdout)
				}
				if err := printItem(c.Stdout, c.Screen(f.wide), s, settingColumns); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// unknownSetting adds the names of the server's settings to a refusal of one that it does not have.
func unknownSetting(ctx context.Context, cl *client.Client, settings api.RepositorySettings, err error) error {
	if !client.IsStatus(err, 400) || len(settings) == 0 {
		return err
	}
	known, listErr := cl.Settings(withoutRaw(ctx))
	if listErr != nil {
		return err // the refusal says enough
	}
	var names []string
	for _, s := range known {
		names = append(names, s.Name)
	}
	for name := range settings {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no setting %q%s; this server has %s", command.Clean(name), strings.TrimSuffix(command.DidYouMean(name, names), "?"), command.Clean(strings.Join(names, ", ")))
		}
	}
	return err
}

// atLeast requires n arguments or more.
func atLeast(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return command.Exactly(n)(cmd, args)
		}
		return nil
	}
}
