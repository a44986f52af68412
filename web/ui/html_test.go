package ui_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// elements are the elements below n for which a test holds, in their order.
func elements(n *html.Node, is func(*html.Node) bool) (out []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && is(d) {
			out = append(out, d)
		}
	}
	return out
}

// parsed is a page as a tree.
func parsed(t *testing.T, page []byte) *html.Node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(string(page)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// named reports whether an element has a name.
func named(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
}

// classed reports whether an element has a class.
func classed(class string) func(*html.Node) bool {
	return func(n *html.Node) bool { return strings.Contains(" "+attr(n, "class")+" ", " "+class+" ") }
}

// chosen is the value that a list of a form begins with.
func chosen(list *html.Node) string {
	options := elements(list, named("option"))
	i := slices.IndexFunc(options, func(o *html.Node) bool {
		return slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" })
	})
	if len(options) == 0 {
		return ""
	}
	return attr(options[max(i, 0)], "value")
}

// shownText is what an element shows to people, with one space between words: not what is for screen readers, nor buttons that scripts show.
func shownText(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		if n.Data == "span" && classed("muted")(n) { // in some lists it is a line of its own
			b.WriteString(" ")
		}
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || classed("hidden")(n) || n.Data == "button") {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		switch n.Data {
		case "br", "p", "li", "td", "th", "dd", "dt", "div":
			b.WriteString(" ")
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// row is a row of a table, by the texts of its headings.
type row map[string]*html.Node

// text is what a cell shows.
func (r row) text(heading string) string {
	if r[heading] == nil {
		return "no column " + heading
	}
	return shownText(r[heading])
}

// chips are the texts of the chips in a cell.
func (r row) chips(heading string) (out []string) {
	if r[heading] == nil {
		return []string{"no column " + heading}
	}
	for _, n := range elements(r[heading], classed("chip")) {
		out = append(out, shownText(n))
	}
	return out
}

// tableOf are the rows of a table, found by the label of the region around it; nil: the page has no such table.
func tableOf(page *html.Node, label string) (out []row) {
	for _, region := range elements(page, func(n *html.Node) bool { return classed("scroll")(n) && attr(n, "aria-label") == label }) {
		var headings []string
		for _, head := range elements(region, named("thead")) {
			for _, th := range elements(head, named("th")) {
				headings = append(headings, shownText(th))
			}
		}
		for _, body := range elements(region, named("tbody")) {
			for _, tr := range elements(body, named("tr")) {
				r := row{}
				for i, cell := range elements(tr, func(n *html.Node) bool { return n.Data == "td" || n.Data == "th" }) {
					if i < len(headings) {
						r[headings[i]] = cell
					}
				}
				out = append(out, r)
			}
		}
	}
	return out
}

// identified reports whether an element has an id.
func identified(id string) func(*html.Node) bool {
	return func(n *html.Node) bool { return attr(n, "id") == id }
}
