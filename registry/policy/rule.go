package policy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// Actions of a rule.
const (
	Allow = "allow" // shown and served; exempts from the minimum age of an upstream
	Deny  = "deny"  // neither shown nor served
	Hide  = "hide"  // not shown, and served by its exact name
	Hold  = "hold"  // neither shown nor served until it is old enough
	Pin   = "pin"   // never evicted; says nothing about what clients get
)

// Modes of a rule.
const (
	Enforce = "enforce"
	Audit   = "audit" // what the rule would refuse is recorded, and served
)

const (
	maxMatch  = 512
	maxReason = 500
	maxRules  = 10_000
	maxAge    = 10 * 365 * 24 * time.Hour
)

// rule is a Rule that was read: what it matches.
type rule struct {
	metadata.Rule
	formats  []string      // those of its type; none: every format
	name     string        // glob over normalised package names, lower case
	versions []bound       // all must hold; none: every version
	version  string        // glob over versions; "": every version
	digest   digest.Digest // of a rule about bytes; then all of the above are empty
}

// bound is one side of a range.
type bound struct {
	op  string // "<", "<=", ">", ">=" or "="
	key []byte // of the format's order
}

// wild stands for an asterisk while a pattern is normalised as a name.
const wild = "0wild0"

// compile reads what a rule matches, and refuses a rule that would have no effect or one that the format can't enforce. Invalid.
func compile(r metadata.Rule, formats map[string]registry.Rules) (*rule, error) {
	out := &rule{Rule: r}
	switch r.Action {
	case Allow, Deny, Hide, Hold, Pin:
	default:
		return nil, invalid("action is %q, %q, %q, %q or %q, not %q", Allow, Deny, Hide, Hold, Pin, registry.Clip(r.Action))
	}
	switch {
	case r.Mode != Enforce && r.Mode != Audit:
		return nil, invalid("mode is %q or %q, not %q", Enforce, Audit, registry.Clip(r.Mode))
	case r.Mode == Audit && (r.Action == Allow || r.Action == Pin):
		return nil, invalid("a rule %q refuses nothing, so there is nothing to audit", r.Action)
	case r.Action == Hold && (r.MinAge <= 0 || r.MinAge > maxAge):
		return nil, invalid("a rule %q needs min_age, a time such as 72h", Hold)
	case r.Action != Hold && r.MinAge != 0:
		return nil, invalid("min_age is of the action %q only", Hold)
	case r.Reason == "" || len(r.Reason) > maxReason || !registry.IsLine(r.Reason):
		return nil, invalid("a rule needs a reason of one line of at most %d bytes: clients are shown it", maxReason)
	case r.Match == "" || len(r.Match) > maxMatch || !registry.IsLine(r.Match):
		return nil, invalid("match is one line of at most %d bytes", maxMatch)
	}
	if strings.HasPrefix(r.Match, "sha256:") {
		d := digest.Digest(r.Match)
		if err := d.Validate(); err != nil {
			return nil, invalid("%q is not a digest: sha256: and 64 digits", registry.Clip(r.Match))
		}
		if r.Action == Hide || r.Action == Hold {
			return nil, invalid("a rule about bytes is %q, %q or %q: bytes have no age, and what serves them by name would show them", Allow, Deny, Pin)
		}
		out.digest = d
		return out, nil
	}
	return out, out.parse(formats)
}

// parse reads pkg:<type>/<glob over names>[@<versions>]. Invalid.
func (r *rule) parse(formats map[string]registry.Rules) error {
	text, ok := strings.CutPrefix(r.Match, "pkg:")
	kind, name, both := strings.Cut(text, "/")
	if !ok || !both && kind != "*" {
		return invalid("match is like pkg:npm/lodash@<4.17.21, pkg:pypi/*, pkg:*, or sha256: with a digest; not %q", registry.Clip(r.Match))
	}
	if kind == "*" {
		if name != "" && name != "*" {
			return invalid("a rule about every format matches every name: pkg:*")
		}
		r.name = "*"
		return nil
	}
	for _, format := range slices.Sorted(maps.Keys(formats)) {
		if formats[format].PURLType == strings.ToLower(kind) {
			r.formats = append(r.formats, format)
		}
	}
	if len(r.formats) == 0 {
		return invalid("no format has package URLs of the type %q", registry.Clip(kind))
	}
	rules := formats[r.formats[0]]
	versions := ""
	if i := strings.LastIndexByte(name, '@'); i > 0 && !strings.Contains(name[i:], "/") {
		name, versions = name[:i], name[i+1:]
		if versions == "" {
			return invalid("match ends in an @ without a version")
		}
	}
	var err error
	if r.name, err = normalGlob(name, rules); err != nil {
		return err
	}
	return r.parseVersions(versions, rules)
}

