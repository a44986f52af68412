package upstreams

import (
	"strings"
	"unicode"
)

// plain reports whether a name, version or path that a caller gave may become part of a URL at a remote: nothing in it can mean another path to
// a server there, or on the way, that decodes, cuts or cleans paths by itself. Else what is fetched could be another thing than what it is
// kept as here, and what rules and claims were asked about (incidents S-12 and S-13).
func plain(texts ...string) bool {
	for _, s := range texts {
		if strings.ContainsAny(s, `%;\#?`) || strings.ContainsFunc(s, unicode.IsControl) {
			return false
		}
		for segment := range strings.SplitSeq(s, "/") {
			if segment != "" && strings.Trim(segment, ".") == "" {
				return false
			}
		}
	}
	return true
}
