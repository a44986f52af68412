package metadata

import (
	"strings"
	"unicode/utf8"
)

// IsText reports whether a store keeps s as a text: valid UTF-8 without a NUL character. See ErrText.
func IsText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// CleanText returns s with U+FFFD for what no store keeps. It is for texts that are shown, and that nobody asked for, such as
// those of a package's own documents: a publish is not refused for them.
func CleanText(s string) string {
	if IsText(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}
