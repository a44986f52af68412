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
