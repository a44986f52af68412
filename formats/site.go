package formats

import (
	"net/http"

	"github.com/gorilla/mux"

	"slipway/registry"
)

// Site is what formats are written against: the server that they are mounted on, and the parts of the core.
type Site struct {
	*Server
	Parts *Parts
}

// ServeFile is ServeStored with the bytes of the catalog.
func (s *Site) ServeFile(w http.ResponseWriter, r *http.Request, f registry.File, o FileOptions) error {
	return s.ServeStored(w, r, f, s.Parts.Catalog, o)
}

// Mounter makes a front-end one that can be mounted on the site's server.
func (s *Site) Mounter(f FrontEnd) Mounter { return mounted{s, f} }

type mounted struct {
	site *Site
	of   FrontEnd
}

// Mount implements Mounter.
func (m mounted) Mount(root *mux.Router, _ *Server) { m.of.Mount(root, m.site) }
