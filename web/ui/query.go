package ui

import (
	"regexp"
	"slices"
	"strings"

	"slipway/registry"
)

// searchStates are the states by which a search can be narrowed.
var searchStates = []string{string(registry.Published), string(registry.Deprecated), string(registry.Yanked), string(registry.Deleted)}

// searchKeys are the beginnings of the terms of a query.
var searchKeys = []string{
	"repo:", "format:", "name:", "version:", "purl:", "tag:", "commit:", "source:", "ref:", "build:", "builder:", "by:", "token:", "state:", "digest:", "published:>",
	"origin:", "upstream:", "entered:>", "verified:", "has:commit", "has:provenance", "has:sbom", "is:attached", "is:part", "file:", "env:", "custom.",
}

// Texts that people paste into the search box, beside queries.
var (
	digestText = regexp.MustCompile(`^(?:.*@)?(?:sha256:)?([0-9a-fA-F]{64})$`)
	commitText = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)
	hasDigit   = regexp.MustCompile(`[0-9]`)
	mavenText  = regexp.MustCompile(`^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+):([A-Za-z0-9_.-]+)(?::([^:"\s]+))?$`)
	atText     = regexp.MustCompile(`^(@?[^@:"\s()]+)@([^@:"/\s()]+)$`)
	fileText   = regexp.MustCompile(`(?i)^[^:"\s()]+\.(?:jar|war|pom|aar|module|klib|tgz|tar|tar\.gz|tar\.xz|tar\.bz2|tar\.zst|whl|egg|zip|exe|msi|deb|rpm|apk|dmg|iso|txt|md|json|xml|sigstore|sbom|asc|sig)$`)
)

// readQuery is the query that a text of the search box stands for: the text itself, unless it is one of the things that people have at hand, a
// digest, a commit, a package URL, Maven coordinates, name@version or the name of a file.
func readQuery(text string) string {
	s := strings.TrimSpace(text)
	switch {
	case strings.ContainsAny(s, "\" \t\n()*"):
		return text
	case strings.HasPrefix(s, "pkg:"):
		return purlQuery(s)
	case digestText.MatchString(s):
		return "digest:sha256:" + strings.ToLower(digestText.FindStringSubmatch(s)[1])
	case commitText.MatchString(s) && hasDigit.MatchString(s):
		return "commit:" + s + " OR " + s
	case fileText.MatchString(s):
		return termOf("file", s) + " OR " + s
	}
	if m := mavenText.FindStringSubmatch(s); m != nil && !strings.HasPrefix(s, "custom.") {
		return joinTerms(termOf("name", m[1]+":"+m[2]), m[3])
	}
	if m := atText.FindStringSubmatch(s); m != nil {
		return joinTerms(termOf("name", m[1]), m[2])
	}
	return text
}

// joinTerms adds a version to a term; "": there is none.
func joinTerms(term, version string) string {
	if version == "" {
		return term
	}
	return term + " " + termOf("version", version)
}

// purlQuery finds a package URL. Without a version it finds all of them, and its qualifiers and its subpath, which tools write differently, do
// not count.
func purlQuery(s string) string {
	s, _, _ = strings.Cut(s, "#")
	s, _, qualified := strings.Cut(s, "?")
	if kind, name, ok := strings.Cut(s, "/@"); ok { // the @ of a scope is often left as it is
		s = kind + "/%40" + name
	}
	if !strings.Contains(s, "@") {
		return termOf("purl", s+"@*")
	}
	if qualified {
		return termOf("purl", s) + " OR " + termOf("purl", s+"?*")
	}
	return termOf("purl", s)
}

// termOf writes a term of a query.
func termOf(key, value string) string {
	if strings.ContainsAny(value, " \t()") || value == "" {
		value = `"` + value + `"`
	}
	return key + ":" + value
}

// narrow returns a query with a term more, and without other terms of its key; where it has that term, narrow returns it without. Only terms
// that stand for themselves are replaced: not those in parentheses, and not those of a query with OR, which is put into parentheses.
func narrow(query, key, value string) (to string, has bool) {
	term := termOf(key, value)
	var kept []string
	words := topTerms(query)
	if slices.Contains(words, "OR") {
		if strings.TrimSpace(query) != "" {
			query = "(" + strings.TrimSpace(query) + ")"
		}
		return query + " " + term, false
	}
	for _, w := range words {
		switch {
		case w == term:
			has = true
		case strings.HasPrefix(w, key+":"):
		default:
			kept = append(kept, w)
		}
	}
	if !has {
		kept = append(kept, term)
	}
	return strings.Join(kept, " "), has
}

// topTerms cuts a query at the spaces that are neither in quotes nor in parentheses.
func topTerms(query string) (out []string) {
	depth, quoted, from := 0, false, 0
	cut := func(at int) {
		if s := strings.TrimSpace(query[from:at]); s != "" {
			out = append(out, s)
		}
		from = at
	}
	for i := range len(query) {
		switch c := query[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && (c == ' ' || c == '\t' || c == '\n'):
			cut(i)
		}
	}
	cut(len(query))
	return out
}
