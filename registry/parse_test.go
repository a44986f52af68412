package registry

import (
	"regexp"
	"strings"
	"testing"
)

// FuzzGlob: a glob of a subscription selects what the same regular expression does.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"*", ""}, {"a*b", "ab"}, {"a*b*c", "a/b/b/c"}, {"*a*", "bab"}, {"**", "x"}, {"a*a", "a"}, {"", ""}, {"tag.*", "tag.set"}, {"*aab", "aaab"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, glob, s string) {
		want, err := regexp.Compile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(glob), `\*`, ".*") + `\z`)
		if err != nil || strings.ToValidUTF8(glob, "") != glob || strings.ToValidUTF8(s, "") != s {
			return
		}
		if got := MatchGlob(glob, s); got != want.MatchString(s) {
			t.Fatalf("%q selects %q: %v", glob, s, got)
		}
	})
}

// FuzzNormalizeSource: what is left of a URL has no user and no password in it.
func FuzzNormalizeSource(f *testing.F) {
	for _, s := range []string{
		"git+https://Example.com/acme/web.git", "git@example.com:acme/web.git", "https://user:secret@example.com/a/b/", "ssh://git@h/x", "://", "http://a@b@c/d",
		"git+git+https://x", "https://x/.git.git/", "git@example.com:https://u:p@h/x", "https://u:p@h?x#y", "svn+ssh://u:p@h/x", "FTP://u@h",
		"oauth2:t@h/x", "git::https://u:p@h/x", "https:/u:p@h",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := NormalizeSource(s)
		if scheme, rest, ok := strings.Cut(got, "://"); ok && uriScheme.MatchString(scheme) {
			if host, _, _ := strings.Cut(rest, "/"); strings.Contains(host, "@") {
				t.Fatalf("%q is %q, with a user", s, got)
			}
		}
	})
}
