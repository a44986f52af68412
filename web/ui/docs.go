package ui

import (
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"slipway/docs"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// docPage is one page of the documentation.
type docPage struct{ Path, Title string }

// docPages are all pages, those for users of one format last.
var docPages = func() []docPage {
	var out []docPage
	err := fs.WalkDir(docs.Pages, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(docs.Pages, name)
		first, _, _ := bytes.Cut(body, []byte("\n"))
		out = append(out, docPage{name, strings.TrimLeft(string(first), "# ")})
		return err
	})
	if err != nil { // the files are part of the program
		panic(err)
	}
	return out
}()

// contents answers GET /docs/: the list of pages.
func (p *Page) contents(w http.ResponseWriter, base string) error {
	return writePage(w, http.StatusOK, "docs", struct {
		frame
		Pages []docPage
	}{frame{Title: "Documentation · Slipway", Version: p.version, Base: base}, docPages})
}

// documentation answers GET /docs/<path>: one page as Markdown, which browsers show as text.
func documentation(w http.ResponseWriter, r *http.Request) error {
	name, err := wire.Segment(r, "path")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(docPages, func(p docPage) bool { return p.Path == name }) {
		return registry.Errorf(registry.NotFound, registry.AboutRequest, "there is no such page; /docs/ lists them")
	}
	body, err := fs.ReadFile(docs.Pages, path.Clean(name))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-cache")
	return wire.WriteBytes(w, wire.PlainText, body)
}
