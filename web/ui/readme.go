package ui

import (
	"bytes"
	"html/template"
	"net/http"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"slipway/api"
	"slipway/api/client"
	"slipway/internal/lazyregexp"
)

// readmeView is the readme of a version: HTML that was made of Markdown and cleaned, or text.
type readmeView struct {
	HTML template.HTML
	Text string
	Path string
	Cut  bool
}

// readme returns the readme of a version; nil: it has none.
func (u *Pages) readme(r *http.Request, at client.Package, version string) (*readmeView, error) {
	found, err := u.api.Readme(r.Context(), at, version, frameOf(r).AsOf)
	switch {
	case client.IsStatus(err, http.StatusNotFound), client.IsStatus(err, http.StatusForbidden): // a rule may refuse the file
		return nil, nil //nolint:nilnil // no readme is no error
	case err != nil:
		return nil, err
	}
	return readmeOf(found, u.pictures)
}

// readmeLevels is how far the headings of a readme are below those of the page that it stands on.
const readmeLevels = 2

// readmeOf makes HTML of a readme. Without pictures, links stand in their places.
func readmeOf(found api.Readme, pictures bool) (*readmeView, error) {
	v := &readmeView{Path: found.Path, Cut: found.Cut}
	if found.MediaType != "text/markdown" {
		v.Text = found.Text
		return v, nil
	}
	source := []byte(found.Text)
	document := readmeMarkdown().Parser().Parse(text.NewReader(source))
	var images []*ast.Image
	err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Image:
			if entering && !pictures {
				images = append(images, n)
			}
		case *ast.Heading:
			if entering {
				n.Level = min(n.Level+readmeLevels, 6) //nolint:mnd // the lowest heading of HTML
			}
		case *ast.Link, *ast.AutoLink:
			n.SetAttributeString("rel", []byte(readmeRel))
		}
		return ast.WalkContinue, nil
	})
	for _, n := range images {
		unpicture(n)
	}
	var b bytes.Buffer
	if err == nil {
		err = readmeMarkdown().Renderer().Render(&b, source, document)
	}
	if err != nil {
		return nil, err
	}
	v.HTML = template.HTML(readmePolicy().SanitizeBytes(b.Bytes())) //nolint:gosec // cleaned by the policy
	return v, nil
}

// unpicture puts a link with the text of a picture in its place, or within a link the text alone.
func unpicture(n *ast.Image) {
	in := n.Parent()
	within := false
	for at := in; at != nil; at = at.Parent() {
		within = within || at.Kind() == ast.KindLink
	}
	to := ast.NewLink()
	to.Destination = n.Destination
	to.SetAttributeString("rel", []byte(readmeRel))
	for text := n.FirstChild(); text != nil; text = n.FirstChild() {
		if within {
			in.InsertBefore(in, n, text)
		} else {
			to.AppendChild(to, text)
		}
	}
	if !to.HasChildren() {
		in.RemoveChild(in, n)
		return
	}
	in.ReplaceChild(in, n, to)
}

// readmeRel is the rel of links in readmes.
const readmeRel = "nofollow ugc noopener noreferrer"

// readmeMarkdown is Markdown as GitHub writes it. Raw HTML in it is left out, and headings have no ids.
var readmeMarkdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Strikethrough,
		extension.Linkify, extension.TaskList))
})

var httpsURL = lazyregexp.New(`^https://[^\s"'<>]+$`)

// readmePolicy keeps what a text needs: no script, style, form or frame; links that leave no trace, and pictures by https alone.
var readmePolicy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowStandardURLs()
	p.AllowURLSchemes("https", "http", "mailto")
	p.AllowRelativeURLs(false)
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("rel").OnElements("a")
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "pre", "code", "blockquote", "em", "strong", "del", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("align").Matching(bluemonday.CellAlign).OnElements("th", "td")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("alt").Matching(bluemonday.Paragraph).OnElements("img")
	p.AllowAttrs("src").Matching(httpsURL.Get()).OnElements("img")
	return p
})
