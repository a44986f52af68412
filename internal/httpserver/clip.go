package httpserver

import "strings"

// maxLoggedBytes bounds how much of a client's text one line of the log repeats.
const maxLoggedBytes = 1024

// Clip cuts a client's text to about most bytes, and makes it valid UTF-8.
func Clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