// normalGlob brings a glob into the spelling of the format's names.
func normalGlob(name string, rules registry.Rules) (string, error) {
	if strings.Trim(name, "*") == "" {
		return "*", nil
	}
	p, err := registry.ParsePURL("pkg:" + rules.PURLType + "/" + strings.ReplaceAll(name, "*", wild))
	if err != nil {
		return "", err
	}
	text := p.Name
	if p.Namespace != "" {
		text = p.Namespace + "/" + p.Name
	}
	if rules.FromPURL != nil && !rules.Images {
		if text, err = rules.FromPURL(p); err != nil {
			return "", err
		}
	}
	if normal, err := rules.Normalize(text); err == nil {
		text = normal
	} else if !strings.Contains(text, wild) {
		return "", err
	}
	return strings.ToLower(strings.ReplaceAll(text, wild, "*")), nil
}

// parseVersions reads a glob, or comparisons that must all hold: ">=1.0,<2.0". Invalid.
func (r *rule) parseVersions(text string, rules registry.Rules) error {
	if text == "" || text == "*" {
		return nil
	}
	if rules.Images {
		if !strings.HasPrefix(text, "sha256:") {
			return invalid("versions of images are digests, which no tag stands for in a rule: write sha256:…, or leave the version out")
		}
		r.version = text
		return nil
	}
	if !strings.ContainsAny(text[:1], "<>=") {
		r.version = text
		if rules.Spelling != nil && !strings.Contains(text, "*") {
			canonical, _ := rules.Spelling(text)
			if canonical == "" {
				return invalid("%q is no version", registry.Clip(text))
			}
			if rules.Order == nil {
				r.version = canonical
				return nil
			}
			r.version, r.versions = "", []bound{{"=", rules.Order(canonical)}}
		}
		return nil
	}
	if rules.Order == nil {
		return invalid("versions of %s have no order that a range could mean", rules.PURLType)
	}
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == ' ' }) {
		op := part[:len(part)-len(strings.TrimLeft(part, "<>="))]
		switch op {
		case "<", "<=", ">", ">=", "=":
		default:
			return invalid("%q is no comparison: <, <=, >, >= or = and a version, separated by commas", registry.Clip(part))
		}
		key := rules.Order(part[len(op):])
		if len(key) == 0 {
			return invalid("%q is no version", registry.Clip(part[len(op):]))
		}
		r.versions = append(r.versions, bound{op, key})
	}
	return nil
}

// names reports whether the rule may be about versions of a package.
func (r *rule) names(format, pkg string) bool {
	return r.digest == "" && (len(r.formats) == 0 || slices.Contains(r.formats, format)) && registry.MatchGlob(r.name, strings.ToLower(pkg))
}

// every reports whether the rule is about all versions of the packages that it names.
func (r *rule) every() bool { return r.digest == "" && r.version == "" && len(r.versions) == 0 }

// matches reports whether the rule is about a version, or about its bytes. Its name was compared before.
func (r *rule) matches(s Subject) bool {
	if r.digest != "" {
		return r.digest == s.Digest
	}
	if r.version != "" && !registry.MatchGlob(r.version, s.Version) {
		return false
	}
	for _, b := range r.versions {
		if len(s.SortKey) == 0 || !b.holds(bytes.Compare(s.SortKey, b.key)) {
			return false
		}
	}
	return true
}

func (b bound) holds(order int) bool {
	switch b.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	default:
		return order == 0
	}
}

// holdsAt reports whether the rule has not expired.
func (r *rule) holdsAt(now time.Time) bool { return r.ExpiresAt.IsZero() || now.Before(r.ExpiresAt) }

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRule, "%s", fmt.Sprintf(format, args...))
}
