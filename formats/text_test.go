package formats

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzText: what is shown of a client's text is short and valid, and what is escaped comes back.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a/b", "\xff\xfe", strings.Repeat("é", 100), "a\r\nb", "%2f", "~._-", strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if shown := Clip(s); len(shown) > maxShownBytes+len("…") || !utf8.ValidString(shown) || utf8.ValidString(s) && len(s) <= maxShownBytes && shown != s {
			t.Fatalf("%q is shown as %q", s, shown)
		}
		escaped := Escape(s)
		if back, err := url.PathUnescape(escaped); err != nil || back != s || strings.ContainsAny(escaped, "/\\?#@ \"'<>&\r\n\x00") {
			t.Fatalf("%q became %q, which is %q %v", s, escaped, back, err)
		}
	})
}
