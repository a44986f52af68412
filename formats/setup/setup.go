// Package setup is how formats say how their clients are set up. The front page shows the section of each format.
package setup

import (
	"bytes"
	"encoding/xml"
	"io/fs"
	"net"
	"net/url"
	"path"
	"strings"
	"text/template"
)

// Section is what the pages say of one format.
type Section struct {
	Format           string // its name; formats.Sections sets it
	ID, Title, About string
	// Of and Things name what the format keeps: "npm" and "packages". Formats of the same Things are named together.
	Of, Things string
	// Note is shown in place of a client of which no block applies.
	Note    string
	Clients []Client
	// First are the commands that make the first version of the format in an empty repository, from an empty folder, with the token in
	// SLIPWAY_TOKEN: one block, of which a shell can do every line. Its texts are templates over Address.
	First []Block
	// Install are the commands by which clients take one version. Their texts are templates over Release.
	Install []Client
	// Saw says what a request to the format's address has done, in words such as "installed" and "@acme/web 1.4.2". done: a client that comes
	// so far is set up. did is "" for a request of no interest.
	Saw func(method, path string) (did, what string, done bool)
	// Texts has the file NAME.txt for every block: a text/template over Address, with the functions quote, xml, url, before and after. The page
	// escapes what comes out.
	Texts fs.FS
}

// Client is one client with blocks of text to copy.
type Client struct {
	Name   string
	Blocks []Block
}

// Block is one text to copy. File is where it belongs; empty: into a shell. Text is the NAME of its file, and what Fill made of it
// afterwards.
type Block struct {
	About, File, Text string
}

// Address is what the texts are made of.
type Address struct {
	Base       string // http://host:port/prefix
	Host       string // host:port
	Path       string // /prefix, or ""
	Repository string
	Plain      bool // http, and not on the visitor's own machine: clients want to be told
	HTTP       bool
}

// Release is a version that a client takes.
type Release struct {
	Address
	Package string
	Version string   // "": the newest
	Tag     string   // one that names the version; "": there is none
	Files   []string // paths of its files, or of the first of them
}

// BOM reports whether a version has a POM and nothing that a build could take: it lists versions of others.
func (r Release) BOM() bool {
	pom := false
	for _, f := range r.Files {
		switch path.Ext(f) {
		case ".pom":
			pom = true
		case ".jar", ".war", ".aar", ".klib", ".ear", ".zip", ".gz":
			return false
		}
	}
	return pom
}

// functions are those of the texts.
var functions = template.FuncMap{"quote": quote, "xml": escapeXML, "before": before, "after": after, "url": escapePath}

// quote writes a value for a shell: a name that clients chose is never more than one word.
func quote(parts ...string) string {
	s := strings.Join(parts, "")
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// escapeXML writes a value for the text of an element.
func escapeXML(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

// escapePath writes a value for the path of a URL; its slashes stay.
func escapePath(s string) string {
	segments := strings.Split(s, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return strings.Join(segments, "/")
}

// before and after are what stands on the two sides of the first separator.
func before(s, separator string) string {
	left, _, _ := strings.Cut(s, separator)
	return left
}

func after(s, separator string) string {
	_, right, _ := strings.Cut(s, separator)
	return right
}

// AddressOf is the address of a repository of the server at a base URL.
func AddressOf(base, repository string) Address {
	a := Address{Base: base, Repository: repository}
	u, err := url.Parse(base)
	if err != nil { // the server has checked it
		return a
	}
	a.Host, a.Path, a.HTTP = u.Host, u.EscapedPath(), u.Scheme == "http"
	ip := net.ParseIP(u.Hostname())
	a.Plain = a.HTTP && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
	return a
}

// HostName is the host without its port.
func (a Address) HostName() string {
	u := url.URL{Host: a.Host}
	return u.Hostname()
}

// Guide is the sections of several formats with their texts parsed.
type Guide struct {
	sections []Section
	texts    []*template.Template
}

// NewGuide parses the texts of the sections. It panics where one can't be parsed.
func NewGuide(sections ...Section) *Guide {
	g := &Guide{sections: sections}
	for _, s := range sections {
		g.texts = append(g.texts, template.Must(template.New("").Funcs(functions).ParseFS(s.Texts, "*.txt")))
	}
	return g
}

// At returns the sections with the texts of their blocks filled in; a text that comes out empty does not apply, and its block is
// left out.
func (g *Guide) At(a Address) []Section {
	out := make([]Section, len(g.sections))
	for i, s := range g.sections {
		out[i] = s
		out[i].Clients = make([]Client, len(s.Clients))
		for j, c := range s.Clients {
			out[i].Clients[j] = Client{Name: c.Name, Blocks: fill(g.texts[i], c.Blocks, a)}
		}
	}
	return out
}

// First returns the sections with the commands that make the first version of each format in a repository of the server at a base URL.
func (g *Guide) First(base, repository string) []Section {
	out := make([]Section, len(g.sections))
	for i, s := range g.sections {
		out[i] = s
		out[i].First = fill(g.texts[i], s.First, AddressOf(base, repository))
	}
	return out
}

// Formats are the names of the formats.
func (g *Guide) Formats() []string {
	var out []string
	for _, s := range g.sections {
		out = append(out, s.Format)
	}
	return out
}

// Install returns the commands by which the clients of a format take a version; a client to which none applies is left out.
func (g *Guide) Install(format string, r Release) []Client {
	var out []Client
	for i, s := range g.sections {
		if s.Format != format {
			continue
		}
		for _, c := range s.Install {
			if blocks := fill(g.texts[i], c.Blocks, r); len(blocks) > 0 {
				out = append(out, Client{Name: c.Name, Blocks: blocks})
			}
		}
	}
	return out
}

func fill(texts *template.Template, blocks []Block, values any) []Block {
	var out []Block
	for _, block := range blocks {
		var b bytes.Buffer
		if err := texts.ExecuteTemplate(&b, block.Text+".txt", values); err != nil {
			panic(err) // a fault of the format, found by any test
		}
		if block.Text = strings.TrimSpace(b.String()); block.Text != "" {
			out = append(out, block)
		}
	}
	return out
}

// Kind names one of the things that a format keeps, as in "npm package".
func (g *Guide) Kind(format string) string {
	for _, s := range g.sections {
		if s.Format == format {
			return s.Of + " " + strings.TrimSuffix(s.Things, "s")
		}
	}
	return format + " package"
}

// Kept names what the formats keep, as in "npm and Python packages, OCI images and plain files".
func (g *Guide) Kept() string {
	var things []string
	of := map[string][]string{}
	for _, s := range g.sections {
		if of[s.Things] == nil {
			things = append(things, s.Things)
		}
		of[s.Things] = append(of[s.Things], s.Of)
	}
	for i, t := range things {
		things[i] = enumerate(of[t]) + " " + t
	}
	return enumerate(things)
}

// enumerate is "a, b and c".
func enumerate(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " and " + list[last]
}
