package ui

import (
	"context"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
	"slipway/registry/instance"
	"slipway/web/internal/wire"
)

// Pages are the pages for people, and the files that browsers request with them.
type Pages struct {
	program  string // its version
	pictures bool   // those of readmes are shown
	guide    *setup.Guide
	api      *client.Client
	accounts *accounts.Accounts // by Over
	server   *httpserver.Server // by Mount
	nav      []page             // those of the pages that the header leads to; by Mount
}

// New makes the pages of a version of the program. They ask the API by a transport that answers in this process, as api.API.Direct does, and
// show how to set up the clients of the formats.
func New(version string, transport http.RoundTripper, sections ...setup.Section) *Pages {
	api, err := client.New("http://slipway", client.Options{UserAgent: "slipway-pages", HTTP: &http.Client{Transport: transport}})
	if err != nil {
		panic(err) // the address is a valid one
	}
	return &Pages{program: version, pictures: true, guide: setup.NewGuide(sections...), api: api}
}

// Over sets the instance whose accounts log browsers in; it is called before Mount.
func (u *Pages) Over(i *instance.Instance) { u.accounts = i.Accounts }

// ShowPictures says whether pages show the pictures of readmes, which browsers ask other hosts for; they do unless it says otherwise. It is called
// before Mount.
func (u *Pages) ShowPictures(shown bool) { u.pictures = shown }

// page is a page, or several of one form: the registry of all pages makes the routes and the header's links of it.
type page struct {
	path string // of the router
	name string // of the route in logs and metrics
	show httpserver.Handler
	act  httpserver.Handler // answers POST; nil: the page has no form that changes anything
	past bool               // it can show the past: ?as_of=
	open bool               // it is for everybody: wrong credentials make no difference
	nav  string             // the text of the header's link to it; "": there is none
	// needs says whom the header shows the link; nil: everybody.
	needs func(access.Actor) bool
}

// all is the registry of the pages, in the order in which the router tries them.
func (u *Pages) all() []page {
	return slices.Concat(u.loginPages(), u.mePages(), u.homePages(), u.searchPages(), u.setupPages(), u.comparePages(), u.insidePages(), u.environmentPages(), u.deploymentPages(), u.logPages(), u.subscriptionPages(),
		u.adminPages(), u.adminPlacesPages(), u.upstreamPages(), u.rulePages(), u.cachePages(), u.publishPages(), u.settingPages(), u.packageSettingPages(), u.pullPages(), u.versionPages(), u.packagePages(), u.repositoryPages(), u.documentationPages())
}

// Mount adds the routes.
func (u *Pages) Mount(root *mux.Router, server *httpserver.Server) {
	u.server, u.nav = server, nil
	server.Unrouted(u.failure)
	server.ShowErrors(u.fileProblem)
	for _, p := range u.all() {
		if p.nav != "" {
			u.nav = append(u.nav, p)
		}
		root.Handle(p.path, u.handle(p, p.show)).Methods(http.MethodGet, http.MethodHead)
		if p.act != nil {
			root.Handle(p.path, u.handle(p, p.act)).Methods(http.MethodPost)
		}
	}
	file := func(path, name string, h httpserver.Handler) {
		root.Handle(path, server.Handle(httpserver.Route{Format: "web", Name: name, Public: true, Still: true}, u.failure, h)).Methods(http.MethodGet, http.MethodHead)
	}
	file("/ui/{file}", "web.static", u.asset)
	file("/favicon.ico", "web.icon", static("image/vnd.microsoft.icon", favicon))
	file("/robots.txt", "web.robots", static("text/plain; charset=utf-8", robots))
}

// handle wraps the handler of a page, which finds its frame by frameOf.
func (u *Pages) handle(p page, h httpserver.Handler) http.Handler {
	return u.server.Handle(httpserver.Route{Format: "web", Name: p.name, Public: true}, u.failure, func(w http.ResponseWriter, r *http.Request) error {
		hd := w.Header()
		hd.Set("Cache-Control", "private, no-cache")
		hd.Set("Vary", pageVary)
		with, err := u.caller(r)
		switch {
		case err == nil:
			r = with
		case !p.open:
			return err
		}
		noStore(hd, r)
		if r.Method == http.MethodPost {
			if err := parseForm(w, r, p.path != loginPath); err != nil {
				return err
			}
		}
		f, err := u.newFrame(r, p)
		if err != nil {
			return err
		}
		ctx := wire.WithRenew(context.WithValue(r.Context(), frameKey{}, f), func(context.Context) (context.Context, error) {
			again, err := u.caller(r)
			return again.Context(), err
		})
		if r.Method != http.MethodPost {
			ctx = catalog.Local(ctx) // a page waits for no registry elsewhere
		}
		r = r.WithContext(ctx)
		err = h(w, r)
		if name := mux.Vars(r)["repository"]; name != "" && client.IsStatus(err, http.StatusNotFound) {
			err = u.goneRepository(w, r, name, err)
		}
		return problemOf(err)
	})
}

var _ httpserver.Mounter = (*Pages)(nil)
