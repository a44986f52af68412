package httpserver

import (
	"net/http"
	"slices"
	"strings"
)

const (
	headSegments = 16 // of a path that are compared, from its beginning
	tailSegments = 4  // … and from its end
)

// path is the escaped path of a request, in its segments.
type path struct {
	text  string
	count int                  // of all segments
	head  [headSegments]string // the first ones
	tail  [tailSegments]string // the last ones, the last first
}

// split is false for what is no path below "/", such as that of "OPTIONS *".
func split(r *http.Request) (p path, ok bool) {
	p.text = r.URL.EscapedPath()
	rest, ok := strings.CutPrefix(p.text, "/")
	if !ok {
		return p, false
	}
	p.count = strings.Count(rest, "/") + 1
	end := rest
	for i := range min(p.count, headSegments) {
		p.head[i], rest, _ = strings.Cut(rest, "/")
	}
	for i := range min(p.count, tailSegments) {
		slash := strings.LastIndexByte(end, '/')
		p.tail[i], end = end[slash+1:], end[:max(slash, 0)]
	}
	return p, true
}

// template is what the template of a route, such as "/v2/{name:.+}/blobs/{digest:[^/]+}", demands of a path beside what only a regular
// expression can tell. A path that lacks it does not match.
type template struct {
	whole bool // no path goes on behind it
	least int  // segments
	exact bool // no more than least segments
	head  []demand
	tail  []demand
}

// demand is a segment of plain text.
type demand struct {
	at   int // segments from the beginning, or from the end
	text string
}

// parseTemplate reads a template of mux.
func parseTemplate(text string, whole bool) template {
	segments := templateSegments(strings.TrimPrefix(text, "/"))
	if !whole {
		segments[len(segments)-1] = "{rest:.*}"
	}
	t := template{whole: whole, least: len(segments), exact: !slices.ContainsFunc(segments, anyLength)}
	for i, s := range segments {
		if anyLength(s) {
			break
		}
		if i < headSegments && !strings.Contains(s, "{") {
			t.head = append(t.head, demand{i, s})
		}
	}
	if t.exact {
		return t
	}
	slices.Reverse(segments)
	for i, s := range segments {
		if anyLength(s) {
			break
		}
		if i < tailSegments && !strings.Contains(s, "{") {
			t.tail = append(t.tail, demand{i, s})
		}
	}
	return t
}

// templateSegments cuts a template at its slashes, but at none within braces.
func templateSegments(text string) (out []string) {
	depth, from := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth == 0 {
				out, from = append(out, text[from:i]), i+1
			}
		}
	}
	return append(out, text[from:])
}

// anyLength reports whether a segment of a template can match several segments of a path.
func anyLength(segment string) bool {
	before, pattern, braced := strings.Cut(segment, "{")
	if !braced {
		return false
	}
	_, expression, has := strings.Cut(pattern, ":")
	return has && (before != "" || expression != "[^/]+}")
}

// maybe reports whether a leaf can match, so that mux is to be asked.
func (l *leaf) maybe(method string, p *path) bool {
	t := &l.template
	if l.methods != nil && !slices.Contains(l.methods, method) || p.count < t.least || t.exact && p.count != t.least {
		return false
	}
	for _, d := range t.head {
		if p.head[d.at] != d.text {
			return false
		}
	}
	for _, d := range t.tail {
		if p.tail[d.at] != d.text {
			return false
		}
	}
	return true
}
