package formats

import (
	"net/http"

	"github.com/gorilla/mux"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// Site is the server that formats are mounted on, with the parts of the core.
type Site struct {
	*httpserver.Server
	Parts *Parts
}

// Handle is Server.Handle; people who open an address of a format in a browser are shown a page where it fails.
func (s *Site) Handle(rt httpserver.Route, render httpserver.Renderer, h httpserver.Handler) http.Handler {
	return s.Server.Handle(rt, s.ForPeople(render), h)
}

// HandleAs is Server.HandleAs; for people, as Handle.
func (s *Site) HandleAs(rt httpserver.Route, auth httpserver.Authenticator, render httpserver.Renderer, h httpserver.Handler) http.Handler {
	return s.Server.HandleAs(rt, auth, s.ForPeople(render), h)
}

// Fallback is Server.Fallback; for people, as Handle.
func (s *Site) Fallback(root, router *mux.Router, format string, render httpserver.Renderer) {
	s.Server.Fallback(root, router, format, s.ForPeople(render))
}

// ServeFile is ServeStored with the catalog as the source of the bytes. Who gets them is noted.
func (s *Site) ServeFile(w http.ResponseWriter, r *http.Request, f registry.File, o httpserver.FileOptions) error {
	return s.ServeStored(w, r, f, s.Parts.Pulls.Noting(s.Parts.Catalog), o)
}

// Mounter adapts a front-end so that it can be mounted on the site's server.
func (s *Site) Mounter(f FrontEnd) httpserver.Mounter { return mounted{s, f} }

type mounted struct {
	site *Site
	of   FrontEnd
}

// Mount implements Mounter.
func (m mounted) Mount(root *mux.Router, _ *httpserver.Server) { m.of.Mount(root, m.site) }
