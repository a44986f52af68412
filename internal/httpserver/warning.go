package httpserver

import (
	"net/http"
	"strings"
)

// Warn adds a sentence to the answer of a request that succeeds, in the Warning header (299, RFC 7234 section 5.5), without an
// agent and a date, as clients of OCI registries expect it. Characters that a header can't have become "?".
func Warn(h http.Header, text string) {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	h.Add("Warning", `299 - "`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(ascii)+`"`)
}
