package registry

import (
	"strings"
	"testing"
)

// TestO1: no text of a revision is dropped; the commit is taken out of the forms that tools write.
func TestO1(t *testing.T) {
	sha1 := "0123456789abcdef0123456789abcdef01234567"
	sha256 := sha1 + "89abcdef0123456789abcdef"
	for text, want := range map[string]struct {
		commit string
		dirty  bool
	}{
		"main@sha1:" + sha1:              {sha1, false}, // flux
		"feature/x@sha256:" + sha256:     {sha256, false},
		"main/" + sha1:                   {sha1, false}, // flux before 2.0
		"sha1:" + sha1:                   {sha1, false},
		sha1:                             {sha1, false},
		strings.ToUpper(sha1):            {sha1, false},
		sha1 + "-dirty":                  {sha1, true},
		sha1[:12] + "+":                  {sha1[:12], true}, // Mercurial
		sha1 + "+":                       {sha1, true},
		"main@sha1:" + sha1 + "-dirty":   {sha1, true},
		"v1.2-3-gabcdef1":                {"abcdef1", false},
		"v1.2-3-gabcdef1-dirty":          {"abcdef1", true},
		"v1.2-dirty":                     {"v1.2", true},
		"r123456":                        {"r123456", false},
		"98765":                          {"98765", false},
		"98765+":                         {"98765", true},
		"c0ffee":                         {"c0ffee", false},
		"c++":                            {"c++", false},
		"-dirty":                         {"-dirty", false},
		"Build 7 of Monday":              {"Build 7 of Monday", false},
		"zz@zz":                          {"zz@zz", false},
		"https://u:p@h.example.com/x@r1": {"https://h.example.com/x@r1", false},
	} {
		r, ok := ParseRevision(" " + text + "\n")
		if !ok || r.Commit != want.commit || r.Dirty != want.dirty {
			t.Errorf("%q: %+v, %v", text, r, ok)
		}
		facts := CommitFacts(text, "test", RankDeclared)
		spelt := map[string]bool{}
		for _, f := range facts {
			spelt[strings.ToLower(f.Value)] = true
		}
		if !spelt[want.commit] && !spelt[strings.ToLower(want.commit)] || !strings.Contains(text, ":p@") && !spelt[strings.ToLower(text)] || spelt["true"] != want.dirty {
			t.Errorf("%q: facts %+v", text, facts)
		}
	}
	for _, text := range []string{"", " ", "a\nb", "\x1b[2J", "\xff", strings.Repeat("a", maxRevisionBytes+1)} {
		if facts := CommitFacts(text, "test", RankDeclared); facts != nil {
			t.Errorf("%q: %+v", text, facts)
		}
	}
	commit := func(value, source string) Fact {
		return Fact{Key: FactSourceCommit, Value: value, Source: source, Rank: 1}
	}
	if c := ReleaseOf([]Fact{commit(sha1, "a"), commit(sha1[:12], "b")}).Conflicts; c != nil {
		t.Errorf("a shortened commit conflicts with itself: %v", c)
	}
	if c := ReleaseOf([]Fact{commit(sha1, "a"), commit("abcdef1", "b")}).Conflicts; len(c) != 1 {
		t.Errorf("two commits do not conflict: %v", c)
	}
}

// TestO6: whatever form an address has, no credential stays in it.
func TestO6(t *testing.T) {
	for in, want := range map[string]string{
		"oauth2:tok@host/x":                           "host/x",
		"oauth2:tok@git.example.com:team/x.git":       "https://git.example.com/team/x",
		"tok@host/x":                                  "host/x",
		"https://user:tok@host/x":                     "https://host/x",
		"https://tok@host/x":                          "https://host/x",
		"HTTPS://user:tok@Host/x":                     "HTTPS://host/x",
		"https://user:t@tok@host/x":                   "https://host/x",
		"https://user:t/tok@host/x":                   "https://host/x",
		"https://user:t#tok@host/x":                   "https://host/x",
		"https:user:tok@host/x":                       "host/x",
		"https:/user:tok@host/x":                      "https://host/x",
		"//user:tok@host/x":                           "//host/x",
		"git::https://user:tok@host/x":                "https://host/x",
		"git+git+ssh://git:tok@host/x":                "https://host/x",
		"scm:git:https://user:tok@host/x":             "scm:git:https://host/x",
		"[fetch=]https://u:tok@h/x[push=]ssh://tok@h": "[fetch=]https://h/x[push=]ssh://h",
		"oauth2:tok@host:https://u:tok@h/x":           "host:https://h/x",
		"https://host:8443/@acme/x@v1":                "https://host:8443/@acme/x@v1",
		"https://[::1]:80/x@y":                        "https://[::1]:80/x@y",
		"@acme/web":                                   "@acme/web",
	} {
		if got := NormalizeSource(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	facts, err := Declared{Source: &Source{Repository: "oauth2:tok@host/x"}, Build: &Build{URL: "https://ci:tok@ci.example.com/1?a=b@c"}}.Facts("api", RankDeclared)
	if err != nil || len(facts) != 2 || facts[0].Value != "https://ci.example.com/1?a=b@c" || facts[1].Value != "host/x" {
		t.Errorf("declared: %+v, %v", facts, err)
	}
}
