package upstreamtest

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// pattern is a glob, parsed.
type pattern struct {
	host string // "": any
	path *regexp.Regexp
}

var patterns sync.Map // of pattern, by its text

func parsePattern(glob string) pattern {
	if p, ok := patterns.Load(glob); ok {
		return p.(pattern)
	}
	var p pattern
	path := glob
	if host, rest, ok := strings.Cut(glob, ":"); ok && slices.Contains([]string{"origin", "cdn", "plain"}, host) {
		p.host, path = host, rest
	}
	var re strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case strings.HasPrefix(path[i:], "**"):
			re.WriteString(".*")
			i++
		case path[i] == '*':
			re.WriteString("[^/]*")
		case path[i] == '?':
			re.WriteString("[^/]")
		default:
			re.WriteString(regexp.QuoteMeta(path[i : i+1]))
		}
	}
	p.path = regexp.MustCompile("(?s)^" + re.String() + "$")
	patterns.Store(glob, p)
	return p
}

func (p pattern) match(host, path string) bool {
	return (p.host == "" || p.host == host) && p.path.MatchString(path)
}

func sorted(s iter.Seq[string]) []string { return slices.Sorted(s) }
