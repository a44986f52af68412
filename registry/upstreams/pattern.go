package upstreams

import (
	"strings"

	"slipway/registry"
)

// MatchName reports whether a pattern matches a package name, ignoring case: "*" is any text. A pattern that ends in ".**" or "/**"
// also matches the name before it, and in a Maven name, whose group ends at a colon, every artifact of that group: com.acme.**
// covers com.acme:lib and com.acme.web:app, but not com.acmetools:lib.
func MatchName(pattern, name string) bool {
	pattern, name = fold(pattern), fold(name)
	if base, ok := cutTail(pattern); ok {
		rest, found := cutPrefixGlob(base, name)
		return found && (rest == "" || strings.ContainsRune(".:/", rune(rest[0])))
	}
	return registry.MatchGlob(strings.ReplaceAll(pattern, "**", "*"), name)
}

// cutTail returns what stands before ".**" or "/**" at the end of a pattern.
func cutTail(pattern string) (string, bool) {
	base, ok := strings.CutSuffix(pattern, "**")
	if !ok || base == "" || !strings.ContainsRune("./", rune(base[len(base)-1])) {
		return "", false
	}
	return base[:len(base)-1], true
}

// cutPrefixGlob returns what follows a prefix of name that base matches. A base with an asterisk in it may match several prefixes:
// then one that ends at a separator is taken.
func cutPrefixGlob(base, name string) (rest string, found bool) {
	if !strings.Contains(base, "*") {
		return strings.CutPrefix(name, base)
	}
	for end := 0; end <= len(name); end++ {
		if end == len(name) || strings.ContainsRune(".:/", rune(name[end])) {
			if registry.MatchGlob(base, name[:end]) {
				return name[end:], true
			}
		}
	}
	return "", false
}
