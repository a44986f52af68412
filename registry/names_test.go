package registry

import (
	"math/rand/v2"
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

// TestS6Property puts names together from what is dangerous in one, and holds whatever passes to what S-6 asks.
func TestS6Property(t *testing.T) {
	pieces := []string{
		"a", "B", "1.0", ".", "..", "...", "/", "//", "\\", "%2e", "%2f", "%00", "\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\u0080", "\u0085", "\u009f", "\u00ad", "\u00a0",
		"\u200b", "\u200d", "\u202e", "\u2024", "\u2025", "\u2026", "\u2028", "\u2029", "\u2044", "\u2215", "\u2060", "\ufeff", "\ufe52", "\uff0e", "\uff0f", "\uff3c", "\ufffd",
		"é", "e\u0301", "\u0301", "ﬁ", "Å", "ſ", "²", "Ⅷ", "日", "\U000e0041", "\U0001f600", "\xff", "\xc0\xae", "\xed\xa0\x80", " ", "-", "_", "@", ":", "+", "~",
	}
	rnd := rand.New(rand.NewPCG(6, 6))
	accepted := map[string]int{}
	for range 40_000 {
		s := ""
		for range 1 + rnd.IntN(6) {
			s += pieces[rnd.IntN(len(pieces))]
		}
		for kind := range checkNames(t, s) {
			accepted[kind]++
		}
	}
	for _, kind := range []string{"package", "display", "version", "path", "tag", "repository"} {
		if accepted[kind] < 10 {
			t.Errorf("as %s only %d were accepted: the test shows nothing", kind, accepted[kind])
		}
	}
}

// checkNames gives s to every check, and returns which accepted it.
func checkNames(t *testing.T, s string) map[string]bool {
	t.Helper()
	accepted := map[string]bool{}
	_, asPackage := NewName("main", "raw", s, "")
	_, asDisplay := NewName("main", "raw", "a", s)
	if s == "" {
		asDisplay = asPackage // stands for the package's
	}
	for kind, err := range map[string]error{
		"package": asPackage, "display": asDisplay, "version": CheckVersion(s), "path": CheckPath(s), "tag": CheckTag(s),
	} {
		if err == nil {
			accepted[kind] = true
		}
	}
	accepted["repository"] = ValidRepository(s)
	for kind, ok := range accepted {
		if !ok {
			delete(accepted, kind)
			continue
		}
		if !utf8.ValidString(s) || norm.NFC.String(s) != s || norm.NFKC.String(s) != s {
			t.Errorf("%s %q changes under normalisation", kind, s)
		}
		for _, seg := range strings.Split(s, "/") {
			if seg == "" || seg == "." || seg == ".." {
				t.Errorf("%s %q has the segment %q", kind, s, seg)
			}
		}
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) || strings.Contains(s, `\`) {
			t.Errorf("%s %q has a character that is not allowed", kind, s)
		}
		if kind != "path" && kind != "package" && kind != "display" && strings.Contains(s, "/") {
			t.Errorf("%s %q has a slash", kind, s)
		}
	}
	return accepted
}

// FuzzNames holds every accepted name to what S-6 asks.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "@a/b", "ﬁ", "a\x00", "..%2f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkNames(t, s) })
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
