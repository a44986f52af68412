package formats

import (
	"net/http"

	"github.com/gorilla/mux"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// Site is what formats are written against: the server that they are mounted on, and the parts of the core.
type Site struct {
	*httpserver.Server
	Parts *Parts
}

// ServeFile is ServeStored with the bytes of the catalog.
func (s *Site) ServeFile(w http.ResponseWriter, r *http.Request, f registry.File, o httpserver.FileOptions) error {
	return s.ServeStored(w, r, f, s.Parts.Catalog, o)
}

// Mounter makes a front-end one that can be mounted on the site's server.
func (s *Site) Mounter(f FrontEnd) httpserver.Mounter { return mounted{s, f} }

type mounted struct {
	site *Site
	of   FrontEnd
}

// Mount implements Mounter.
func (m mounted) Mount(root *mux.Router, _ *httpserver.Server) { m.of.Mount(root, m.site) }
