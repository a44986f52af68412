package pypi

import (
	"strings"

	"slipway/formats"
	"slipway/internal/lazyregexp"
	"slipway/registry"
)

var (
	// clause is one comparison of a version specifier (PEP 440, "Version specifiers"), with the slips that installers forgive: a
	// wildcard behind an ordering (">=3.6.*"), a missing dot before it ("!=3.0*"), stray quotes, "!=~".
	clause = lazyregexp.New(`^['"]?(===|~=|==|!=~?|<=|>=|<|>)\s*['"]?([^\s'"*]+?)(?:\.?\*)?['"]?$`)
	// run is where a comma is missing between two comparisons: ">=2.7<4".
	run = lazyregexp.New(`([0-9*])\s*([<>=~!]=|[<>])`)
	// caret is what other ecosystems and Poetry's own files write, and no installer of Python reads.
	caret = lazyregexp.New(`^\^\s*([0-9]+)((?:\.[0-9]+)*)$`)
)

// checkSpecifier refuses a Requires-Python that installers can't read: pip then ignores it, and uv leaves the file out without a
// word. Invalid.
func checkSpecifier(s string) error {
	for part := range strings.SplitSeq(run.Get().ReplaceAllString(s, "$1,$2"), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		m := clause.FindStringSubmatch(part)
		if m == nil {
			return notSpecifier(s)
		}
		if _, err := parseVersion(m[2]); err != nil {
			return notSpecifier(s)
		}
	}
	return nil
}

func notSpecifier(s string) error {
	hint := `; it is written as ">=3.9" or ">=3.9,<4"`
	if m := caret.FindStringSubmatch(strings.TrimSpace(s)); m != nil {
		hint = `; write ">=` + m[1] + m[2] + "\""
	}
	return invalid(registry.AboutFile, "Requires-Python %q of the core metadata is not a version specifier (PEP 440), so installers would not find the file%s", formats.Clip(s), hint)
}
