package npm

import (
	"regexp"
	"strings"

	"golang.org/x/mod/semver"

	"slipway/registry"
)

const (
	maxVersionBytes = 255
	maxSafeInteger  = "9007199254740991" // beyond it node-semver refuses a number
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
		if len(n) > len(maxSafeInteger) || len(n) == len(maxSafeInteger) && n > maxSafeInteger {
			return "", false, false
		}
	}
	return canonical, semver.Prerelease(v) != "", true
}

// looseVersion is strictVersion for what people and package.json files write: a leading v or = is taken off.
func looseVersion(s string) (string, bool) {
	v, _, ok := strictVersion(strings.TrimLeft(strings.TrimSpace(s), "v="))
	return v, ok
}

// spelling is registry.Rules.Spelling: build metadata and a leading v do not count.
func spelling(s string) (string, []byte) {
	v, _ := looseVersion(s)
	return v, nil
}

// rangeLike matches what node-semver reads as a range, among the strings that the core allows as tags.
var rangeLike = regexp.MustCompile(`^[v=]*(0|[1-9]\d*|[xX*])(\.(0|[1-9]\d*|[xX*])(\.(0|[1-9]\d*|[xX*])(-[0-9A-Za-z.-]+)?)?)?$`)

// checkTag refuses tags that clients would read as a version or range. Invalid.
func checkTag(tag string) error {
	if tag != "" && strings.IndexByte("v=0123456789xX*", tag[0]) >= 0 && rangeLike.MatchString(tag) {
		return registry.Errorf(registry.Invalid, registry.AboutTag, "tag name must not be a valid SemVer range: %s", clip(tag))
	}
	return nil
}
