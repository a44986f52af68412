package registry

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// TestS6: whatever passes the one constructor of names is safe as name, path and query text.
func TestS6(t *testing.T) {
	bad := []string{
		"", ".", "..", "a/../b", "../a", "a/..", "/a", "a/", "a//b", "./a", `a\b`, `..\a`, "a\x00b", "a\nb", "a\x7f", "a\u202eb",
		"a\u200bb", "\xff", "a\xc0\xaf", "ﬁle", "\u212b", "e\u0301", " a", "a ", "a/ b", strings.Repeat("x", 256), strings.Repeat("x/", 3000) + "x",
		"\ufffd", "a\u2028b",
	}
	for _, s := range bad {
		if _, err := NewName("main", "raw", s, ""); err == nil {
			t.Errorf("package %q is accepted", s)
		}
		if err := CheckVersion(s); err == nil {
			t.Errorf("version %q is accepted", s)
		}
		if err := CheckPath(s); err == nil {
			t.Errorf("path %q is accepted", s)
		}
		if err := CheckTag(s); err == nil {
			t.Errorf("tag %q is accepted", s)
		}
	}
	for _, s := range []string{"a", "@acme/web", "com.acme:lib", "x+y~z=1", "a b", "über", "日本", "..a", "a..b", "...", "%2e%2e"} {
		if _, err := NewName("main", "raw", s, ""); err != nil {
			t.Errorf("package %q: %v", s, err)
		}
	}
	for _, s := range []string{"", "-a", "A", "a_b", "a/b", "a.b", strings.Repeat("a", 64)} {
		if _, err := NewName(s, "raw", "a", ""); err == nil {
			t.Errorf("repository %q is accepted", s)
		}
	}
}

// FuzzNames holds every accepted name to what S-6 asks.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "@a/b", "ﬁ", "a\x00", "..%2f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckPath(s) != nil {
			return
		}
		if !utf8.ValidString(s) || norm.NFC.String(s) != s || norm.NFKC.String(s) != s {
			t.Errorf("%q changes under normalisation", s)
		}
		for _, seg := range strings.Split(s, "/") {
			if seg == "" || seg == "." || seg == ".." {
				t.Errorf("%q has the segment %q", s, seg)
			}
		}
		if strings.ContainsFunc(s, unicode.IsControl) || strings.Contains(s, `\`) {
			t.Errorf("%q has a character that is not allowed", s)
		}
	})
}

func TestNormalizeSource(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "",
		"git+https://Example.com/acme/web.git": "https://example.com/acme/web",
		"git@example.com:acme/web.git":         "https://example.com/acme/web",
		"ssh://git@example.com/acme/web":       "https://example.com/acme/web",
		"git://example.com/acme/web.git#main":  "https://example.com/acme/web",
		"https://user:secret@example.com/a/b/": "https://example.com/a/b",
		"http://example.com/a":                 "http://example.com/a",
		"github:acme/web":                      "github:acme/web",
		"acme/web":                             "acme/web",
	} {
		if got := NormalizeSource(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
