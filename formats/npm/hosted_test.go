package npm

import (
	"slices"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
)

// hostedSpellings are spellings of the same dependency; the first is how npm publishes it.
var hostedSpellings = [][]string{
	{"github:o/r", "o/r", "https://github.com/o/r", "https://github.com/o/r.git", "git+https://github.com/o/r.git", "git@github.com:o/r.git",
		"git+ssh://git@github.com/o/r.git", "ssh://git@github.com/o/r", "git+ssh://git@github.com:o/r.git", "git://github.com/o/r.git",
		"https://www.github.com/o/r/", "http://github.com/o/r", "https://user:secret@github.com/o/r.git", "HTTPS://GitHub.com/o/r", "ssh://git@github.com:22/o/r.git"},
	{"github:o/r#v1.0", "o/r#v1.0", "https://github.com/o/r#v1.0", "https://github.com/o/r/tree/v1.0", "git@github.com:o/r.git#v1.0"},
	{"github:o/r#semver:^1.0", "o/r#semver:^1.0", "https://github.com/o/r.git#semver:%5E1.0"},
	{"git+https://gitlab.com/o/r.git", "https://gitlab.com/o/r.git", "https://gitlab.com/o/r", "gitlab:o/r", "git@gitlab.com:o/r.git"},
	{"gitlab:group/sub/r", "https://gitlab.com/group/sub/r.git"},
	{"git+https://bitbucket.org/o/r.git", "https://bitbucket.org/o/r", "bitbucket:o/r", "git@bitbucket.org:o/r.git"},
	{"gist:11081aaa281", "https://gist.github.com/u/11081aaa281.git", "git@gist.github.com:11081aaa281.git"},
	{"git+ssh://git@git.sr.ht/~u/r", "https://git.sr.ht/~u/r", "sourcehut:~u/r", "git@git.sr.ht:~u/r"},
	// These are no repositories at a known host: only the same text is the same.
	{"https://github.com/o/r/archive/v1.tar.gz"}, {"https://github.com/o/r/releases/download/v1/r.tgz"}, {"https://gitlab.com/o/r/-/archive/v1/r.tgz"},
	{"https://git.example.com/o/r.git"}, {"git@git.example.com:o/r.git"}, {"https://github.com.example.com/o/r"}, {"https://example.com/github.com/o/r"},
	{"file:../r"}, {"./o/r"}, {"../r"}, {"~/r"}, {"npm:other@^1.0.0"}, {"^1.0.0"}, {"*"}, {""}, {"latest"}, {"workspace:*"}, {"link:o/r"}, {"@o/r"},
	{"github:O/r"}, {"github:o/R"},
}

// TestSameSource (fault J7): what npm writes out of a repository's address is no difference, and anything else is.
func TestSameSource(t *testing.T) {
	seen := map[string]int{}
	for i, spellings := range hostedSpellings {
		want := sameSource(spellings[0])
		for _, s := range spellings {
			if got := sameSource(s); got != want {
				t.Errorf("%q: %q, want %q as for %q", s, got, want, spellings[0])
			}
		}
		if j, ok := seen[want]; ok {
			t.Errorf("%q and %q are both %q", spellings[0], hostedSpellings[j][0], want)
		}
		seen[want] = i
	}
}

// TestHostedDependency: npm's own rewriting leaves no fact of a difference, another repository does.
func TestHostedDependency(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	for version, c := range map[string]struct {
		sent    string
		differs bool
	}{"1.0.0": {"git+https://gitlab.com/o/r.git", false}, "1.0.1": {"git+https://gitlab.com/other/r.git", true}} {
		e.publish(pub{name: "web", version: version, manifest: map[string]any{"dependencies": map[string]any{"r": c.sent}},
			tarball: pack(t, `{"name":"web","version":"`+version+`","dependencies":{"r":"https://gitlab.com/o/r.git"}}`)})
		d, err := e.Catalog.VersionDetail(e.Admin, e.name("web").At(version))
		must(t, err)
		if got := slices.ContainsFunc(d.Facts, func(f registry.Fact) bool { return f.Key == factDifference }); got != c.differs {
			t.Errorf("%s: a difference is noted: %v, want %v", c.sent, got, c.differs)
		}
	}
}
