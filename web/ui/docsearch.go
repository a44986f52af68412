package ui

import (
	"bytes"
	"cmp"
	"html/template"
	"io/fs"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"slipway/docs"
)

// Bounds of a search in the documentation.
const (
	maxDocWords   = 10
	maxDocHits    = 30
	docExcerpt    = 200 // bytes around the first word that was found
	docTitleScore = 100 // a word in the title of a page
	docHeadScore  = 30  // a word in the heading of a part
	docMostTimes  = 20  // more often a word counts no more
)

// docPart is a part of a page: what stands below one of its headings.
type docPart struct {
	ID, Title string // of the heading
	Level     int
	text      []byte // Markdown
}

// docParts cuts a page at its headings.
func docParts(source []byte) []docPart {
	root := markdown().Parser().Parse(text.NewReader(source))
	var out []docPart
	var from []int
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok || h.Lines().Len() == 0 {
			continue
		}
		part := docPart{Level: h.Level, Title: headingText(h, source)}
		if id, ok := h.AttributeString("id"); ok {
			if b, ok := id.([]byte); ok {
				part.ID = string(b)
			}
		}
		last := h.Lines().At(h.Lines().Len() - 1)
		out, from = append(out, part), append(from, last.Stop)
	}
	for i := range out {
		to := len(source)
		if i+1 < len(out) {
			to = max(from[i], bytes.LastIndexByte(source[:from[i+1]], '\n'))
		}
		out[i].text = source[from[i]:to]
	}
	return out
}

// headingText is what a heading says without its marks.
func headingText(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function returns no error
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// docHit is a part of the documentation that a search found.
type docHit struct {
	Page, Title string // of the page
	Part, ID    string // heading and its id
	Excerpt     template.HTML
	score       int
}

// searchDocs finds the parts of pages that have all words of a query, the best first. A word in a title counts more than one in a text.
func searchDocs(query string) (hits []docHit, err error) {
	words := strings.Fields(strings.ToLower(query))
	if len(words) > maxDocWords {
		words = words[:maxDocWords]
	}
	if len(words) == 0 {
		return nil, nil
	}
	for _, page := range docPages() {
		if page.html == nil {
			continue
		}
		source, err := fs.ReadFile(docs.Pages, page.Path)
		if err != nil {
			return nil, err
		}
		lower := strings.ToLower(string(source))
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(lower, w) }) {
			continue // only pages that can have a hit are parsed
		}
		for i, part := range docParts(source) {
			if score := scoreOf(words, page.Title, part); score > 0 {
				hit := docHit{Page: page.Path, Title: page.Title, Part: part.Title, ID: part.ID, Excerpt: excerptOf(part.text, words), score: score}
				if i == 0 {
					hit.Part, hit.ID = "", ""
				}
				hits = append(hits, hit)
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b docHit) int { return cmp.Compare(b.score, a.score) })
	return hits[:min(len(hits), maxDocHits)], nil
}

// scoreOf says how well a part answers a query; 0: it lacks a word.
func scoreOf(words []string, page string, part docPart) (score int) {
	page, title, body := strings.ToLower(page), strings.ToLower(part.Title), strings.ToLower(string(part.text))
	for _, w := range words {
		n := min(strings.Count(body, w), docMostTimes)
		if strings.Contains(title, w) {
			n += docHeadScore
		}
		if n == 0 {
			return 0
		}
		if strings.Contains(page, w) {
			n += docTitleScore
		}
		score += n
	}
	return score
}

// docMarks are signs of Markdown that an excerpt goes without.
var docMarks = strings.NewReplacer("`", "", "**", "", "|", " ", "#", "", "[", "", "](", " (")

// excerptOf shows the place of the first word that a text has, with all words marked.
func excerptOf(body []byte, words []string) template.HTML {
	plain := strings.Join(strings.Fields(docMarks.Replace(string(body))), " ")
	at := -1
	for _, w := range words {
		if i := indexFold(plain, w); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	from := max(0, at-docExcerpt/3)
	if from > 0 {
		from += strings.IndexByte(plain[from:], ' ') + 1
	}
	to := min(len(plain), from+docExcerpt)
	if i := strings.LastIndexByte(plain[from:to], ' '); to < len(plain) && i > 0 {
		to = from + i
	}
	var b strings.Builder
	if from > 0 {
		b.WriteString("… ")
	}
	for rest := plain[from:to]; rest != ""; {
		at, length := len(rest), 0
		for _, w := range words {
			if i := indexFold(rest, w); i >= 0 && i < at {
				at, length = i, len(w)
			}
		}
		b.WriteString(template.HTMLEscapeString(rest[:at]))
		if length > 0 {
			b.WriteString("<mark>" + template.HTMLEscapeString(rest[at:at+length]) + "</mark>")
		}
		rest = rest[at+length:]
	}
	if to < len(plain) {
		b.WriteString(" …")
	}
	return template.HTML(b.String()) //nolint:gosec // every part of it is escaped
}

// indexFold is strings.Index of a lower-case ASCII word in a text in any case; letters beyond ASCII are compared as they are.
func indexFold(s, word string) int {
	lower := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
	return strings.Index(lower, word)
}
