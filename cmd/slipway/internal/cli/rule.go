package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

var ruleColumns = []column[api.Rule]{
	{"ID", func(r api.Rule) any { return r.ID }},
	{"REPOSITORY", func(r api.Rule) any { return r.Repository }},
	{"ACTION", func(r api.Rule) any { return r.Action }},
	{"MATCH", func(r api.Rule) any { return r.Match }},
	{"MIN AGE", func(r api.Rule) any { return r.MinAge }},
	{"MODE", func(r api.Rule) any { return r.Mode }},
	{"EXPIRES", func(r api.Rule) any { return optionalWhen(r.ExpiresAt) }},
	{"REASON", func(r api.Rule) any { return r.Reason }},
	{"BY", func(r api.Rule) any { return r.CreatedBy }},
}

// optionalWhen is a time of an answer that may be absent.
func optionalWhen(t *string) any {
	if t == nil {
		return ""
	}
	return when(*t)
}

func (c commands) ruleCmd() *cobra.Command {
	var f Flags
	g := c.Group("rule", "Deny, hide, hold or allow versions, whatever they come from", `  slipway rule add deny 'pkg:npm/lodash@<4.17.21' --reason CVE-2021-23337
  slipway rule add hold 'pkg:pypi/*' --min-age 72h --reason "three days"
  slipway rule ls`, c.ruleAddCmd(&f), c.ruleListCmd(&f), c.ruleRemoveCmd(&f), c.ruleSimulateCmd(&f))
	f.Add(g)
	return g
}

func (c commands) ruleAddCmd(f *Flags) *cobra.Command {
	var rule api.NewRule
	var minAge, expires time.Duration
	cmd := &cobra.Command{
		Use: "add ACTION MATCH", Short: "Make a rule; it holds at once", Args: command.Exactly(2),
		Long: `Make a rule about the versions or bytes that MATCH names. The first rule that matches decides, those of the whole server first.
  deny    neither listed nor served, whether it was published here or comes from elsewhere
  hide    not listed, so that nobody chooses it anew; served by its exact version
  hold    as deny, until it is older than --min-age
  allow   listed and served, also if the minimum age of an upstream would hold it
  pin     never evicted from the cache
MATCH is a package URL with * for any text, and a version, a pattern or a range behind an @: 'pkg:npm/lodash@<4.17.21',
'pkg:maven/com.acme/*@>=1.0,<2.0', 'pkg:pypi/*', 'pkg:*'; or the digest of bytes, 'sha256:…', wherever they lie.`,
		Example: `  slipway rule add deny 'pkg:npm/evil' --reason "malware, see INC-12"
  slipway rule add allow 'pkg:npm/lodash@4.17.21' --first --expires 168h --reason "security fix"
  slipway rule add hold 'pkg:npm/*' --min-age 72h --reason "three days" --mode audit`,
		ValidArgs: []cobra.Completion{"allow", "deny", "hide", "hold", "pin"},
		RunE: func(cmd *cobra.Command, args []string) error {
			rule.Action, rule.Match = args[0], args[1]
			if minAge != 0 {
				rule.MinAge = minAge.String()
			}
			switch {
			case expires < 0:
				return command.Usagef("--expires: can't be negative")
			case expires > 0:
				rule.ExpiresAt = time.Now().Add(expires).UTC().Format(time.RFC3339)
			}
			return show(c, cmd, f, ruleColumns, func(ctx context.Context, cl *client.Client) (api.Rule, error) { return cl.AddRule(ctx, rule) })
		},
	}
	cmd.Flags().StringVar(&rule.Reason, "reason", "", "why, in one line; clients are shown it")
	cmd.Flags().StringVar(&rule.Repository, "repository", "", "where it holds (default: in every repository)")
	cmd.Flags().StringVar(&rule.Mode, "mode", "", "enforce, or audit: record what it would refuse, and serve it (default: enforce)")
	cmd.Flags().DurationVar(&minAge, "min-age", 0, "of hold: how old a version must be, such as 72h")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it holds, such as 168h (default: for ever)")
	cmd.Flags().BoolVar(&rule.First, "first", false, "put it in front of the others of the same place")
	return cmd
}

func (c commands) ruleListCmd(f *Flags) *cobra.Command {
	var repository string
	cmd := &cobra.Command{
		Use: "ls", Short: "List the rules in the order in which they are asked", Example: "  slipway rule ls --repository npm-mirror", Args: command.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(c, cmd, f, ruleColumns, func(ctx context.Context, cl *client.Client) iter.Seq2[api.Rule, error] {
				return cl.Rules(ctx, repository)
			})
		},
	}
	cmd.Flags().StringVar(&repository, "repository", "", "only those that hold in this repository")
	return cmd
}

