package cli

import (
	"strings"

	"slipway/api"
	"slipway/cmd/slipway/internal/command"
)

// noTagRules is the value of --tag-rule that removes all rules.
const noTagRules = "none"

const tagRuleHelp = "restrict tags, as PATTERN=protected (only callers with the right 'tag' change them) or PATTERN=immutable (nobody moves or removes them); " +
	"FORMAT:PATTERN=… for one format. All rules are replaced by those given, 'none' removes them"

// parseTagRules reads the values of --tag-rule.
func parseTagRules(values []string) ([]api.TagRule, error) {
	rules := []api.TagRule{}
	if len(values) == 1 && values[0] == noTagRules {
		return rules, nil
	}
	for _, v := range values {
		what, rule, ok := strings.Cut(v, "=")
		if !ok {
			return nil, command.Usagef("--tag-rule %s: write it as PATTERN=protected or PATTERN=immutable", v)
		}
		r := api.TagRule{Pattern: what, Rule: rule}
		if format, pattern, one := strings.Cut(what, ":"); one {
			r.Format, r.Pattern = format, pattern
		}
		rules = append(rules, r)
	}
	return rules, nil
}
