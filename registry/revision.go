package registry

import (
	"regexp"
	"strings"

	"slipway/internal/lazyregexp"
)

// maxRevisionBytes bounds the text of a revision that a format records.
const maxRevisionBytes = 1024

// Revision is what a text says of the commit that a version was built from. No specification gives such texts a grammar, so
// every text is kept; of the forms that tools write, the commit is taken out.
type Revision struct {
	Text   string // as it was written
	Commit string // the commit's id in lower case where the text has a known form, else Text without a mark of changes
	Known  bool   // Commit is hex digits from a known form
	Dirty  bool   // the text says that files had uncommitted changes
}

// forms are the texts around the hex digits of a commit's id: alone, behind an algorithm or a ref (flux: main@sha1:<id>, once
// main/<id>), and at the end of what `git describe` prints (v1.2-3-g<id>).
var forms = []*regexp.Regexp{
	regexp.MustCompile(`^(?:.*@)?(?:(?:sha1|sha256|git|commit):)?([0-9a-fA-F]{7,64})$`),
	regexp.MustCompile(`^.+-g([0-9a-fA-F]{7,64})$`),
	regexp.MustCompile(`^.+/([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`),
}

// marks are what tools put behind a commit whose files were changed: `git describe --dirty`, BuildKit and others "-dirty",
// Mercurial "+".
var marks = lazyregexp.New(`(?:[-.+]dirty|\+)+$`)

// countedCommit is a revision of a system that counts its commits, as Subversion does.
var countedCommit = lazyregexp.New(`^r?[0-9]+$`)

// ParseRevision reads the text of a revision. ok is false for text that can't be kept: none, several lines, or too much.
func ParseRevision(text string) (r Revision, ok bool) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxRevisionBytes || !IsLine(text) {
		return r, false
	}
	text = CleanURL(text)
	r = Revision{Text: text, Commit: text}
	bare := marks.Get().ReplaceAllString(text, "")
	for _, form := range forms {
		if m := form.FindStringSubmatch(bare); m != nil {
			r.Commit, r.Known = strings.ToLower(m[1]), true
			break
		}
	}
	// Behind other text a plus belongs to a name, such as "c++".
	r.Dirty = bare != text && bare != "" && (r.Known || countedCommit.MatchString(bare) || strings.HasSuffix(text, "dirty"))
	if r.Dirty && !r.Known {
		r.Commit = bare
	}
	return r, true
}

// CommitFacts are the facts of a text that names a commit: the commit, the text where it is another one, and whether files had
// uncommitted changes, if the text says so. There are none for text that can't be kept.
func CommitFacts(text, source string, rank int) []FactInput {
	r, ok := ParseRevision(text)
	if !ok {
		return nil
	}
	out := []FactInput{{Key: FactSourceCommit, Value: r.Commit, Source: source, Rank: rank}}
	if !strings.EqualFold(r.Commit, r.Text) {
		out = append(out, FactInput{Key: FactSourceRevision, Value: r.Text, Source: source, Rank: rank})
	}
	if r.Dirty {
		out = append(out, FactInput{Key: FactSourceDirty, Value: "true", Source: source, Rank: rank})
	}
	return out
}

// sameCommit reports whether two values name one commit: equal, or one is the beginning of the other's hex digits.
func sameCommit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || len(a) >= 7 && strings.HasPrefix(b, a) && strings.Trim(b, "0123456789abcdef") == ""
}
