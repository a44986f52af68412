package ui

import (
	"bufio"
	"bytes"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"

	"slipway/docs"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// docPage is one file of the documentation: a page, or a file that pages link to.
type docPage struct {
	Path, Title string
	// html is the page as HTML; nil for a file that is no page.
	html func() (template.HTML, error)
}

// docGroup is a part of the table of contents: the pages of one folder.
type docGroup struct {
	ID, Title string // the id is the folder's name
	Pages     []docPage
}

// markdown renders the pages, whose tables and links are those of GitHub's Markdown. Raw HTML in a page is left out.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Strikethrough),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	)
})

// docPages are all files, in the order of their paths. They are looked at when somebody asks: until then none of their bytes is in memory.
var docPages = sync.OnceValue(func() []docPage {
	var out []docPage
	err := fs.WalkDir(docs.Pages, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		page := docPage{Path: name, Title: path.Base(name)}
		if path.Ext(name) == ".md" {
			page.Title, err = firstLine(name)
			page.html = sync.OnceValues(func() (template.HTML, error) {
				body, err := fs.ReadFile(docs.Pages, name) // a copy, which is not held for pages that are not read
				if err != nil {
					return "", err
				}
				var b bytes.Buffer
				err = markdown().Convert(body, &b)
				return template.HTML(b.String()), err //nolint:gosec // the pages are part of the program, and raw HTML in them is left out
			})
		}
		out = append(out, page)
		return err
	})
	if err != nil { // the files are part of the program
		panic(err)
	}
	return out
})

// firstLine is the title of a page.
func firstLine(name string) (string, error) {
	f, err := docs.Pages.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReaderSize(f, 256).ReadString('\n')
	return strings.TrimSpace(strings.TrimLeft(line, "# ")), err
}

// docGroups is the table of contents: the pages for users first.
var docGroups = sync.OnceValue(func() []docGroup {
	groups := []docGroup{
		{ID: "pages", Title: "Use and operate"}, {ID: "protocols", Title: "Clients"}, {ID: "spec", Title: "Rules of the protocols"}, {ID: "decisions", Title: "Decisions"},
		{ID: "files", Title: "Files"},
	}
	for _, p := range docPages() {
		folder := path.Dir(p.Path)
		at := slices.IndexFunc(groups, func(g docGroup) bool { return g.ID == folder })
		switch {
		case folder == ".":
			at = 0
		case docPictures[path.Ext(p.Path)] != "":
			continue // pages show it
		case at < 0:
			at = len(groups) - 1
		}
		groups[at].Pages = append(groups[at].Pages, p)
	}
	return groups
})

func (u *Pages) documentationPages() []page {
	return []page{
		{path: "/docs", name: "web.docs", open: true, show: func(w http.ResponseWriter, r *http.Request) error {
			http.Redirect(w, r, frameOf(r).Base+"/docs/", http.StatusMovedPermanently)
			return nil
		}},
		{path: "/docs/", name: "web.docs", open: true, show: u.contents, nav: "Docs"},
		{path: "/docs/{path:.+}", name: "web.docs.page", open: true, show: u.documentation},
	}
}

// docsView has the values of the list of pages, and of a search in them.
type docsView struct {
	*frame
	Groups []docGroup
	Words  string // that are looked for; "": none
	Hits   []docHit
}

// contents answers GET /docs/?q=: the list of pages, or the parts of them that have all of the words.
func (u *Pages) contents(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	v := docsView{frame: frameOf(r)}
	if v.Words, err = q.Text("q"); err != nil {
		return err
	}
	if v.Words = strings.TrimSpace(v.Words); v.Words == "" {
		v.Groups = docGroups()
	} else if v.Hits, err = searchDocs(v.Words); err != nil {
		return err
	}
	v.about("Documentation")
	docHeader(w, r)
	return write(w, r, http.StatusOK, "docs", v)
}

// docView has the values of a page of the documentation.
type docView struct {
	*frame
	Text  template.HTML
	Words string
	Parts []docPart // below its title: those of the second level
}

// documentation answers GET /docs/<path>: a page as HTML to browsers, and as the Markdown that it was written in to other clients; any
// other file as it is.
func (u *Pages) documentation(w http.ResponseWriter, r *http.Request) error {
	name, err := wire.Segment(r, "path")
	if err != nil {
		return err
	}
	f := frameOf(r)
	i := slices.IndexFunc(docPages(), func(p docPage) bool { return p.Path == name })
	if slices.ContainsFunc(docGroups(), func(g docGroup) bool { return g.ID == strings.TrimSuffix(name, "/") }) { // pages link to folders
		http.Redirect(w, r, f.Base+"/docs/#"+strings.TrimSuffix(name, "/"), http.StatusFound)
		return nil
	}
	if i < 0 {
		return registry.Errorf(registry.NotFound, registry.AboutRequest, "there is no such page; /docs/ lists them")
	}
	docHeader(w, r)
	page := docPages()[i]
	if page.html == nil || httpserver.Accepts(r.Header, "text/html") == 0 {
		body, err := fs.ReadFile(docs.Pages, name)
		if err != nil {
			return err
		}
		media := wire.PlainText
		if picture := docPictures[path.Ext(name)]; picture != "" {
			media = picture
		}
		return wire.WriteBytes(w, media, body)
	}
	text, err := page.html()
	if err != nil {
		return err
	}
	source, err := fs.ReadFile(docs.Pages, name)
	if err != nil {
		return err
	}
	v := docView{frame: f, Text: addressed(name, text, f.Base)}
	for _, part := range docParts(source) {
		if part.Level == 2 {
			v.Parts = append(v.Parts, part)
		}
	}
	f.about(page.Title)
	f.crumb("Documentation", "/docs/")
	return write(w, r, http.StatusOK, "doc", v)
}

// exampleAddress is the address of a server in the pages, with its scheme and credentials, as in a client's file, or alone.
var exampleAddress = regexp.MustCompile(`https://([^\s/@<>]*@)?registry\.example\.com|//registry\.example\.com|registry\.example\.com`)

// addressed puts the server's own address into the set-up lines of a page about clients, so that they can be copied as they are.
func addressed(name string, text template.HTML, base string) template.HTML {
	if path.Dir(name) != "protocols" && name != "operations.md" { // elsewhere it is a registry of others
		return text
	}
	scheme, rest, _ := strings.Cut(template.HTMLEscapeString(base), "//")
	host, _, _ := strings.Cut(rest, "/")
	return template.HTML(exampleAddress.ReplaceAllStringFunc(string(text), func(s string) string { //nolint:gosec // the address is escaped
		login, whole := strings.CutPrefix(strings.TrimSuffix(s, "registry.example.com"), "https:")
		switch {
		case whole:
			return scheme + login + rest
		case login == "//":
			return login + rest
		default: // as an image begins
			return host
		}
	}))
}

// docPictures are the media types of the pictures that pages show.
var docPictures = map[string]string{".webp": "image/webp", ".png": "image/png"}

func docHeader(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", httpserver.RevalidateCache(r.Context()))
}
