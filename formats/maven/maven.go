package maven

import (
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
)

const (
	formatName = "maven"
	prefix     = "/maven/"
)

// Options of the format; zero values are sensible.
type Options struct {
	// Quiet is how long after the last file a complete deploy without metadata becomes visible; 0 is 10 s. A deploy that can't be
	// known to be complete takes six times as long.
	Quiet time.Duration
}

const defaultQuiet = 10 * time.Second

// format is the front-end.
type format struct{ quiet time.Duration }

// New returns the format.
func New(o Options) formats.Format {
	if o.Quiet <= 0 {
		o.Quiet = defaultQuiet
	}
	return format{quiet: o.Quiet}
}

// Name implements formats.Format.
func (format) Name() string { return formatName }

// Rules implements formats.Format.
func (f format) Rules() registry.Rules {
	return registry.Rules{
		PURLType: "maven", PackagePURL: packagePURL, FromPURL: fromPURL, Normalize: normalize, Order: order,
		States: []registry.State{registry.Deprecated, registry.Yanked}, Settings: []registry.Setting{immediate.Setting, pomRule.Setting},
		Merge: true, UnionFiles: true, Snapshot: isSnapshot, Family: family, Describe: describeVersion,
	}
}

// family is registry.Rules.Family: the group and those below it.
func family(name string) string {
	group, _, _ := strings.Cut(name, ":")
	return group + ".**"
}

type handlers struct {
	site   *formats.Site
	svc    *formats.Parts
	served *servedSums
	quiet  time.Duration
}

// Mount implements formats.Format.
func (f format) Mount(root *mux.Router, site *formats.Site) {
	h := &handlers{site: site, svc: site.Parts, served: newServedSums(), quiet: f.quiet}
	router := root.PathPrefix(prefix).Subrouter()
	for _, path := range []string{"/{repository}", "/{repository}/{path:.*}"} {
		route := func(rt string, public bool, fn httpserver.Handler, methods ...string) {
			r := httpserver.Route{Format: formatName, Name: formatName + "." + rt, Public: public, InPublish: rt == "put"}
			router.Handle(path, site.Handle(r, render, fn)).Methods(methods...)
		}
		route("get", false, h.get, http.MethodGet, http.MethodHead)
		route("put", false, h.put, http.MethodPut)
		route("options", true, h.options, http.MethodOptions)
	}
	site.Fallback(root, router, formatName, render)
}

// options answers OPTIONS with 200. There is no DAV header: it would make old resolvers send MKCOL (maven.md 4.4).
func (h *handlers) options(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Allow", "GET, HEAD, PUT, OPTIONS")
	empty(w, http.StatusOK)
	return nil
}

func empty(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}
