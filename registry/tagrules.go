package registry

import (
	"bytes"
	"cmp"
	"encoding/json"

	"slipway/internal/lazyregexp"
)

// TagRule restricts who may change the tags whose names match a pattern.
type TagRule struct {
	Pattern string      `json:"pattern" doc:"A tag, or a glob over tags in which '*' is any text."`
	Rule    TagRuleKind `json:"rule" doc:"'protected' or 'immutable'."`
	Format  string      `json:"format,omitempty" doc:"The format in which the rule holds; absent: in every format."`
}

// TagRuleKind is what a rule requires.
type TagRuleKind string

// Kinds of tag rules. A protected tag is set, moved and removed only with the right to tag. An immutable tag can be set, but
// is neither moved nor removed by any caller while the rule stands.
const (
	TagProtected TagRuleKind = "protected"
	TagImmutable TagRuleKind = "immutable"
)

// String is the rule as the command line writes it, such as v*=immutable or npm:v*=immutable.
func (r TagRule) String() string {
	s := r.Pattern + "=" + string(r.Rule)
	if r.Format != "" {
		s = r.Format + ":" + s
	}
	return s
}

// TagRuleList are the rules of a repository, in any order: of the rules that match a tag, the strictest holds.
type TagRuleList []TagRule

// TagRules are the tag rules of a repository.
var TagRules = NewSetting[TagRuleList]("tag_rules", "Protected and immutable tags",
	"Which tags are restricted. Each rule has a `pattern` over tags (`*` is any text), a `rule` and, where it holds for one format only, a `format`. "+
		"`protected`: only a caller with the right `tag` sets, moves or removes such a tag. `immutable`: such a tag is set once, and nobody moves or removes it. "+
		"Where several patterns match, the strictest rule holds.")

const maxTagRules = 100

var tagPattern = lazyregexp.New(`^[A-Za-z0-9_*][A-Za-z0-9._*-]*$`)

// UnmarshalJSON implements json.Unmarshaler. An empty list is nil. Invalid.
func (l *TagRuleList) UnmarshalJSON(raw []byte) error {
	var list []TagRule
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return Errorf(Invalid, AboutRequest, `tag_rules is a list such as [{"pattern":"v*","rule":"immutable"}]`)
	}
	if len(list) > maxTagRules {
		return Errorf(Invalid, AboutRequest, "tag_rules has %d rules; a repository has at most %d", len(list), maxTagRules)
	}
	for _, r := range list {
		if len(r.Pattern) > maxTagBytes || !tagPattern.MatchString(r.Pattern) {
			return Errorf(Invalid, AboutRequest, "tag_rules: %q is no pattern over tags: letters, digits, '_', '.', '-' and '*' for any text", Clip(r.Pattern))
		}
		if r.Rule != TagProtected && r.Rule != TagImmutable {
			return Errorf(Invalid, AboutRequest, "tag_rules: the rule of %q is %q or %q", Clip(r.Pattern), TagProtected, TagImmutable)
		}
	}
	*l = nil
	if len(list) > 0 {
		*l = list
	}
	return nil
}

// MarshalJSON implements json.Marshaler: no rules are an empty list.
func (l TagRuleList) MarshalJSON() ([]byte, error) { return json.Marshal(append([]TagRule{}, l...)) }

// For returns the strictest rule that matches a tag of a format; the zero TagRule where none does.
func (l TagRuleList) For(format, tag string) (strictest TagRule) {
	for _, r := range l {
		if cmp.Or(r.Format, format) == format && MatchGlob(r.Pattern, tag) && strictest.Rule != TagImmutable {
			if strictest.Rule == "" || r.Rule == TagImmutable {
				strictest = r
			}
		}
	}
	return strictest
}

// checkTagRules refuses a rule for a format that this server does not have: it would protect nothing. Invalid.
func (s *Core) checkTagRules(l TagRuleList) error {
	for _, r := range l {
		if _, known := s.Rules[r.Format]; r.Format != "" && !known {
			return Errorf(Invalid, AboutRequest, "tag_rules: there is no format %q", Clip(r.Format))
		}
	}
	return nil
}
