package raw

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/version"
	"slipway/internal/httpserver"
	"slipway/registry"
)

const (
	name   = "raw"
	prefix = "/raw/"
)

type format struct{}

// New returns the format.
func New() formats.Format { return format{} }

func (format) Name() string { return name }

// Rules: a package is one path segment, as it is written.
func (format) Rules() registry.Rules {
	return registry.Rules{PURLType: "generic", PackagePURL: packagePURL, Order: order, States: []registry.State{registry.Deprecated, registry.Yanked}, Normalize: func(pkg string) (string, error) {
		if strings.Contains(pkg, "/") {
			return "", registry.Errorf(registry.Invalid, registry.AboutPackage, "a raw package can't contain a slash: %q", formats.Clip(pkg))
		}
		return pkg, nil
	}, Settings: []registry.Setting{redeploy.Setting}, Readme: registry.ReadmeFile}
}

// order is registry.Rules.Order.
func order(v string) []byte {
	key, _ := version.Key(v)
	return key
}

type handlers struct {
	site *formats.Site
	svc  *formats.Parts
	sums *sumCache
}

func (format) Mount(root *mux.Router, site *formats.Site) {
	h := &handlers{site: site, svc: site.Parts, sums: newSumCache()}
	router := root.PathPrefix(prefix).Subrouter()
	for _, path := range []string{"/{repository}", "/{repository}/{path:.*}"} {
		route := func(rt string, public bool, fn httpserver.Handler, methods ...string) {
			rt = name + "." + rt
			r := httpserver.Route{Format: name, Name: rt, Public: public, Sums: true, InPublish: rt == name+".put"}
			router.Handle(path, site.Handle(r, render, fn)).Methods(methods...)
		}
		route("get", false, h.get, http.MethodGet, http.MethodHead)
		route("put", false, h.put, http.MethodPut)
		route("delete", false, h.delete, http.MethodDelete)
		route("options", true, h.options, http.MethodOptions)
	}
	site.Fallback(root, router, name, render)
}

// options answers OPTIONS with 200. It sends no DAV header, because that would make old uploaders send MKCOL.
func (h *handlers) options(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Allow", "GET, HEAD, PUT, DELETE, OPTIONS")
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}
