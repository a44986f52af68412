package formats

import (
	"strings"

	"slipway/internal/httpserver"
)

// maxShownBytes bounds the part of a client's text that a message repeats.
const maxShownBytes = 120

// Clip shortens a client's text for a message, and makes it valid UTF-8.
func Clip(s string) string { return httpserver.Clip(s, maxShownBytes) }

// Escape percent-encodes a segment of a path so that it means the same in a browser, wget, a shell and a package URL:
// everything but letters, digits and "-._~", the unreserved characters of RFC 3986.
func Escape(segment string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(segment) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