func (c commands) ruleRemoveCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID", Short: "Remove a rule; what it refused is served again", Example: "  slipway rule rm 3", Args: command.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd, f, "Removed rule "+args[0], func(ctx context.Context, cl *client.Client) error { return cl.RemoveRule(ctx, args[0]) })
		},
	}
}

var simulatedColumns = []column[api.Simulated]{
	{"REPOSITORY", func(s api.Simulated) any { return s.Repository }},
	{"VERSION", func(s api.Simulated) any { return s.PURL }},
	{"FILE", func(s api.Simulated) any { return s.Path }},
	{"CAME", func(s api.Simulated) any { return when(s.At) }},
	{"BY", func(s api.Simulated) any { return s.By }},
	{"WAS", func(s api.Simulated) any { return s.Before }},
	{"WOULD BE", func(s api.Simulated) any { return s.After }},
	{"UNTIL", func(s api.Simulated) any { return optionalWhen(s.Until) }},
}

func (c commands) ruleSimulateCmd(f *Flags) *cobra.Command {
	var last time.Duration
	cmd := &cobra.Command{
		Use: "simulate FILE", Short: "Say what rules would have changed", Args: command.Exactly(1),
		Long: `Replay what came from registries elsewhere, and what was published, with the rules of FILE beside those that there are, and list
what would have become of it. FILE is a JSON list of rules as "POST /api/v1/rules" takes them; - is the standard input. Nothing is stored.`,
		Example: `  echo '[{"action":"hold","match":"pkg:npm/*","min_age":"72h","reason":"three days"}]' | slipway rule simulate -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if last <= 0 {
				return command.Usagef("--last: must be positive")
			}
			rules, err := readRules(c.Stdin, args[0])
			if err != nil {
				return err
			}
			what := api.Simulation{Rules: rules, Since: time.Now().Add(-last).UTC().Format(time.RFC3339)}
			return ask(c, cmd, f, func(ctx context.Context, cl *client.Client) (api.List[api.Simulated], error) {
				var all api.List[api.Simulated]
				for {
					page, err := cl.SimulateRules(ctx, what)
					if err != nil {
						return all, err
					}
					all.Items = append(all.Items, page.Items...)
					if what.After = page.Next; page.Next == "" {
						return all, nil
					}
				}
			}, func(l api.List[api.Simulated]) error {
				return printList(c.Stdout, c.Screen(f.wide), l.Items, simulatedColumns)
			})
		},
	}
	cmd.Flags().DurationVar(&last, "last", 30*24*time.Hour, "how far to look back")
	return cmd
}

// readRules reads a JSON list of rules.
func readRules(stdin io.Reader, name string) (rules []api.NewRule, err error) {
	raw := []byte(nil)
	if name == "-" {
		raw, err = io.ReadAll(stdin)
	} else {
		raw, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &rules); err != nil {
		return nil, fmt.Errorf("%s is no JSON list of rules: %w", name, err)
	}
	return rules, nil
}

var whyColumns = []column[api.Why]{
	{"WHAT", func(y api.Why) any { return y.Subject }},
	{"REPOSITORY", func(y api.Why) any { return y.Repository }},
	{"OUTCOME", func(y api.Why) any { return y.Outcome }},
	{"UNTIL", func(y api.Why) any { return optionalWhen(y.Until) }},
	{"REASON", func(y api.Why) any { return y.Reason }},
	{"RULE", func(y api.Why) any { return ruleText(y.Rule) }},
	{"ASKED BY", func(y api.Why) any { return y.Caller }},
	{"ASKED", func(y api.Why) any { return when(y.At) }},
	{"EXEMPTION", func(y api.Why) any { return y.Exemption }},
}

func ruleText(r *api.Rule) string {
	if r == nil {
		return "the minimum age of an upstream, or a rule that is gone"
	}
	return r.ID + ": " + r.Action + " " + r.Match
}

// whyRefused explains the refusal of a request.
func (c commands) whyRefused(cmd *cobra.Command, f *Flags, id string) error {
	return show(c, cmd, f, whyColumns, func(ctx context.Context, cl *client.Client) (api.Why, error) { return cl.Why(ctx, id) })
}
