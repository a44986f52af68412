package ui

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gorilla/mux"

	"slipway/api"
	"slipway/formats/setup"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/web/internal/wire"
)

// maxListed bounds the repositories on the front page; the API has them all.
const maxListed = 200

//go:embed page/index.html
var pageSource string

//go:embed page/style.css
var pageStyle string

//go:embed page/favicon.ico
var favicon []byte

//go:embed page/robots.txt
var robots []byte

// pageTemplate escapes by context. The style is fixed and has no values in it.
var pageTemplate = template.Must(template.New("").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(pageStyle) },
}).Parse(pageSource))

// pagePolicy allows the page its own style and nothing else: no script, no frame, nothing from other hosts.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// Page is the front page at /, with the files that browsers request from every site: an icon, and robots.txt.
type Page struct {
	version string
	guide   *setup.Guide
	core    *registry.Core
}

// New makes the pages, which show a version of the program and how to set up the clients of its formats.
func New(version string, sections ...setup.Section) *Page {
	return &Page{version: version, guide: setup.NewGuide(sections...)}
}

// Over sets the instance whose repositories the front page lists; it is called before Mount.
func (p *Page) Over(i *instance.Instance) { p.core = i.Core }

// Mount adds the routes.
func (p *Page) Mount(root *mux.Router, server *httpserver.Server) {
	failure := func(w http.ResponseWriter, r *http.Request, e *registry.Error) { p.failure(w, r, server, e) }
	server.Unrouted(failure)
	get := func(path, name string, h httpserver.Handler) {
		rt := httpserver.Route{Format: "web", Name: name, Public: true}
		root.Handle(path, server.Handle(rt, failure, h)).Methods(http.MethodGet, http.MethodHead)
	}
	get("/", "web.page", func(w http.ResponseWriter, r *http.Request) error { return p.front(w, r, server) })
	get("/docs", "web.docs", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, server.BaseURL(r)+"/docs/", http.StatusMovedPermanently)
		return nil
	})
	get("/docs/", "web.docs", func(w http.ResponseWriter, r *http.Request) error { return p.contents(w, known(r, server), server) })
	get("/docs/{path:.+}", "web.docs.page", func(w http.ResponseWriter, r *http.Request) error {
		return p.documentation(w, known(r, server), server)
	})
	get("/favicon.ico", "web.icon", static("image/vnd.microsoft.icon", favicon))
	get("/robots.txt", "web.robots", static("text/plain; charset=utf-8", robots))
}

// known returns a request with its caller in the context, for pages that everybody may see: they greet a visitor who is logged in.
// Credentials that are wrong make no difference there.
func known(r *http.Request, server *httpserver.Server) *http.Request {
	if r.Header.Get("Authorization") == "" {
		return r
	}
	if with, err := server.Authenticate(r); err == nil {
		return with
	}
	return r
}

// frame returns the values that a page for this visitor begins with.
func (p *Page) frame(r *http.Request, server *httpserver.Server, title string) frame {
	f := frame{Title: title + " · Slipway", Version: p.version, Base: server.BaseURL(r)}
	if caller := access.From(r.Context()); caller.Type != access.TypeAnonymous {
		f.Caller = caller.Name
	}
	return f
}

// static answers with bytes that are part of the program.
func static(contentType string, body []byte) httpserver.Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Cache-Control", "public, max-age=86400")
		return wire.WriteBytes(w, contentType, body)
	}
}

// frame has the values that every page shows.
type frame struct {
	Title   string
	Version string
	Base    string // public address without trailing slash
	Caller  string // "": the visitor is not logged in
}

// pageView has the values of the front page.
type pageView struct {
	frame
	Repositories []repositoryView
	More         bool // more repositories than are listed
	Repository   string
	Setup        []setup.Section
	Kept         string // what the formats of the program keep, as text
}

type repositoryView struct {
	Name, Description string
	Link              string
	Shown             bool // its set-up lines are on the page
}

// front answers GET /: a page for browsers, and a few addresses as JSON for everything else. It needs no credentials, but with
// them it shows more: ?login asks a browser for them. ?repository= chooses the repository of the set-up lines.
func (p *Page) front(w http.ResponseWriter, r *http.Request, server *httpserver.Server) error {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept")
	h.Add("Vary", "Authorization")
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	if r, err = server.Authenticate(r); err != nil {
		return err
	}
	caller := access.From(r.Context())
	if _, asked := q["login"]; asked && caller.Type == access.TypeAnonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in with your user name and password, or with a token as the password")
	}
	base := server.BaseURL(r)
	if httpserver.Accepts(r.Header, "text/html") == 0 {
		return httpserver.JSON(w, http.StatusOK, p.index(base))
	}
	view, err := p.view(r, base, q)
	if err != nil {
		return err
	}
	if caller.Type != access.TypeAnonymous {
		view.Caller = caller.Name
	}
	return writePage(w, http.StatusOK, "index", view)
}

// writePage answers with a page that may load nothing but its own style and icon.
func writePage(w http.ResponseWriter, status int, name string, view any) error {
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, name, view); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}

// failure answers browsers with a page, and other clients with a problem.
func (p *Page) failure(w http.ResponseWriter, r *http.Request, server *httpserver.Server, e *registry.Error) {
	w.Header().Add("Vary", "Accept")
	if httpserver.Accepts(r.Header, "text/html") == 0 {
		httpserver.Problem(w, r, e)
		return
	}
	httpserver.ErrorHeader(w.Header(), e)
	status := httpserver.StatusOf(e)
	problem := api.Problem{Title: http.StatusText(status), Detail: e.Detail, RequestID: httpserver.RequestID(r.Context())}
	_ = writePage(w, status, "problem", struct { // the client went away
		frame
		Problem api.Problem
	}{p.frame(known(r, server), server, problem.Title), problem})
}

// index is the front page for programs.
func (p *Page) index(base string) any {
	return struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		API     string `json:"api"`
		OpenAPI string `json:"openapi"`
		Docs    string `json:"docs"`
	}{"Slipway", p.version, base + api.Prefix, base + api.Prefix + "/openapi.json", base + "/docs/"}
}

// view finds the repositories that the visitor may read. A visitor who may read none sees the set-up lines of main as an
// example, whether or not main exists.
func (p *Page) view(r *http.Request, base string, q wire.Query) (pageView, error) {
	v := pageView{frame: frame{Title: "Slipway", Version: p.version, Base: base}, Repository: registry.DefaultRepository}
	repos, next, err := p.core.Repositories(r.Context(), registry.Page{Limit: maxListed})
	if err != nil && registry.KindOf(err) != registry.Unauthenticated {
		return v, err
	}
	wanted, err := q.Text("repository")
	if err != nil {
		return v, err
	}
	switch {
	case wanted != "":
		if _, err := p.core.Repository(r.Context(), wanted); err != nil {
			return v, err
		}
		v.Repository = wanted
	case len(repos) > 0 && !readsMain(repos):
		v.Repository = repos[0].Name
	}
	v.More = next != ""
	for _, repo := range repos {
		v.Repositories = append(v.Repositories, repositoryView{Name: repo.Name, Description: repo.Description,
			Link: "?repository=" + url.QueryEscape(repo.Name) + "#setup", Shown: repo.Name == v.Repository})
	}
	v.Setup, v.Kept = p.guide.At(setup.AddressOf(base, v.Repository)), p.guide.Kept()
	return v, nil
}

func readsMain(repos []registry.Repository) bool {
	for _, r := range repos {
		if r.Name == registry.DefaultRepository {
			return true
		}
	}
	return false
}

var _ httpserver.Mounter = (*Page)(nil)
