package npm

import (
	"regexp"
	"strings"

	"golang.org/x/mod/semver"

	"slipway/formats"
	"slipway/formats/version"
	"slipway/internal/lazyregexp"
	"slipway/registry"
)

const (
	maxVersionBytes = 255
	maxSafeInteger  = "9007199254740991" // node-semver refuses larger numbers
)

// strictVersion checks a version as semver 2.0 writes it, without a leading v, and returns it without build metadata:
// two versions that differ only there are one.
func strictVersion(s string) (version string, prerelease, ok bool) {
	v := "v" + s
	if len(s) > maxVersionBytes || !semver.IsValid(v) || semver.Canonical(v)+semver.Build(v) != v {
		return "", false, false
	}
	canonical := semver.Canonical(v)[1:]
	core, _, _ := strings.Cut(canonical, "-")
	for n := range strings.SplitSeq(core, ".") {
		if tooLarge(n) {
			return "", false, false
		}
	}
	return canonical, semver.Prerelease(v) != "", true
}

// looseGrammar is node-semver's LOOSE: leading zeros, prereleases without a hyphen, v and = in front. As there, matching
// backtracks where a greedy match fails: 1.2.34.5 is 1.2.3-4.5.
var looseGrammar = func() *regexp.Regexp {
	const id = `(?:\d*[a-zA-Z-][a-zA-Z0-9-]*|\d+)`
	return regexp.MustCompile(`^[v=\s]*(\d+)\.(\d+)\.(\d+)(?:-?(` + id + `(?:\.` + id + `)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$`)
}()

// looseVersion is strictVersion for loosely written versions, normalised as npm does while it publishes: 2024.01.05 is
// 2024.1.5, 1.0.0beta is 1.0.0-beta, v1.0.0 is 1.0.0.
func looseVersion(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if v, _, ok := strictVersion(s); ok || len(s) > maxVersionBytes {
		return v, ok
	}
	m := looseGrammar.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	clean := withoutZeros(m[1]) + "." + withoutZeros(m[2]) + "." + withoutZeros(m[3])
	if m[4] != "" {
		ids := strings.Split(m[4], ".")
		for i, id := range ids {
			if strings.Trim(id, digits) == "" && !tooLarge(withoutZeros(id)) {
				ids[i] = withoutZeros(id)
			}
		}
		clean += "-" + strings.Join(ids, ".")
	}
	v, _, ok := strictVersion(clean)
	return v, ok
}

const digits = "0123456789"

// withoutZeros is a decimal number without leading zeros.
func withoutZeros(s string) string {
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return s
}

// tooLarge reports whether a number without leading zeros exceeds maxSafeInteger.
func tooLarge(n string) bool {
	return len(n) > len(maxSafeInteger) || len(n) == len(maxSafeInteger) && n > maxSafeInteger
}

// spelling is registry.Rules.Spelling: versions that node-semver's loose parsing reads as the same are the same version.
func spelling(s string) (string, []byte) {
	v, _ := looseVersion(s)
	return v, nil
}

// order is registry.Rules.Order.
func order(s string) []byte {
	v, ok := looseVersion(s)
	if !ok {
		return nil
	}
	key, _ := version.Key(v)
	return key
}

// rangeLike matches, among the tags that the core allows, those that node-semver reads as a range.
var rangeLike = lazyregexp.New(`^[v=]*(0|[1-9]\d*|[xX*])(\.(0|[1-9]\d*|[xX*])(\.(0|[1-9]\d*|[xX*])(-[0-9A-Za-z.-]+)?)?)?$`)

// checkTag refuses tags that clients would read as a version or range. Invalid.
func checkTag(tag string) error {
	if tag != "" && strings.IndexByte("v=0123456789xX*", tag[0]) >= 0 && rangeLike.MatchString(tag) {
		return registry.Errorf(registry.Invalid, registry.AboutTag, "tag name must not be a valid SemVer range: %s", formats.Clip(tag))
	}
	return nil
}
